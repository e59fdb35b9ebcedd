import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeSafetensors } from '../../src/engine/files/safetensors'
import { fitPipeline } from '../../src/engine/training/fit'
import { ANOMALIES, deepSVDD, observed, request, scenePixels, temporaryFolder, writeScene } from './scene'

vi.mock('../../src/engine/nodes/registry', async (original) => {
  const registry = await original<typeof import('../../src/engine/nodes/registry')>()
  const { imageNodes } = await import('./image-nodes')
  return { ...registry, nodeType: (name: string) => imageNodes.find(({ description }) => description.type === name) ?? registry.nodeType(name) }
})

// Nodes that no loss reaches.

/** More pixels than go through in one piece. */
const LARGE: [number, number, number] = [80, 60, 6]

let folder: string
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => rm(folder, { recursive: true }))

async function stateOf(out: string): Promise<Record<string, Float32Array>> {
  const { tensors } = decodeSafetensors(new Uint8Array(await readFile(join(out, 'state.safetensors'))), 'state')
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data as Float32Array]))
}

/** Steps so small that no parameter changes: what moves then moves by the data alone. */
const standing = { epochs: 3, batch: { frames: 1 }, shuffle: false, optimizer: { name: 'sgd', lr: 1e-30, momentum: 0, weight_decay: 0 } }

/** The projection learns from the mask; scores pass a centre that no loss looks at. */
const apart = (trainer: Record<string, unknown> = {}) => deepSVDD({ ...trainer, losses: ['loss'] }, ({ nodes, connections }) => {
  nodes.head = { type: 'LearnableChannelMixer', config: { output_channels: 1, normalize_output: false } }
  nodes.logit = { type: 'ScoreToLogit' }
  nodes.loss = { type: 'AnomalyBCEWithLogits' }
  const kept = connections.filter(([, to]) => !to.startsWith('loss.'))
  connections.splice(0, connections.length, ...kept, ['projection.embeddings', 'head.data'], ['head.rgb', 'logit.scores'], ['logit.logits', 'loss.predictions'], ['cube.mask', 'loss.targets'])
})

describe('a centre that no loss looks at', () => {
  it('moves like one that a loss looks at, in one piece and in several', async () => {
    const cubes = [await writeScene(folder, 'first', scenePixels(1, LARGE), LARGE), await writeScene(folder, 'second', scenePixels(2).map((value) => value + 100))]
    const alike = join(folder, 'alike')
    await fitPipeline(request(deepSVDD(standing), cubes, alike), observed())
    const expected = (await stateOf(alike))['center._tracked_center']
    const out = join(folder, 'out')
    await fitPipeline(request(apart({ ...standing, unfreeze: ['projection', 'head'] }), cubes, out), observed())
    const found = (await stateOf(out))['center._tracked_center']
    const first = join(folder, 'statistics')
    await fitPipeline(request(deepSVDD({ epochs: 0 }), cubes, first), observed())
    const start = (await stateOf(first))['center._tracked_center']
    const moved = Math.max(...expected.map((value, index) => Math.abs(value - start[index])))
    expect(moved).toBeGreaterThan(0.01)
    found.forEach((value, index) => expect(Math.abs(value - expected[index])).toBeLessThan(1e-5 * moved))
  })

  it('is what validation scores with, resumes, and follows the projection that the loss trains', async () => {
    const cube = await writeScene(folder, 'scene')
    const trainer = { epochs: 4, unfreeze: ['projection', 'head'], optimizer: { name: 'adamw', lr: 0.02 } }
    const whole = join(folder, 'whole')
    const context = observed()
    const report = await fitPipeline(request(apart(trainer), [cube], whole), context)
    const losses = report.phases.gradient?.loss ?? []
    expect(losses[3]).toBeLessThan(losses[0])
    const norms = context.told.flatMap((progress) => (progress.kind === 'epoch' ? [progress.record.metrics['center/deepsvdd_center/norm']] : []))
    const center = (await stateOf(whole))['center._tracked_center']
    expect(norms[3]).toBeCloseTo(Math.hypot(...center), 5)
    expect(norms[0]).not.toBeCloseTo(norms[3], 3)
    const auc = context.told.flatMap((progress) => (progress.kind === 'epoch' ? [progress.record.metrics.auc] : []))
    expect(auc[3]).toBeCloseTo(report.metrics?.auc ?? NaN, 6)

    const out = join(folder, 'resumed')
    await fitPipeline(request(apart({ ...trainer, epochs: 2 }), [cube], out), observed())
    await fitPipeline(request(apart({ ...trainer, epochs: 2 }), [cube], out, { resume: true, epochs: 4 }), observed())
    expect(await readFile(join(out, 'state.safetensors'))).toEqual(await readFile(join(whole, 'state.safetensors')))
  })

  it('moves in validation where its node says so', async () => {
    const cubes = [await writeScene(folder, 'first'), await writeScene(folder, 'second', scenePixels(2).map((value) => value + 100))]
    const norms = async (config: Record<string, unknown>, name: string): Promise<number[]> => {
      const { text, path } = apart({ ...standing, epochs: 2, unfreeze: ['projection', 'head'] })
      const context = observed()
      await fitPipeline(request({ text: text.replace('"DeepSVDDCenterTracker"', `"DeepSVDDCenterTracker","config":${JSON.stringify(config)}`), path }, [cubes[0]], join(folder, name), { validation: [cubes[1]] }), context)
      return context.told.flatMap((progress) => (progress.kind === 'epoch' ? [progress.record.metrics['center/deepsvdd_center/norm']] : []))
    }
    const still = await norms({}, 'still')
    expect(still[1]).toBeCloseTo(still[0], 5)
    const moving = await norms({ update_in_eval: true }, 'moving')
    expect(Math.abs(moving[1] - moving[0])).toBeGreaterThan(0.01)
  })
})

describe('statistics of batches beside the detector', () => {
  it('move as if a loss looked at them, over whole batches', async () => {
    const cube = await writeScene(folder, 'large', scenePixels(1, LARGE), LARGE)
    const beside = deepSVDD({ ...standing, epochs: 1 }, ({ nodes, connections }) => {
      nodes.extra = { type: 'BatchCentred' }
      connections.push(['cube.cube', 'extra.data'])
    })
    const out = join(folder, 'out')
    await fitPipeline(request(beside, [cube], out), observed())
    const pixels = scenePixels(1, LARGE)
    const running = (await stateOf(out))['extra.running']
    running.forEach((value, band) => {
      let sum = 0
      for (let index = band; index < pixels.length; index += 6) sum += pixels[index]
      expect(value).toBeCloseTo((0.25 * sum) / (LARGE[0] * LARGE[1]), 3)
    })
  })
})

describe('a picture beside the detector', () => {
  const picture = (type: string, trainer: Record<string, unknown>) => deepSVDD(trainer, ({ nodes, connections }) => {
    nodes.picture = { type }
    connections.push(['cube.cube', 'picture.data'])
    if (type === 'HighContrastSelector') connections.push(['cube.wavelengths', 'picture.wavelengths'])
  })

  it.each(['Centred', 'MinMaxNormalizer', 'HighContrastSelector'])('%s changes nothing of a training on loose pixels', async (type) => {
    const pixels = scenePixels()
    // A frame with such a pixel cannot be trained on whole.
    pixels[70 * 6] = Number.NaN
    expect(ANOMALIES).not.toContain(70)
    const cube = await writeScene(folder, 'scene', pixels)
    const [plain, with_] = [join(folder, 'plain'), join(folder, 'picture')]
    for (const batch of [{ pixels: 90 }, { frames: 1 }, undefined]) {
      const trainer = { batch, epochs: 2 }
      const expected = await fitPipeline(request(deepSVDD(trainer), [cube], plain), observed())
      const report = await fitPipeline(request(picture(type, trainer), [cube], with_), observed())
      expect(report.phases.gradient?.loss).toEqual(expected.phases.gradient?.loss)
      const state = await stateOf(with_)
      for (const [name, values] of Object.entries(await stateOf(plain))) expect(state[name]).toEqual(values)
    }
  })

  it.each([[[1], true], [[0, 1], true], [[0, 2, 3], true], [[0, 1, 2], false], [[3], false]])('a normalisation before the detector needs images by its axes: %s', async (dims, needs) => {
    const cube = await writeScene(folder, 'scene')
    const before = deepSVDD({ epochs: 1 }, ({ nodes, connections }) => {
      nodes.norm = { type: 'ZScoreNormalizer', config: { dims } }
      connections.splice(0, 1, ['cube.cube', 'norm.data'], ['norm.normalized', 'encoder.data'])
    })
    const outcome = await fitPipeline(request(before, [cube], join(folder, 'out')), observed()).then(() => null, ({ message }: Error) => message)
    if (needs) expect(outcome).toContain('The node norm (ZScoreNormalizer) looks at images, so loose pixels cannot train the pipeline')
    else expect(outcome).toBeNull()
  })

  it('that a loss looks at still needs images', async () => {
    const cube = await writeScene(folder, 'scene')
    const looked = deepSVDD({ batch: { pixels: 90 } }, ({ nodes, connections }) => {
      nodes.picture = { type: 'Centred' }
      nodes.second = { type: 'LearnableChannelMixer', config: { output_channels: 1, normalize_output: false } }
      nodes.logit = { type: 'ScoreToLogit' }
      nodes.other = { type: 'AnomalyBCEWithLogits' }
      connections.push(['cube.cube', 'picture.data'], ['picture.out', 'second.data'], ['second.rgb', 'logit.scores'], ['logit.logits', 'other.predictions'], ['cube.mask', 'other.targets'])
    })
    await expect(fitPipeline(request(looked, [cube], join(folder, 'out')), observed())).rejects.toMatchObject({ code: 'bad-pipeline', message: expect.stringContaining('The node picture (Centred) looks at images') as string })
    // Left out of the losses, it decides nothing.
    const { text, path } = looked
    const without = text.replace('"trainer":{', '"trainer":{"losses":["loss"],')
    expect((await fitPipeline(request({ text: without, path }, [cube], join(folder, 'out')), observed())).phases.gradient?.epochs).toBe(4)
  })
})
