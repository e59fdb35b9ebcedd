import { describe, image } from '../../src/engine/nodes/describe'
import type { NodeType } from '../../src/engine/nodes/node'
import { float32 } from '../../src/engine/onnx/tensor'

// Nodes of the tests that look further than one pixel.

const about = (type: string, trainable = false) => describe({
  type, family: 'preprocessing', role: 'transform', summary: 'For tests.', formula: 'See the code.', source: 'Tests.',
  inputs: [image('data', 'C', 'Cube.')], outputs: [image('out', 'C', 'Cube.')], trainable,
})

/** Every image without its mean spectrum. */
export const centred: NodeType = {
  description: about('Centred'),
  locality: 'image',
  channels: (_parameters, { data }) => ({ out: data }),
  write: ({ graph, inputs: { data } }) => ({ out: graph.op('Sub', [data, graph.op('ReduceMean', [data], { axes: [1, 2], keepdims: 1 })]) }),
}

/** Says that it looks at neighbours, and leaves the pixels as they are. */
export const through: NodeType = {
  description: about('Through'),
  locality: 'neighbourhood',
  margin: () => 1,
  channels: (_parameters, { data }) => ({ out: data }),
  write: ({ graph, inputs: { data } }) => ({ out: graph.op('Mul', [data, graph.scalar(1)]) }),
}

/** The mean spectrum of the anomalous pixels is taken away. */
export const supervised: NodeType = {
  description: { ...about('Supervised'), needsStatistics: true },
  locality: 'pixel',
  channels: (_parameters, { data }) => ({ out: data }),
  state: () => [{ name: 'anomalous', shape: [6], kind: 'statistic' }],
  fit: {
    port: 'data',
    wantsTargets: true,
    start() {
      const sums = new Float64Array(6)
      let seen = 0
      return {
        async add(pixels, count, channels, targets) {
          if (!targets) throw new Error('No targets came.')
          for (let pixel = 0; pixel < count; pixel += 1) {
            if (targets[pixel] !== 1) continue
            seen += 1
            for (let band = 0; band < channels; band += 1) sums[band] += pixels[pixel * channels + band]
          }
        },
        async finish() {
          return { anomalous: float32([6], sums.map((sum) => sum / seen)) }
        },
      }
    },
  },
  write: ({ graph, rows, state }) => ({ out: graph.op('Sub', [rows('data'), state.anomalous]) }),
}

/** Takes the mean of the batch away while training, and a moving mean of batches otherwise. */
export const batchCentred: NodeType = {
  description: about('BatchCentred', true),
  locality: (_parameters, stage) => (stage === 'train' ? 'batch' : 'pixel'),
  channels: (_parameters, { data }) => ({ out: data }),
  state: () => [{ name: 'running', shape: [6], kind: 'constant' }, { name: 'gain', shape: [1], kind: 'parameter' }],
  initialise: () => ({ running: float32([6], new Float32Array(6)), gain: float32([1], [1]) }),
  moving: (_parameters, stage) => (stage === 'train' ? ['running'] : []),
  write({ graph, rows, state, stage, update }) {
    const data = rows('data')
    const scaled = (value: typeof data) => graph.op('Mul', [value, state.gain])
    if (stage !== 'train') return { out: scaled(graph.op('Sub', [data, state.running])) }
    const mean = graph.op('ReduceMean', [data], { axes: [0], keepdims: 0 })
    update('running', graph.detach(graph.op('Add', [graph.op('Mul', [state.running, graph.scalar(0.75)]), graph.op('Mul', [mean, graph.scalar(0.25)])])))
    return { out: scaled(graph.op('Sub', [data, mean])) }
  },
}

export const imageNodes: readonly NodeType[] = [centred, through, supervised, batchCentred]
