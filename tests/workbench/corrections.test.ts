import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CuvetteError } from '../../src/shared/problem'
import type { FakeHandlers } from './fake-host'
import { description, startBench, temporaryFolder } from './fake-host'

/** An engine that reads corrections as the real one does, as far as these tests go. */
const correcting: FakeHandlers = {
  'cube.describe': async ({ reference }: { reference: string }) => {
    if (!reference.endsWith('.cube.json')) return description(reference)
    const { cube, corrections } = JSON.parse(await readFile(reference, 'utf8')) as { cube: string; corrections: { badBands?: number[] } }
    if (corrections.badBands?.includes(9)) throw new CuvetteError('bad-data', 'There is no band 9.')
    return description(join(dirname(reference), cube), corrections)
  },
}

describe('corrections of a cube', () => {
  it('are kept in the project, and everything is read through them from then on', async () => {
    const asked: string[] = []
    const bench = await startBench({ handlers: { ...correcting, 'cube.spectrum': ({ reference }: { reference: string }) => {
      asked.push(reference)
      return { values: Float32Array.of(1) }
    } } })
    const [cube] = await bench.call('cubes.list', {})
    const corrected = await bench.call('cubes.correct', { cubeId: cube.id, corrections: { badBands: [1] } })
    expect(corrected).toMatchObject({ name: cube.name, corrections: { badBands: [1] }, description: { path: cube.description.path, badBands: [1] } })
    expect(corrected.version).toBeGreaterThan(cube.version)
    await bench.call('cubes.spectrum', { cubeId: cube.id, line: 0, sample: 0 })
    expect(asked[0]).toMatch(/corrections.farm-[0-9a-f]{12}\.cube\.json$/)
    const back = await bench.call('cubes.correct', { cubeId: cube.id, corrections: null })
    expect(back).toMatchObject({ corrections: null, description: { badBands: [] } })
    await bench.call('cubes.spectrum', { cubeId: cube.id, line: 0, sample: 0 })
    expect(asked[1]).toBe(cube.description.path)
  })

  it('are there again when the project is opened again, also when their file was lost', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root, handlers: correcting })
    const [cube] = await first.call('cubes.list', {})
    await first.call('cubes.correct', { cubeId: cube.id, corrections: { noData: -1 } })
    const { folder } = (await first.call('session.info', {})).project
    await first.workbench.shutdown()
    expect(existsSync(join(folder, 'corrections'))).toBe(true)
    await rm(join(folder, 'corrections'), { recursive: true })
    const second = await startBench({ root, handlers: correcting })
    expect((await second.call('cubes.list', {}))[0]).toMatchObject({ corrections: { noData: -1 }, description: { noData: -1 } })
    // Opening the same cube once more does not forget them.
    expect(await second.call('cubes.open', { path: cube.description.path })).toMatchObject({ id: cube.id, description: { noData: -1 } })
  })

  it('that do not fit the cube change nothing', async () => {
    const bench = await startBench({ handlers: correcting })
    const [cube] = await bench.call('cubes.list', {})
    expect(await bench.problem('cubes.correct', { cubeId: cube.id, corrections: { badBands: [9] } })).toMatchObject({ code: 'bad-data' })
    expect(await bench.problem('cubes.correct', { cubeId: cube.id, corrections: { badBands: [-1] } })).toMatchObject({ code: 'bad-argument' })
    expect((await bench.call('cubes.list', {}))[0]).toMatchObject({ corrections: null, version: cube.version })
  })

  it('are what a run is fitted with, and it keeps them', async () => {
    const fitted: string[][] = []
    const bench = await startBench({ handlers: { ...correcting, fit: ({ data }: { data: string[] }) => {
      fitted.push(data)
      throw new CuvetteError('bad-data', 'Far enough.')
    } } })
    const [cube] = await bench.call('cubes.list', {})
    await bench.call('cubes.correct', { cubeId: cube.id, corrections: { badBands: [2] } })
    const [pipeline] = await bench.call('pipelines.list', {})
    const { runId } = await bench.call('runs.start', { pipelineId: pipeline.id, cubeId: cube.id, epochs: null, seed: null, learningRate: null, device: 'cpu' })
    while (fitted.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    await bench.call('cubes.correct', { cubeId: cube.id, corrections: null })
    await bench.call('runs.resume', { runId })
    while (fitted.length === 1) await new Promise((resolve) => setTimeout(resolve, 2))
    expect(fitted[0][0]).toMatch(/\.cube\.json$/)
    expect(fitted[1]).toEqual(fitted[0])
  })
})
