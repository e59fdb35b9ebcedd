import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CuvetteError } from '../../src/shared/problem'
import { startBench, temporaryFolder, until } from './fake-host'

const FIRST = { memoryMB: null, overviews: true, theme: 'system', tourSeen: false }

describe('settings', () => {
  it('begin as the engine thinks fit, and are kept for the person, not for the project', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root })
    expect(await first.call('settings.get', {})).toEqual(FIRST)
    expect(await first.call('settings.set', { memoryMB: 128, overviews: false })).toEqual({ ...FIRST, memoryMB: 128, overviews: false })
    expect(await first.call('settings.set', { theme: 'dark' })).toEqual({ ...FIRST, memoryMB: 128, overviews: false, theme: 'dark' })
    await first.workbench.shutdown()
    expect(JSON.parse(await readFile(join(first.home, 'settings.json'), 'utf8'))).toEqual({ ...FIRST, memoryMB: 128, overviews: false, theme: 'dark' })
    expect(await (await startBench({ root })).call('settings.get', {})).toEqual({ ...FIRST, memoryMB: 128, overviews: false, theme: 'dark' })
  })

  it.each([{ memoryMB: 15, overviews: true }, { memoryMB: 64.5, overviews: true }, { theme: 'blue' }, { memoryMB: 64, overviews: true, more: 1 }])('refuse %j', async (settings) => {
    const bench = await startBench()
    expect((await bench.problem('settings.set', settings as never)).code).toBe('bad-argument')
    expect(await bench.call('settings.get', {})).toEqual(FIRST)
  })

  it('begin anew when their file is damaged, which is kept', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root })
    await first.workbench.shutdown()
    await writeFile(join(first.home, 'settings.json'), '{ "memoryMB": "much" }')
    const second = await startBench({ root })
    expect(await second.call('settings.get', {})).toEqual(FIRST)
    expect((await readdir(second.home)).some((name) => name.startsWith('settings.json.damaged-'))).toBe(true)
  })

  it('of an earlier version are read, with the first values for what is new', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root })
    await first.workbench.shutdown()
    await writeFile(join(first.home, 'settings.json'), '{ "memoryMB": 64, "overviews": false }')
    expect(await (await startBench({ root })).call('settings.get', {})).toEqual({ ...FIRST, memoryMB: 64, overviews: false })
  })

  it('that change at the same time are both kept', async () => {
    const bench = await startBench()
    await Promise.all([bench.call('settings.set', { theme: 'light' }), bench.call('settings.set', { tourSeen: true })])
    expect(await bench.call('settings.get', {})).toEqual({ ...FIRST, theme: 'light', tourSeen: true })
  })

  it('give fits and scores their memory', async () => {
    const asked: unknown[] = []
    const bench = await startBench({ handlers: { fit: ({ memoryMB }: { memoryMB?: number }) => {
      asked.push(memoryMB)
      throw new CuvetteError('bad-data', 'Far enough.')
    } } })
    const [cube] = await bench.call('cubes.list', {})
    const [pipeline] = await bench.call('pipelines.list', {})
    const start = () => bench.call('runs.start', { pipelineId: pipeline.id, cubeId: cube.id, epochs: null, seed: null, learningRate: null, device: 'cpu' })
    await start()
    await until(() => asked.length === 1)
    await bench.call('settings.set', { memoryMB: 96, overviews: true })
    await start()
    await until(() => asked.length === 2)
    expect(asked).toEqual([undefined, 96])
  })

  it('let overviews be', async () => {
    const made: string[] = []
    const bench = await startBench({ handlers: {
      'cube.reading': () => ({ quickStride: 4, overviewStride: 2 }),
      'cube.overview': ({ reference }: { reference: string }) => {
        made.push(reference)
        return null
      },
    } })
    await bench.call('cubes.list', {})
    await until(() => made.length === 1)
    await bench.call('settings.set', { memoryMB: null, overviews: false })
    await bench.call('cubes.open', { path: join(bench.root, 'next.hdr') })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(made).toHaveLength(1)
  })
})
