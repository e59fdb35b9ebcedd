import { expect } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { oneNode, refuseIfBad } from './documents'
import { fitted, repositoryParameters, runCase, runNode, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface SelectorCase extends NodeCase {
  train_mode?: boolean
  temperature?: number
  update_temperature_epoch?: number | null
  channel_logits?: StoredTensor
  topk?: { weights: StoredTensor; k: number; indices: StoredTensor }[]
}

const name = 'SoftChannelSelector'
const type = typeNamed(name)

goldenSuite<SelectorCase>('soft_channel_selector', async (one) => {
  if (one.topk) {
    await errors(one)
    for (const { weights, k, indices } of one.topk) {
      const found = await runNode({ type: typeNamed('TopKIndices'), parameters: { k }, inputs: { weights: tensor(weights) } })
      expect(numbers(found.outputs.indices)).toEqual(indices.data)
    }
    return
  }
  const parameters = repositoryParameters(type, one.hparams)
  if (one.init_stream) return varianceOf(one, parameters)
  const trains = one.train_mode === true
  const tolerance = { outputs: 1e-5, gradients: 1e-5 }
  if (typeof one.update_temperature_epoch !== 'number') return expectCase(await runCase(name, one, { stage: trains ? 'train' : 'inference' }), one, tolerance)
  // Whoever drives the reference may move its temperature on; its trainers do not.
  const annealing = { ...parameters, anneal: true }
  const temperature = type.schedule?.(annealing, one.update_temperature_epoch).temperature ?? NaN
  expect(Math.abs(temperature / (one.temperature ?? NaN) - 1)).toBeLessThan(1e-12)
  const state = { channel_logits: tensor(one.init_state?.channel_logits as StoredTensor), last_temperature: float32([1], [trains ? NaN : temperature]) }
  const found = await runCase(name, one, { parameters: annealing, state, stage: trains ? 'train' : 'inference', settings: trains ? { temperature } : {} })
  // Where one channel has all the weight in float32, the slope of its logit is below the resolution of float32, in the
  // reference too: then it is compared with the reference's own float32.
  const isSaturated = numbers(one.outputs?.weights as StoredTensor).includes(parameters.n_select as number)
  expectCase(found, isSaturated ? { ...one, grads_f64: undefined } : one, tolerance)
  if (trains) expect(numbers(found.next.last_temperature)).toEqual([Math.fround(temperature)])
})

async function varianceOf(one: SelectorCase, parameters: ReturnType<typeof repositoryParameters>): Promise<void> {
  const state = await fitted(type, parameters, (one.init_stream ?? []).map(tensor))
  expectClose(state.channel_logits, one.channel_logits as StoredTensor, 1e-6)
  expect(type.fit?.needed?.(parameters)).toBe(true)
  expectCase(await runCase(name, one, { state }), one, { outputs: 1e-5, gradients: 1e-5 })
}

async function errors(one: SelectorCase): Promise<void> {
  const selector = (config: Record<string, unknown>) => () => {
    const { nodes, connections } = oneNode(name, config)
    refuseIfBad({ nodes: { ...nodes, rx: { type: 'RXGlobal' } }, connections: [...connections, ['node.selected', 'rx.data']] }, { channels: 5, wavelengthsNm: null })
  }
  selector({ n_select: 5 })()
  await expectErrors('soft_channel_selector', one, {
    n_select: selector({ n_select: 6 }),
    init_method: selector({ n_select: 2, init_method: 'x' }),
    empty_stream: () => fitted(type, repositoryParameters(type, { n_select: 2, input_channels: 5, init_method: 'variance' }), []),
  })
  const uniform = repositoryParameters(type, { n_select: 2, input_channels: 5 })
  expect(type.fit?.needed?.(uniform)).toBe(false)
  const initial = type.initialise?.(uniform, { uniform: () => NaN, normal: () => NaN, integer: () => NaN })
  expectClose(initial?.channel_logits as Tensor, float32([5], [0, 0, 0, 0, 0]), 0)
}
