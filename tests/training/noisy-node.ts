import { describe, image } from '../../src/engine/nodes/describe'
import type { NodeType } from '../../src/engine/nodes/node'
import { float32 } from '../../src/engine/onnx/tensor'

/** A node of the tests: while training, every channel is shifted by noise whose size falls from epoch to epoch. */
export const noisy: NodeType = {
  description: describe({
    type: 'Noisy', family: 'preprocessing', role: 'transform', summary: 'Shifts channels while training.', formula: 'y = gain x + temperature (u - 0.5)', source: 'Tests.',
    inputs: [image('data', 'C', 'Cube.')], outputs: [image('shifted', 'C', 'Shifted cube.')], trainable: true,
  }),
  locality: 'pixel',
  channels: (_parameters, { data }) => ({ shifted: data }),
  state: () => [{ name: 'gain', shape: [1], kind: 'parameter' }],
  initialise: () => ({ gain: float32([1], [1]) }),
  schedule: (_parameters, epoch) => ({ temperature: 0.5 ** epoch }),
  noise: () => [{ name: 'u', shape: [6], draw: 'uniform' }],
  write({ graph, rows, state, stage, setting, noise }) {
    const scaled = graph.op('Mul', [rows('data'), state.gain])
    if (stage !== 'train') return { shifted: scaled }
    const shift = graph.op('Mul', [graph.op('Sub', [noise('u'), graph.scalar(0.5)]), setting('temperature', 0.125)])
    return { shifted: graph.op('Add', [scaled, shift]) }
  },
}
