import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CuvetteError } from '../../src/shared/problem'
import type { FakeContext, FakeHandlers } from './fake-host'
import { description, startBench, temporaryFolder, until } from './fake-host'

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

  it('of a file that says them are taken over, and the cube is asked for', async () => {
    const asked: string[] = []
    const bench = await startBench({
      handlers: { 'cube.describe': ({ reference }: { reference: string }) =>
        reference.endsWith('said.cube.json') ? description('/elsewhere/scene.img', { badBands: [2], correctedBy: reference, corrections: { badBands: [2] } })
        : description(reference.endsWith('.cube.json') ? '/elsewhere/scene.img' : reference, reference.endsWith('.cube.json') ? { badBands: [2] } : {}) },
      host: { confirmAccess: async (path: string) => {
        asked.push(path)
        return true
      } },
    })
    const cube = await bench.call('cubes.open', { path: '/shared/said.cube.json' })
    expect(cube).toMatchObject({ name: 'scene.img', corrections: { badBands: [2] }, description: { badBands: [2] } })
    expect(asked).toEqual(['/shared/said.cube.json', '/elsewhere/scene.img'])
  })
})

describe('bad bands that are looked for', () => {
  it('come from the cube as it is corrected, as a job beside other work', async () => {
    const asked: string[] = []
    const bench = await startBench({ handlers: { ...correcting, 'cube.detectBadBands': ({ reference }: { reference: string }, { progress }: FakeContext) => {
      asked.push(reference)
      progress({ kind: 'stage', stage: 'detect', message: 'Looking.', done: 2, total: 2, secondsLeft: 0 })
      return [{ band: 1, reason: 'constant', value: 3 }]
    } } })
    const [cube] = await bench.call('cubes.list', {})
    await bench.call('cubes.correct', { cubeId: cube.id, corrections: { noData: -1 } })
    expect(await bench.call('cubes.detectBadBands', { cubeId: cube.id })).toEqual({ bands: [{ band: 1, reason: 'constant', value: 3 }] })
    expect(asked[0]).toMatch(/\.cube\.json$/)
    expect(bench.events.flatMap((event) => (event.name === 'job' ? [[event.value.kind, event.value.status, event.value.progress]] : []))).toEqual([
      ['detect', 'waiting', null], ['detect', 'running', null], ['detect', 'running', 1], ['detect', 'finished', 1],
    ])
    // Nothing was changed.
    expect((await bench.call('cubes.list', {}))[0].corrections).toEqual({ noData: -1 })
  })

  it('can be stopped', async () => {
    const bench = await startBench({ handlers: { 'cube.detectBadBands': (_: never, { signal }: FakeContext) => new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new CuvetteError('cancelled', 'Stopped.')))
    }) } })
    const [cube] = await bench.call('cubes.list', {})
    const problem = bench.problem('cubes.detectBadBands', { cubeId: cube.id })
    await until(() => bench.events.some((event) => event.name === 'job' && event.value.status === 'running'))
    const [job] = await bench.call('jobs.list', {})
    await bench.call('jobs.stop', { jobId: job.id })
    expect((await problem).code).toBe('cancelled')
  })
})

describe('wavelengths for a cube', () => {
  const axis = { wavelengths: [1, 2, 3], wavelengthUnit: 'nm', wavelengthUnitGuessed: false, fwhm: null }

  it('are read from text, from a file that is granted, and from another cube as it is corrected', async () => {
    const asked: unknown[] = []
    const bench = await startBench({ handlers: { ...correcting, 'spectral.read': (args: unknown) => {
      asked.push(args)
      return axis
    } }, host: { confirmAccess: async (path: string) => !path.includes('secret') } })
    const [cube] = await bench.call('cubes.list', {})
    expect(await bench.call('cubes.readWavelengths', { cubeId: cube.id, source: { kind: 'text', text: '1 2 3' } })).toEqual(axis)
    const file = join(bench.root, 'list.csv')
    await bench.call('cubes.readWavelengths', { cubeId: cube.id, source: { kind: 'file', path: file } })
    await bench.call('cubes.correct', { cubeId: cube.id, corrections: { scale: 2 } })
    await bench.call('cubes.readWavelengths', { cubeId: cube.id, source: { kind: 'cube', cubeId: cube.id } })
    expect(asked).toEqual([
      { bands: 3, source: { text: '1 2 3' } }, { bands: 3, source: { reference: file } }, { bands: 3, source: { reference: expect.stringMatching(/\.cube\.json$/) as string } },
    ])
    expect((await bench.problem('cubes.readWavelengths', { cubeId: cube.id, source: { kind: 'file', path: '/secret/list.csv' } })).code).toBe('not-granted')
    expect((await bench.problem('cubes.readWavelengths', { cubeId: cube.id, source: { kind: 'url', path: 'x' } as never })).code).toBe('bad-argument')
  })
})

describe('a corrected header', () => {
  it('is written where the person allows it, and only of a cube that is corrected', async () => {
    const written: unknown[] = []
    const bench = await startBench({ handlers: { ...correcting, 'cube.writeHeader': (args: { path: string }) => {
      written.push(args)
      return { path: args.path, dataToCopy: null }
    } }, host: { confirmAccess: async (path: string) => !path.includes('secret') } })
    const [cube] = await bench.call('cubes.list', {})
    const path = join(bench.root, 'corrected.hdr')
    expect(await bench.problem('cubes.saveHeader', { cubeId: cube.id, path, replace: false })).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('Nothing of') as string })
    await bench.call('cubes.correct', { cubeId: cube.id, corrections: { scale: 2 } })
    expect(await bench.call('cubes.saveHeader', { cubeId: cube.id, path, replace: true })).toEqual({ path, dataToCopy: null })
    expect(written).toEqual([{ reference: expect.stringMatching(/\.cube\.json$/) as string, path, replace: true }])
    expect((await bench.problem('cubes.saveHeader', { cubeId: cube.id, path: '/secret/corrected.hdr', replace: false })).code).toBe('not-granted')
    expect(written).toHaveLength(1)
  })
})
