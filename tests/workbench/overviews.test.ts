import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FakeHandlers } from './fake-host'
import { browseHandlers, startBench, until } from './fake-host'

const slow: FakeHandlers = { 'cube.reading': () => ({ quickStride: 8, overviewStride: 2 }) }

describe('the overview of a cube whose bands are slow', () => {
  it('is made as a job of its own; then the cube comes again, finer', async () => {
    const folders: string[] = []
    let finish = (): void => undefined
    const bench = await startBench({ handlers: { ...slow, 'cube.overview': ({ folder }: { folder: string }) => new Promise((resolve) => {
      folders.push(folder)
      finish = () => resolve({ path: join(folder, 'x.img'), stride: 2 })
    }) } })
    const [coarse] = await bench.call('cubes.list', {})
    expect(coarse.quickStride).toBe(8)
    await until(() => folders.length === 1)
    expect(await bench.call('jobs.list', {})).toMatchObject([{ kind: 'overview', title: 'Overview of farm.hdr', status: 'running' }])
    finish()
    await until(() => bench.events.some(({ name, value }) => name === 'cube' && value.quickStride === 2))
    const [fine] = await bench.call('cubes.list', {})
    expect(fine.version).toBeGreaterThan(coarse.version)
    expect(folders[0].startsWith(bench.home)).toBe(true)
  })

  it('is what bands and their statistics are read from', async () => {
    const asked: unknown[] = []
    const usual = browseHandlers()
    const overview = { path: '/overview.img', stride: 2 }
    const bench = await startBench({ handlers: {
      ...slow,
      'cube.overview': () => overview,
      'cube.band': (args: never) => { asked.push(args); return usual['cube.band']?.(args, undefined as never) },
      'cube.bandStatistics': (args: never) => { asked.push(args); return usual['cube.bandStatistics']?.(args, undefined as never) },
    } })
    await bench.call('cubes.list', {})
    await until(() => bench.events.some(({ name, value }) => name === 'cube' && value.quickStride === 2))
    await bench.data('/data/cubes/farm/bands/1?stride=2')
    await bench.call('cubes.bandStatistics', { cubeId: 'farm', bands: [1] })
    expect(asked).toMatchObject([{ band: 1, stride: 2, window: null, overview }, { bands: [1], stride: 2, overview }])
  })

  it('that is stopped leaves the coarse picture, and no problem', async () => {
    const bench = await startBench({ handlers: { ...slow, 'cube.overview': () => new Promise(() => undefined) } })
    await bench.call('cubes.list', {})
    const [job] = await bench.call('jobs.list', {})
    await bench.call('jobs.stop', { jobId: job.id })
    await until(() => bench.events.some(({ name, value }) => name === 'job' && value.status === 'stopped'))
    expect((await bench.call('cubes.list', {}))[0].quickStride).toBe(8)
    expect((await bench.call('session.info', {})).project.problems).toEqual([])
  })
})

describe('a window of a band', () => {
  it.each([
    ['0,2,4,2', 1, { line: 0, sample: 2, lines: 4, samples: 2 }],
    ['2,4,2,2', 2, { line: 2, sample: 4, lines: 2, samples: 2 }],
  ])('%s at stride %i is handed on', async (text, stride, window) => {
    const asked: unknown[] = []
    const bench = await startBench({ handlers: { 'cube.band': (args: never) => { asked.push(args); return { shape: [1, 1], values: Float32Array.of(1) } } } })
    await bench.call('cubes.list', {})
    expect((await bench.data(`/data/cubes/farm/bands/0?stride=${stride}&window=${text}`)).status).toBe(200)
    expect(asked).toMatchObject([{ window, stride }])
  })

  it.each(['0,0,5,1', '0,0,1,7', '0,0,0,1', '1,0,1,1&stride=2', '0,0,1', '0,0,1,1,1', 'a,0,1,1', '-1,0,1,1'])('%s is refused', async (text) => {
    const bench = await startBench()
    await bench.call('cubes.list', {})
    const response = await bench.data(`/data/cubes/farm/bands/0?window=${text}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'bad-argument' })
  })
})
