import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Workbench } from '../../src/workbench/workbench'
import { startBench, temporaryFolder, until } from './fake-host'

describe('projects', () => {
  it('are made, left and opened again, each with its own cubes, views and dropped files', async () => {
    const bench = await startBench()
    const folder = join(bench.root, 'mine')
    const sample = (await bench.call('session.info', {})).project
    expect(sample.isSample).toBe(true)
    await bench.call('views.set', { part: 'layout', state: 'of the sample' })

    await bench.call('projects.open', { folder, create: true })
    expect(bench.events.filter(({ name }) => name === 'project-opened')).toMatchObject([{ value: { name: 'mine', folder, isSample: false } }])
    expect((await bench.call('session.info', {})).project).toMatchObject({ name: 'mine', folder })
    expect(await bench.call('cubes.list', {})).toEqual([])
    expect(await bench.call('views.get', {})).toEqual({})
    await bench.call('cubes.open', { path: join(bench.root, 'one.hdr') })
    const answer = (await (await bench.data('/data/drop/x.hdr', { method: 'PUT', body: 'ENVI' })).json()) as { path: string }
    expect(answer.path.startsWith(folder)).toBe(true)
    expect(await bench.call('projects.recent', {})).toMatchObject([{ name: 'Sample', folder: sample.folder, missing: false }])

    await bench.call('projects.open', { folder: sample.folder, create: false })
    expect((await bench.call('cubes.list', {})).map(({ name }) => name)).toEqual(['farm.hdr'])
    expect(await bench.call('views.get', {})).toEqual({ layout: 'of the sample' })
    await bench.call('projects.open', { folder, create: false })
    expect((await bench.call('cubes.list', {})).map(({ name }) => name)).toEqual(['one.hdr'])
  })

  it('begin where one left off, and with the sample when that project is gone or cannot be opened', async () => {
    const root = await temporaryFolder()
    const folder = join(root, 'mine')
    const first = await startBench({ root })
    await first.call('projects.open', { folder, create: true })
    await first.workbench.shutdown()

    const second = await startBench({ root })
    expect((await second.call('session.info', {})).project.folder).toBe(folder)
    await second.workbench.shutdown()

    await writeFile(join(folder, 'project.json'), '{"cuvetteProject": 7}')
    const third = await startBench({ root })
    expect((await third.call('session.info', {})).project).toMatchObject({ isSample: true, problems: [{ code: 'unsupported', message: expect.stringContaining('later version') }] })
    expect(await readFile(join(folder, 'project.json'), 'utf8')).toBe('{"cuvetteProject": 7}')
    await third.workbench.shutdown()

    const [entry] = JSON.parse(await readFile(join(third.home, 'recent-projects.json'), 'utf8')).projects as { folder: string }[]
    await rm(folder, { recursive: true })
    await writeFile(join(third.home, 'recent-projects.json'), JSON.stringify({ projects: [{ ...entry, folder, name: 'mine' }] }))
    const fourth = await startBench({ root })
    expect((await fourth.call('session.info', {})).project).toMatchObject({ isSample: true, problems: [] })
    expect(await fourth.call('projects.recent', {})).toMatchObject([{ folder, missing: true }])
  })

  it('that cannot be opened leave the open one as it is', async () => {
    const bench = await startBench()
    const before = (await bench.call('session.info', {})).project
    const empty = join(bench.root, 'empty')
    await mkdir(empty)
    expect(await bench.problem('projects.open', { folder: empty, create: false })).toMatchObject({ code: 'missing-file', message: expect.stringContaining('There is no project in') })
    await writeFile(join(empty, 'project.json'), '{"cuvetteProject": 2}')
    expect((await bench.problem('projects.open', { folder: empty, create: true })).code).toBe('unsupported')
    const other = await Workbench.boot({ ...bench.host, home: join(bench.root, 'other-home') }, { project: join(bench.root, 'taken') })
    expect((await bench.problem('projects.open', { folder: join(bench.root, 'taken'), create: false })).code).toBe('cannot-write')
    await other.shutdown()
    expect((await bench.call('session.info', {})).project).toEqual(before)
    expect((await bench.call('cubes.list', {})).map(({ name }) => name)).toEqual(['farm.hdr'])
    expect(bench.events.some(({ name }) => name === 'project-opened')).toBe(false)
  })

  it('that are left while they work stop, and can be resumed when they are opened again', async () => {
    let begun = false
    const bench = await startBench({ handlers: { fit: async (_args: never, { signal }: { signal: AbortSignal }) => {
      begun = true
      await until(() => signal.aborted)
      throw new Error('ended')
    } } })
    const [cube] = await bench.call('cubes.list', {})
    const [pipeline] = await bench.call('pipelines.list', {})
    const sample = (await bench.call('session.info', {})).project
    await bench.call('runs.start', { pipelineId: pipeline.id, cubeId: cube.id, epochs: null, seed: null, learningRate: null, device: 'cpu' })
    await until(() => begun)
    await bench.call('projects.open', { folder: join(bench.root, 'mine'), create: true })
    expect(await bench.call('runs.list', {})).toEqual([])
    await bench.call('projects.open', { folder: sample.folder, create: false })
    expect(await bench.call('runs.list', {})).toMatchObject([{ status: 'interrupted' }])
  })

  it('ask before a folder is used that nobody chose', async () => {
    const bench = await startBench({ host: { confirmAccess: async () => false } })
    expect((await bench.problem('projects.open', { folder: join(bench.root, 'mine'), create: true })).code).toBe('not-granted')
  })
})
