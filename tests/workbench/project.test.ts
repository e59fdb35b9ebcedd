import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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
    expect((await readdir(folder)).sort()).toEqual(['project.backup.json', 'project.json'])
    await project.close()
  })

  it.each([
    ['no JSON', '{"cuvetteProject": 1,'],
    ['nothing', ''],
    ['another file', '{"name": "package"}'],
    ['an id that is a path', '{"cuvetteProject": 1, "name": "x", "cubes": [], "runs": ["../../x"]}'],
  ])('sets a damaged project.json aside, and keeps the runs that lie in the folder: %s', async (_, text) => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'project.json'), text)
    await mkdir(join(folder, 'runs'))
    await writeFile(join(folder, 'runs', 'run-1.json'), '{}')
    const project = await Project.open(folder, '/resources', empty)
    const kept = (await readdir(folder)).find((name) => name.startsWith('project.json.damaged-'))!
    expect(await readFile(join(folder, kept), 'utf8')).toBe(text)
    expect(project.entry.problems).toMatchObject([{ code: 'bad-data', message: expect.stringContaining(kept) }])
    expect(project.content).toMatchObject({ cubes: [], runs: ['run-1'] })
    await project.close()
  })

  const withCubes = async (folder: string, ids: string[]): Promise<void> => {
    const project = await Project.open(folder, '/resources', empty)
    for (const id of ids) {
      project.content.cubes.push({ id, reference: join(folder, `${id}.hdr`), mask: null })
      await project.save()
    }
    await project.close()
  }

  it.each([
    ['is damaged', async (folder: string) => {
      const whole = await readFile(join(folder, 'project.json'))
      await writeFile(join(folder, 'project.json'), whole.subarray(0, whole.length / 2))
    }],
    ['is gone', (folder: string) => rm(join(folder, 'project.json'))],
  ])('comes back from its backup when project.json %s', async (_, spoil) => {
    const folder = await temporaryFolder()
    await withCubes(folder, ['a', 'b', 'c'])
    await mkdir(join(folder, 'runs'))
    await writeFile(join(folder, 'runs', 'run-1.json'), '{}')
    await spoil(folder)
    const project = await Project.open(folder, '/resources', empty)
    expect(project.content.cubes.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(project.content.runs).toEqual(['run-1'])
    expect(project.entry.problems).toMatchObject([{ code: 'bad-data', message: expect.stringMatching(/recovered from its backup of \d{4}-/) }])
    await project.close()
    // What was recovered is a good project again.
    const again = await Project.open(folder, '/resources', empty)
    expect(again.content.cubes.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(again.problems).toEqual([])
    await again.close()
  })

  it('begins anew, with a sentence, when the backup is damaged as well', async () => {
    const folder = await temporaryFolder()
    await withCubes(folder, ['a', 'b'])
    for (const name of ['project.json', 'project.backup.json']) await writeFile(join(folder, name), '[')
    const project = await Project.open(folder, '/resources', empty)
    expect(project.content.cubes).toEqual([])
    expect(project.problems).toMatchObject([{ message: expect.stringContaining('there is no backup') }])
    await project.close()
    expect((await readdir(folder)).filter((name) => name.includes('.damaged-'))).toHaveLength(2)
  })

  it('refuses a project of a later version, and leaves every byte of it alone', async () => {
    const folder = await temporaryFolder()
    await withCubes(folder, ['a', 'b'])
    const text = '{"cuvetteProject": 2, "name": "x", "panes": []}'
    await writeFile(join(folder, 'project.json'), text)
    const before = await readdir(folder)
    await expect(Project.open(folder, '/resources', empty)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('format 2; this one reads up to 1') })
    expect(await readdir(folder)).toEqual(before)
    expect(await readFile(join(folder, 'project.json'), 'utf8')).toBe(text)
    // And does not keep it locked.
    await writeFile(join(folder, 'project.json'), text.replace('2', '1').replace('"panes": []', '"cubes": [], "runs": []'))
    await (await Project.open(folder, '/resources', empty)).close()
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
