import { expect } from 'vitest'
import { judge, decide, pixelScores } from '../../src/engine/inference/threshold'
import { meanOfLargest } from '../../src/engine/inference/quantile'
import type { PipelineNode } from '../../src/engine/pipeline/pipeline'
import { oneNode, refuseIfBad } from './documents'
import { repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { numbers } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

interface DeciderCase extends NodeCase {
  source: string
  k?: number
  image_scores?: number[]
  ceil_k_float32?: { numel: number; fraction: number; k: number }[]
}

goldenSuite<DeciderCase>('deciders', async (one) => {
  if (one.name === 'errors') return errors(one)
  const name = one.source.slice(one.source.lastIndexOf('.') + 1)
  const type = typeNamed(name)
  const { outputs } = await runCase(name, one)
  expect(outputs.decisions.type).toBe('bool')
  expect(outputs.decisions.shape).toEqual(one.outputs?.decisions.shape)
  expect(numbers(outputs.decisions)).toEqual(numbers(one.outputs?.decisions as StoredTensor))

  const logits = (one.inputs ?? {}).logits
  const scores = Float32Array.from(numbers(logits))
  const parameters = repositoryParameters(type, one.hparams)
  if (!('nan_policy' in parameters)) return hostDecides(name, parameters, logits, numbers(outputs.decisions))
  // The default leaves scores that are not finite out; elsewhere both policies agree.
  const omitting = { ...parameters, nan_policy: 'omit' }
  const byDefault = await runCase(name, one, { parameters: omitting })
  if (!scores.some(Number.isNaN)) expect(byDefault.outputs).toEqual(outputs)
  hostDecides(name, omitting, logits, numbers(byDefault.outputs.decisions))
  if (one.k !== undefined) imageScores(one, logits)
})

/** The rule over whole scenes decides as the graph does on every image, where there is one threshold per image. */
function hostDecides(name: string, parameters: PipelineNode['parameters'], logits: StoredTensor, expected: number[]): void {
  if (Array.isArray(parameters.reduce_dims) && name === 'QuantileBinaryDecider') return
  const [images, lines, samples, channels] = logits.shape
  const decider: PipelineNode = { name, type: typeNamed(name), parameters, inputs: {}, channels: {} }
  const all = Float32Array.from(numbers(logits))
  const size = lines * samples * channels
  const perPixel = expected.length / (images * lines * samples)
  const found = Array.from({ length: images }, (_, image) => {
    const scores = all.slice(image * size, (image + 1) * size)
    const { threshold } = judge(decider, scores, channels)
    return Array.from(decide(perPixel === channels ? scores : pixelScores(scores, channels), threshold))
  })
  expect(found.flat()).toEqual(expected)
}

function imageScores(one: DeciderCase, logits: StoredTensor): void {
  const [images, lines, samples, channels] = logits.shape
  const all = Float32Array.from(numbers(logits))
  for (let image = 0; image < images; image += 1) {
    const size = lines * samples * channels
    const { mean, count } = meanOfLargest(pixelScores(all.slice(image * size, (image + 1) * size), channels), one.hparams?.top_k_fraction as number)
    expect(count).toBe(one.k)
    expect(Math.abs(mean - (one.image_scores ?? [])[image])).toBeLessThan(1e-6)
  }
}

async function errors(one: DeciderCase): Promise<void> {
  for (const { numel, fraction, k } of one.ceil_k_float32 ?? []) expect(meanOfLargest(new Float32Array(numel), fraction).count, `${numel} x ${fraction}`).toBe(k)
  const stated = (type: string, names: string[]) => {
    const parameters = repositoryParameters(typeNamed(type))
    // The reference writes a threshold of its base class beside them.
    return { ...Object.fromEntries(names.map((name) => [name, parameters[name]])), threshold: 0.5 }
  }
  await expectErrors('deciders', one, {
    q_lo: () => refuseIfBad(oneNode('QuantileBinaryDecider', { quantile: -0.1 }, 'logits')),
    q_hi: () => refuseIfBad(oneNode('QuantileBinaryDecider', { quantile: 1.1 }, 'logits')),
    ts_img: () => refuseIfBad(oneNode('TwoStageBinaryDecider', { image_threshold: 1.5 }, 'logits')),
    ts_k0: () => refuseIfBad(oneNode('TwoStageBinaryDecider', { top_k_fraction: 0 }, 'logits')),
    ts_q: () => refuseIfBad(oneNode('TwoStageBinaryDecider', { quantile: 2 }, 'logits')),
    hparams_quantile: () => expect(stated('QuantileBinaryDecider', ['quantile', 'reduce_dims'])).toEqual(one.errors?.hparams_quantile),
    hparams_two_stage: () => expect(stated('TwoStageBinaryDecider', ['image_threshold', 'top_k_fraction', 'quantile', 'reduce_dims'])).toEqual(one.errors?.hparams_two_stage),
  })
}
