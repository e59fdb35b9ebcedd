import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { logitOfProbability } from '../../src/shared/logit'
import { runPipeline } from '../../src/engine/inference/run'
import { decide, judge, pixelScores } from '../../src/engine/inference/threshold'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { float32 } from '../../src/engine/onnx/tensor'
import { fitPipeline } from '../../src/engine/training/fit'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'
import { observed, request, temporaryFolder, writeScene } from '../training/scene'

const flat = (scores: Float32Array) => float32([1, 1, scores.length, 1], scores)
const graphDecides = async (type: string, parameters: Record<string, number>, scores: Float32Array): Promise<number[]> => {
  const { outputs } = await runNode({ type: typeNamed(type), parameters: { ...repositoryParameters(typeNamed(type)), nan_policy: 'omit', ...parameters }, inputs: { logits: flat(scores) } })
  return Array.from(outputs.decisions.data as Uint8Array)
}
const neighbours = (value: number): Float32Array => {
  const around = Float32Array.of(value, value, value, value, value)
  const bits = new Int32Array(around.buffer)
  bits.forEach((_, index) => { bits[index] += index - 2 })
  return around
}

describe('the logit of a probability', () => {
  it('is the smallest float32 number that the graph flags', async () => {
    for (const threshold of [0.5, 0.3, 0.7, 0.8, 0.995, 1e-6, 0.999_999, 1]) {
      const logit = logitOfProbability(threshold)
      const around = logit === 0 ? Float32Array.of(-1e-6, -1e-8, 0, 1e-30) : neighbours(logit)
      expect(await graphDecides('BinaryDecider', { threshold }, around), String(threshold)).toEqual(Array.from(around, (value) => (value >= logit ? 1 : 0)))
    }
    // Half of the last place of 1 rounds up, so very small negative logits still have the probability 1/2.
    expect(logitOfProbability(0.5)).toBeLessThanOrEqual(0)
    expect(logitOfProbability(0)).toBe(-3.4028234663852886e38)
  })
})

describe('the two-stage decider', () => {
  it('decides over a whole scene as the graph does, through the gate and not', async () => {
    const type = typeNamed('TwoStageBinaryDecider')
    const score = fc.oneof({ weight: 8, arbitrary: fc.float({ noNaN: true, min: 0, max: 1 }) }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity) })
    const image = fc.record({ scores: fc.array(score, { minLength: 1, maxLength: 50 }), image_threshold: fc.double({ min: 0, max: 1, noNaN: true }), top_k_fraction: fc.double({ min: 0.01, max: 1, noNaN: true }), quantile: fc.double({ min: 0, max: 1, noNaN: true }) })
    await fc.assert(fc.asyncProperty(image, async ({ scores, ...parameters }) => {
      const values = Float32Array.from(scores)
      const { threshold, note } = judge({ name: 'decider', type, inputs: {}, channels: {}, parameters: { ...repositoryParameters(type), nan_policy: 'omit', ...parameters } }, values)
      // What is infinite has no score.
      const expected = Array.from(values, (value) => (Number.isFinite(value) && value >= threshold ? 1 : 0))
      expect(await graphDecides('TwoStageBinaryDecider', parameters, values)).toEqual(expected)
      expect(note === null).toBe(threshold !== Infinity)
    }), { numRuns: 60, seed: 2 })
  })
})

describe('scores of several channels', () => {
  it('make one score per pixel, the largest; none where one is missing', () => {
    expect(Array.from(pixelScores(Float32Array.of(1, 3, NaN, 5, -1, -2), 2))).toEqual([3, NaN, -1])
  })
})

describe('the axes of a quantile', () => {
  const decider = (reduce_dims: number[] | null, threshold: number | null = null) => ({
    name: 'decider', type: typeNamed('QuantileBinaryDecider'), parameters: { quantile: 0.8, nan_policy: 'omit', reduce_dims, threshold }, inputs: {}, channels: {},
  })
  const scores = Float32Array.from({ length: 24 }, (_, index) => (index * 7) % 24)

  it.each([[[1, 2, 3]], [[0, 1, 2, 3]], [[-3, -2, -1]], [[1, 2]], [[0, -3, -2]]])('that leave one threshold for a scene of one channel decide as the graph does: %s', async (axes) => {
    const { outputs } = await runNode({ type: typeNamed('QuantileBinaryDecider'), parameters: { ...decider(axes).parameters }, inputs: { logits: float32([1, 4, 6, 1], scores) } })
    expect(Array.from(decide(scores, judge(decider(axes), scores).threshold))).toEqual(Array.from(outputs.decisions.data as Uint8Array))
  })

  it.each([
    [[2], 1, 'line'], [[-3], 1, 'sample'], [[0], 1, 'line and sample'], [[1, 2], 3, 'channel'], [[3], 3, 'line and sample'],
  ])('%s with %i channels, which leave one per line, sample or channel, are refused', (axes, channels, what) => {
    expect(() => judge(decider(axes), scores, channels)).toThrow(`The decider decider has reduce_dims [${axes.join(', ')}], a threshold for each ${what}; a scene has one threshold. Leave reduce_dims out, or give a threshold.`)
    expect(judge(decider(axes, 3), scores, channels).threshold).toBe(3)
  })

  it('are refused before a fit reads anything', async () => {
    const place = await temporaryFolder()
    const scene = await writeScene(place, 'scene')
    const document = { path: 'rx.yaml', text: '{nodes: {cube: Cube, rx: {type: RXGlobal}, decider: {type: QuantileBinaryDecider, config: {reduce_dims: [2]}}}, connections: [[cube.cube, rx.data], [rx.scores, decider.logits]]}' }
    const context = observed()
    await expect(fitPipeline(request({ ...document, text: document.text.replace('cube: Cube', 'cube: {type: Cube}') }, [scene], join(place, 'out')), context)).rejects.toMatchObject({ code: 'unsupported', where: 'nodes.decider.config.reduce_dims' })
    expect(context.told).toEqual([])
    await rm(place, { recursive: true })
  })
})

describe('deciders behind a fitted detector', () => {
  let folder: string
  let cube: string
  beforeAll(async () => {
    folder = await temporaryFolder()
    cube = await writeScene(folder, 'scene')
  })
  afterAll(() => rm(folder, { recursive: true }))

  const document = (decider: string) => `
nodes:
  cube: {type: Cube}
  rx: {type: RXGlobal}
  logit: {type: ScoreToLogit}
  decider: ${decider}
connections:
  - [cube.cube, rx.data]
  - [rx.scores, logit.scores]
  - [logit.logits, decider.logits]
`
  const fit = async (name: string, decider: string) => {
    const out = join(folder, name)
    await fitPipeline(request({ text: document(decider), path: 'pipeline.yaml' }, [cube], out), observed())
    return out
  }
  const run = (pipelineFolder: string, threshold?: number) => runPipeline({ pipelineFolder, data: [cube], masks: [], out: join(folder, 'out'), format: 'npy', device: 'cpu', threshold }, observed())

  it('flags by probability, with the threshold told on the axis of the logits', async () => {
    const fitted = await fit('binary', '{type: BinaryDecider, config: {threshold: 0.8}}')
    const [{ threshold, flagged }] = (await run(fitted)).cubes
    expect(threshold).toBe(logitOfProbability(0.8))
    expect(flagged).toBeGreaterThan(0)

    const tuned = join(folder, 'binary-tuned')
    await exportPipeline({ pipelineFolder: fitted, to: 'folder', out: tuned, threshold: 2.5 }, observed())
    const decider = (await openTrainedPipeline(tuned)).pipeline.nodes.find(({ name }) => name === 'decider')
    expect(decider?.parameters).toMatchObject({ threshold: 0.8, logit_threshold: 2.5 })
    const [again] = (await run(tuned)).cubes
    expect(again.threshold).toBe(2.5)
    expect(again.flagged).toBe((await run(fitted, 2.5)).cubes[0].flagged)
  })

  it('flags nothing below the gate, says why, and keeps a tuned threshold', async () => {
    const closed = await fit('closed', '{type: TwoStageBinaryDecider, config: {top_k_fraction: 1}}')
    const [scene] = (await run(closed)).cubes
    expect(scene).toMatchObject({ threshold: Infinity, flagged: 0 })
    expect(scene.files).toHaveLength(2)
    expect(scene.warnings.join()).toMatch(/The decider decider flags nothing: the mean of the 360 largest scores is -\d.*, below its image_threshold of 0\.5\./)
    const record = (await openTrainedPipeline(closed)).record.scenes[0]
    expect(record).toMatchObject({ threshold: null, flagged: 0 })

    const open = await fit('open', '{type: TwoStageBinaryDecider, config: {quantile: 0.9}}')
    expect((await run(open)).cubes[0].flagged).toBe(36)
    const tuned = join(folder, 'open-tuned')
    await exportPipeline({ pipelineFolder: open, to: 'folder', out: tuned, threshold: 1 }, observed())
    expect((await run(tuned)).cubes[0].threshold).toBe(1)
  })
})
