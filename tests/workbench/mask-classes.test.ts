import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ClassCorrection } from '../../src/shared/cube'
import { CuvetteError } from '../../src/shared/problem'
import type { FakeHandlers } from './fake-host'
import { startBench, temporaryFolder } from './fake-host'

const counts = [{ id: 0, count: 20 }, { id: 1, count: 4 }]

/** An engine that reads files with classes as the real one does, as far as these tests go. */
const naming: FakeHandlers = {
  'mask.describe': async ({ reference, shape }: { reference: string; shape: [number, number] }) => {
    if (!reference.endsWith('.mask.json')) return { path: reference, variable: null, shape, classes: counts }
    const { mask, classes } = JSON.parse(await readFile(reference, 'utf8')) as { mask: string; classes: ClassCorrection[] }
    return { path: join(dirname(reference), mask), variable: null, shape, namedBy: reference, classes: counts.map((each) => ({ ...each, ...classes.find(({ id }) => id === each.id) })) }
  },
}

describe('the classes of a mask', () => {
  it('are named in the project, and the mask is read through that from then on', async () => {
    const asked: string[] = []
    const bench = await startBench({ handlers: { ...naming, 'mask.read': ({ reference, shape }: { reference: string; shape: [number, number] }) => {
      asked.push(reference)
      return { shape, values: new Uint8Array(24) }
    } } })
    const [cube] = await bench.call('cubes.list', {})
    const mask = join(bench.root, 'labels.hdr')
    await bench.call('cubes.attachMask', { cubeId: cube.id, path: mask })
    const named = await bench.call('cubes.nameClasses', { cubeId: cube.id, classes: [{ id: 0 }, { id: 1, name: 'weed', colour: [1, 2, 3], use: 'ignore' }] })
    // A class of which nothing is said is not kept.
    expect(named).toMatchObject({ maskClasses: [{ id: 1, name: 'weed', colour: [1, 2, 3], use: 'ignore' }], mask: { path: mask, classes: [{ id: 0, count: 20 }, { id: 1, count: 4, name: 'weed', use: 'ignore' }] } })
    expect((await bench.data(`/data/cubes/${cube.id}/mask?v=${named.version}`)).status).toBe(200)
    expect(asked[0]).toMatch(/corrections.farm-[0-9a-f]{12}\.mask\.json$/)
    const back = await bench.call('cubes.nameClasses', { cubeId: cube.id, classes: null })
    expect(back).toMatchObject({ maskClasses: null, mask: { classes: counts } })
    await bench.data(`/data/cubes/${cube.id}/mask?v=${back.version}`)
    expect(asked[1]).toBe(mask)
  })

  it('are there again when the project is opened again, also when their file was lost', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root, handlers: naming })
    const [cube] = await first.call('cubes.list', {})
    const mask = join(root, 'labels.hdr')
    await first.call('cubes.attachMask', { cubeId: cube.id, path: mask })
    await first.call('cubes.nameClasses', { cubeId: cube.id, classes: [{ id: 1, use: 'normal' }] })
    const { folder } = (await first.call('session.info', {})).project
    await first.workbench.shutdown()
    expect(existsSync(join(folder, 'corrections'))).toBe(true)
    await rm(join(folder, 'corrections'), { recursive: true })
    const second = await startBench({ root, handlers: naming })
    expect((await second.call('cubes.list', {}))[0]).toMatchObject({ maskClasses: [{ id: 1, use: 'normal' }], mask: { path: mask, classes: [{ id: 0 }, { id: 1, use: 'normal' }] } })
  })

  it('go with their mask: another mask has none, and without a mask there is nothing to name', async () => {
    const bench = await startBench({ handlers: naming })
    const [cube] = await bench.call('cubes.list', {})
    await bench.call('cubes.attachMask', { cubeId: cube.id, path: join(bench.root, 'one.hdr') })
    await bench.call('cubes.nameClasses', { cubeId: cube.id, classes: [{ id: 1, use: 'normal' }] })
    expect(await bench.call('cubes.attachMask', { cubeId: cube.id, path: join(bench.root, 'two.hdr') })).toMatchObject({ maskClasses: null, mask: { classes: counts } })
    await bench.call('cubes.detachMask', { cubeId: cube.id })
    expect((await bench.problem('cubes.nameClasses', { cubeId: cube.id, classes: [] })).code).toBe('missing-file')
    for (const classes of [[{ id: 256 }], [{ id: 1, use: 'weed' }], [{ id: 1 }, { id: 1 }], [{ id: 1, name: '' }]]) {
      expect((await bench.problem('cubes.nameClasses', { cubeId: cube.id, classes: classes as never })).code).toBe('bad-argument')
    }
  })

  it('are what a run is fitted with, and it keeps them', async () => {
    const fitted: (string | null)[][] = []
    const bench = await startBench({ handlers: { ...naming, fit: ({ masks }: { masks: string[] }) => {
      fitted.push(masks)
      throw new CuvetteError('bad-data', 'Far enough.')
    } } })
    const [cube] = await bench.call('cubes.list', {})
    await bench.call('cubes.attachMask', { cubeId: cube.id, path: join(bench.root, 'labels.hdr') })
    await bench.call('cubes.nameClasses', { cubeId: cube.id, classes: [{ id: 1, use: 'ignore' }] })
    const [pipeline] = await bench.call('pipelines.list', {})
    const { runId } = await bench.call('runs.start', { pipelineId: pipeline.id, cubeId: cube.id, epochs: null, seed: null, learningRate: null, device: 'cpu' })
    while (fitted.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    await bench.call('cubes.nameClasses', { cubeId: cube.id, classes: null })
    await bench.call('runs.resume', { runId })
    while (fitted.length === 1) await new Promise((resolve) => setTimeout(resolve, 2))
    expect(fitted[0][0]).toMatch(/\.mask\.json$/)
    expect(fitted[1]).toEqual(fitted[0])
  })

  it('of a file that names them are taken over, and the mask is asked for', async () => {
    const handlers: FakeHandlers = { 'mask.describe': ({ reference, shape }: { reference: string; shape: [number, number] }) => ({ path: '/elsewhere/labels.hdr', variable: null, shape, namedBy: reference, classes: [{ id: 1, count: 24, name: 'weed' }] }) }
    const open = await startBench({ handlers })
    const [first] = await open.call('cubes.list', {})
    expect(await open.call('cubes.attachMask', { cubeId: first.id, path: '/shared/said.mask.json' })).toMatchObject({ maskClasses: [{ id: 1, name: 'weed' }], mask: { path: '/elsewhere/labels.hdr' } })
    const bench = await startBench({ handlers, host: { confirmAccess: async (path: string) => path !== '/elsewhere/labels.hdr' } })
    const [cube] = await bench.call('cubes.list', {})
    expect((await bench.problem('cubes.attachMask', { cubeId: cube.id, path: '/shared/said.mask.json' })).code).toBe('not-granted')
    expect((await bench.call('cubes.list', {}))[0].maskClasses).toBeNull()
  })
})
