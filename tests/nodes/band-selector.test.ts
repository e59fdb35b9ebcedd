import { describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { numbers } from '../golden/read-vectors'
import { documentOf, pipelineOf } from '../golden/documents'
import { runNode, typeNamed } from '../golden/node-graph'

const connections: [string, string][] = [['cube.cube', 'selector.data'], ['selector.rgb', 'rx.data'], ['selector.selection_weights', 'distinct.weights']]
const written = (type: string, config: Record<string, unknown> = {}) => ({
  nodes: { cube: { type: 'Cube' }, selector: { type, config }, rx: { type: 'RXGlobal' }, distinct: { type: 'DistinctnessLoss' } },
  connections,
})

describe('ConcreteBandSelector', () => {
  const type = typeNamed('ConcreteBandSelector')

  it('takes its bands from the cube and hands on as many as it selects', () => {
    const { nodes } = pipelineOf(written('ConcreteBandSelector', { output_channels: 4 }), { channels: 7, wavelengthsNm: null })
    expect(nodes.find(({ name }) => name === 'selector')?.parameters).toMatchObject({ input_channels: 7, annealing: 'e/E' })
    expect(nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(4)
  })

  it('has the schedule of the reference under the name that it has there, unless the document states one', () => {
    const annealing = (name: string, config = {}) => documentOf(written(name, config)).nodes.find(({ name: node }) => node === 'selector')?.config.annealing
    expect(annealing('ConcreteBandSelector')).toBeUndefined()
    expect(annealing('ConcreteChannelMixer')).toBe('e/(E-1)')
    expect(annealing('cuvis_ai.node.channel_mixer.ConcreteChannelMixer')).toBe('e/(E-1)')
    expect(annealing('ConcreteChannelMixer', { annealing: 'e/E' })).toBe('e/E')
  })

  it('keeps every random number finite, the smallest and the largest that are drawn', async () => {
    const largest = 1 - 2 ** -24
    const found = await runNode({
      type, stage: 'train',
      parameters: { input_channels: 2, output_channels: 1, tau_start: 10, tau_end: 0.1, max_epochs: 20, use_hard_inference: true, eps: 1e-6, annealing: 'e/E' },
      inputs: { data: float32([1, 1, 1, 2], [0, 1]) },
      state: { logits: float32([1, 2], [0, 0]) },
      noise: { u: float32([1, 2], [0, largest]) },
      settings: { tau: 1 },
    })
    const [low, high] = numbers(found.outputs.selection_weights as Tensor)
    expect(high - low).toBeCloseTo(1, 6)
    expect(Math.log(low / high)).toBeCloseTo(-2.626 - 16.9, 0)
  })
})
