import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { contents, deepSVDD, observed, request, scenePixels, SHAPE, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

let folder: string
let cube: string
let earlier: string
let out: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  earlier = join(folder, 'earlier')
  out = join(folder, 'out')
  await fitPipeline(request(deepSVDD(), [cube], earlier), observed())
})
afterEach(() => rm(folder, { recursive: true }))

async function stateOf(path: string): Promise<Map<string, Float32Array>> {
  return new Map([...(await openTrainedPipeline(path)).state].map(([name, { data }]) => [name, data as Float32Array]))
}

describe('a fit that starts from a trained pipeline', () => {
  it('takes everything of the same pipeline, and fits no statistics', async () => {
    const second = await writeScene(folder, 'second', scenePixels(2).map((value) => value + 100))
    const context = observed()
    const report = await fitPipeline(request(deepSVDD(), [second], out, { from: earlier, epochs: 0, seed: 9 }), context)
    expect(report.from).toMatchObject({ path: earlier, taken: ['encoder', 'projection', 'center', 'loss'], anew: [] })
    expect(report.phases.statistical).toMatchObject({ nodes: [], pixels: 0 })
    expect((await contents(out))['state.safetensors']).toBe((await contents(earlier))['state.safetensors'])
    const { record } = await openTrainedPipeline(out)
    expect(record.from).toEqual(report.from)
    expect(record.from?.sha256).toBe((await openTrainedPipeline(earlier)).record.files['state.safetensors'].sha256)
    expect(context.told.find((told) => told.kind === 'stage' && told.stage === 'from')).toMatchObject({ message: `Starts from ${earlier}: encoder, projection, center, loss taken; nothing else has a state` })
  })

  it('goes on where that one ended, with an optimizer of its own', async () => {
    const before = (await openTrainedPipeline(earlier)).record.epochs
    const standing = { optimizer: { name: 'sgd', lr: 1e-30, momentum: 0, weight_decay: 0 }, epochs: 1, batch: { frames: 1 } }
    await fitPipeline(request(deepSVDD(standing, ({ nodes }) => { nodes.center.config = { alpha: 1e-9 } }), [cube], out, { from: earlier }), observed())
    expect((await openTrainedPipeline(out)).record.epochs[0].validationLoss).toBeCloseTo(before[3].validationLoss ?? NaN, 5)
    const trained = await fitPipeline(request(deepSVDD(), [cube], out, { from: earlier }), observed())
    expect(trained.phases.gradient?.loss[0]).toBeLessThan(before[0].loss)
  })

  it('starts a node of another shape anew, says so, and fits the statistics behind it', async () => {
    const wider = deepSVDD({}, ({ nodes }) => { nodes.projection.config = { hidden: 12, rep_dim: 4 } })
    const context = observed()
    const report = await fitPipeline(request(wider, [cube], out, { from: earlier, epochs: 0 }), context)
    const shape = `The tensor projection.net.fc1.weight has shape [12, 6], in ${earlier} [8, 6]; the node projection starts anew.`
    const behind = `What arrives at the node center is not what arrived in ${earlier}, so it is fitted anew.`
    expect(report.from).toMatchObject({ taken: ['encoder', 'loss'], anew: [{ node: 'projection', reason: shape }, { node: 'center', reason: behind }] })
    expect(report.warnings).toEqual(expect.arrayContaining([shape, behind]))
    expect((await openTrainedPipeline(out)).record.warnings).toEqual(expect.arrayContaining([shape, behind]))
    expect(context.told).toContainEqual({ kind: 'warning', message: shape })
    expect(report.phases.statistical).toMatchObject({ nodes: ['center'], pixels: 360 })
    const cold = join(folder, 'cold')
    await fitPipeline(request(wider, [cube], cold, { epochs: 0 }), observed())
    const [found, expected, taken] = await Promise.all([out, cold, earlier].map(stateOf))
    // The encoder learned the same from the same pixels; the rest is drawn from the same seed.
    for (const name of ['projection.net.fc1.weight', 'center._tracked_center']) expect(found.get(name)).toEqual(expected.get(name))
    expect(found.get('loss.r_unconstrained')).toEqual(taken.get('loss.r_unconstrained'))
    expect(found.get('loss.r_unconstrained')).not.toEqual(expected.get('loss.r_unconstrained'))
  })

  it.each([
    ['another node before it', ({ nodes, connections }: Parameters<NonNullable<Parameters<typeof deepSVDD>[1]>>[0]) => {
      nodes.unit = { type: 'PerPixelUnitNorm' }
      connections.splice(0, 1, ['cube.cube', 'unit.data'], ['unit.normalized', 'encoder.data'])
    }],
    ['other bands', ({ nodes }: Parameters<NonNullable<Parameters<typeof deepSVDD>[1]>>[0]) => { nodes.cube.config = { drop_bands: [2] } }],
  ])('fits statistics anew behind %s', async (_what, change) => {
    const report = await fitPipeline(request(deepSVDD({}, change), [cube], out, { from: earlier, epochs: 0 }), observed())
    expect(report.phases.statistical.nodes).toEqual(['encoder', 'center'])
    const cold = join(folder, 'cold')
    await fitPipeline(request(deepSVDD({}, change), [cube], cold, { epochs: 0 }), observed())
    expect((await stateOf(out)).get('encoder.zscore_mean')).toEqual((await stateOf(cold)).get('encoder.zscore_mean'))
  })

  it('names nodes that are new or of another type', async () => {
    const changed = deepSVDD({}, ({ nodes, connections }) => {
      nodes.encoder = { type: 'MinMaxNormalizer', config: { use_running_stats: true } }
      nodes.second = { type: 'DeepSVDDProjection', config: { hidden: 8, rep_dim: 2 } }
      connections.push(['encoder.normalized', 'second.data'])
    })
    const { from, warnings } = await fitPipeline(request(changed, [cube], out, { from: earlier, epochs: 0 }), observed())
    const other = `The node encoder is a MinMaxNormalizer, in ${earlier} a ZScoreNormalizerGlobal; it starts anew.`
    expect(from?.taken).toEqual(['projection', 'loss'])
    expect(from?.anew).toEqual(expect.arrayContaining([{ node: 'encoder', reason: other }, { node: 'second', reason: `The node second is not in ${earlier} and starts anew.` }]))
    expect(warnings).toContain(other)
    expect(warnings.filter((warning) => warning.includes('The node second'))).toEqual([])
  })

  it('takes the weights that the reference saved, and writes over the folder that it starts from', async () => {
    const exported = await exportPipeline({ pipelineFolder: earlier, to: 'cuvis', out: join(folder, 'cuvis') }, observed())
    const document = join(folder, 'cuvis', exported.files.find((file) => file.endsWith('.yaml')) ?? '')
    const report = await fitPipeline(request(deepSVDD(), [cube], out, { from: document, epochs: 0 }), observed())
    expect(report.from).toMatchObject({ path: document, taken: expect.arrayContaining(['encoder', 'projection', 'center']) as string[] })
    const [found, expected] = await Promise.all([out, earlier].map(stateOf))
    for (const name of ['encoder.zscore_mean', 'projection.net.fc2.weight', 'center._tracked_center']) expect(found.get(name)).toEqual(expected.get(name))

    const over = await fitPipeline(request(deepSVDD(), [cube], earlier, { from: earlier, epochs: 0 }), observed())
    expect(over.from?.taken).toHaveLength(4)
    expect((await stateOf(earlier)).get('projection.net.fc2.weight')).toEqual(expected.get('projection.net.fc2.weight'))
  })

  it('says where it started from, also when it was stopped and resumed', async () => {
    const whole = join(folder, 'whole')
    await fitPipeline(request(deepSVDD(), [cube], whole, { from: earlier }), observed())
    await fitPipeline(request(deepSVDD(), [cube], out, { from: earlier }), stopAfterEpoch(2))
    const resumed = await fitPipeline(request(deepSVDD(), [cube], out, { resume: true, seed: undefined }), observed())
    expect(resumed.from).toMatchObject({ path: earlier, taken: ['encoder', 'projection', 'center', 'loss'] })
    expect((await openTrainedPipeline(out)).record.from).toEqual(resumed.from)
    expect((await contents(out))['state.safetensors']).toBe((await contents(whole))['state.safetensors'])
  })
})

describe('nothing is written, and one sentence says why, when a fit starts', () => {
  const refusal = async (from: string, change: Parameters<typeof deepSVDD>[1] = () => undefined, more = {}): Promise<unknown> => {
    const error = await fitPipeline(request(deepSVDD({}, change), [cube], out, { from, ...more }), observed()).then(() => null, (reason: unknown) => reason)
    expect(await readdir(out).catch(() => [])).toEqual([])
    return error
  }

  it('from a pipeline of which nothing fits', async () => {
    const other = await writeScene(folder, 'other', scenePixels(1, [18, 20, 5]), [SHAPE[0], SHAPE[1], 5])
    const alone = { text: JSON.stringify({ nodes: { cube: { type: 'Cube' }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'rx.data']] }), path: 'rx.yaml' }
    await fitPipeline(request(alone, [other], join(folder, 'rx')), observed())
    expect(await refusal(join(folder, 'rx'))).toMatchObject({
      code: 'bad-argument',
      message: `Nothing of ${join(folder, 'rx')} can be taken over: no node with a state has the same name, type and shapes in deep-svdd.yaml (The node encoder is not in ${join(folder, 'rx')} and starts anew); name another pipeline, or fit without --from.`,
    })
  })

  it('from a folder that is not there or was damaged', async () => {
    expect(await refusal(join(folder, 'nowhere'))).toMatchObject({ code: 'missing-file' })
    await rm(join(earlier, 'state.safetensors'))
    expect(await refusal(earlier)).toMatchObject({ code: 'bad-artifact' })
  })

  it('and continues at once', async () => {
    expect(await refusal(earlier, undefined, { resume: true })).toMatchObject({ code: 'bad-argument', message: 'A fit continues from its own checkpoint (--resume) or starts from another pipeline (--from); name one of them.' })
  })
})

it('the record of a fit from the beginning does not speak of another pipeline', async () => {
  expect(JSON.parse(await readFile(join(earlier, 'run.json'), 'utf8'))).not.toHaveProperty('from')
})
