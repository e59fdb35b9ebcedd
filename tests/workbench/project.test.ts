import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ProjectContent } from '../../src/workbench/project'
import { Project } from '../../src/workbench/project'
import { temporaryFolder } from './fake-host'

const empty: ProjectContent = { name: 'Mine', isSample: false, cubes: [], runs: [] }

async function fileOf(folder: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, 'project.json'), 'utf8')) as Record<string, unknown>
}

describe('Project', () => {
  it('keeps paths relative inside the project, marks resources, and reopens as left', async () => {
    const root = await temporaryFolder()
    const [folder, resources] = [join(root, 'p'), join(root, 'resources')]
    const project = await Project.open(folder, resources, empty)
    const cubes = [
      { id: 'a', reference: `${join(folder, 'data', 'scene.mat')}#data`, mask: `${join(folder, 'data', 'scene.mat')}#map` },
      { id: 'b', reference: join(resources, 'sample', 'farm.hdr'), mask: null },
      { id: 'c', reference: '/elsewhere/x.hdr', mask: null },
    ]
    project.content.cubes.push(...cubes)
    project.changed()
    await project.close()
    expect((await fileOf(folder)).cubes).toEqual([
      { id: 'a', reference: 'data/scene.mat#data', mask: 'data/scene.mat#map' },
      { id: 'b', reference: 'resources:sample/farm.hdr', mask: null },
      { id: 'c', reference: '/elsewhere/x.hdr', mask: null },
    ])
    const again = await Project.open(folder, resources, empty)
    expect(again.content.cubes).toEqual(cubes)
    await again.close()
  })

  it('saves by itself, and writes quick changes once', async () => {
    const folder = join(await temporaryFolder(), 'p')
    const project = await Project.open(folder, '/resources', empty)
    for (let n = 0; n < 5; n += 1) {
      project.content.runs.push(`run-${n}`)
      project.changed()
    }
    expect((await fileOf(folder)).runs).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 450))
    expect((await fileOf(folder)).runs).toHaveLength(5)
    expect(await readdir(folder)).toEqual(['project.json'])
    await project.close()
  })

  it.each([
    ['no JSON', '{"cuvetteProject": 1,'],
    ['another file', '{"name": "package"}'],
    ['a later version', '{"cuvetteProject": 2, "name": "x", "cubes": [], "runs": []}'],
    ['an id that is a path', '{"cuvetteProject": 1, "name": "x", "cubes": [], "runs": ["../../x"]}'],
  ])('sets a damaged project.json aside and says so: %s', async (_, text) => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'project.json'), text)
    const project = await Project.open(folder, '/resources', empty)
    const kept = (await readdir(folder)).find((name) => name.startsWith('project.json.damaged-'))!
    expect(await readFile(join(folder, kept), 'utf8')).toBe(text)
    expect(project.entry.problems).toMatchObject([{ code: 'bad-data', message: expect.stringContaining(kept) }])
    await project.close()
  })

  it('is open only once at a time, and a lock left by a crash does not matter', async () => {
    const folder = await temporaryFolder()
    const first = await Project.open(folder, '/resources', empty)
    await expect(Project.open(folder, '/resources', empty)).rejects.toMatchObject({ code: 'cannot-write', path: folder })
    await first.close()
    const second = await Project.open(folder, '/resources', empty)
    await second.close()
  })

  it('says when its folder cannot be written', async () => {
    const root = await temporaryFolder()
    await writeFile(join(root, 'file'), '')
    await expect(Project.open(join(root, 'file', 'p'), '/resources', empty)).rejects.toMatchObject({ code: 'cannot-write' })
    await mkdir(join(root, 'p', 'project.json'), { recursive: true })
    await expect(Project.open(join(root, 'p'), '/resources', empty)).rejects.toMatchObject({ code: 'missing-file' })
  })
})
