import { CuvetteError } from '../../shared/problem'
import { float32 } from '../onnx/tensor'
import { describe, image, number } from './describe'
import type { NodeType, Parameters, StatisticsAccumulator } from './node'
import { requirePixels, statisticsOf } from './statistics'

export const scoreToLogit: NodeType = {
  description: describe({
    type: 'ScoreToLogit',
    family: 'statistical',
    role: 'transform',
    summary: 'Turns scores into logits by a trainable scale and bias, so that a probability decides and cross-entropy can train.',
    formula: 'logit = scale (score - bias); fitted: bias = mean + 2 std of the training scores, std with divisor N - 1',
    source: 'cuvis.ai ScoreToLogit.',
    inputs: [image('scores', 1, 'Scores.', { aliases: ['data'] })],
    outputs: [image('logits', 1, 'Logits; above 0 is more anomalous than not.', { aliases: ['output'] })],
    parameters: [
      number('init_scale', 1, 'First value of the scale.'),
      number('init_bias', 0, 'First value of the bias; the statistical phase replaces it.'),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  channels: () => ({ logits: 1 }),
  state: () => [{ name: 'scale', shape: [], kind: 'statistic' }, { name: 'bias', shape: [], kind: 'statistic' }],
  trainableStatistics: ['scale', 'bias'],
  initialise: ({ init_scale: scale, init_bias: bias }) => ({ scale: float32([], [scale as number]), bias: float32([], [bias as number]) }),
  fit: { port: 'scores', start: (parameters, { node }) => biasAccumulator(parameters, node) },
  write({ graph, rows, state }) {
    // Numbers of no axes are slow to broadcast in the runtime.
    const [scale, bias] = [state.scale, state.bias].map((number) => graph.reshape(number, [1, 1]))
    return { logits: graph.op('Mul', [scale, graph.op('Sub', [rows('scores'), bias])]) }
  },
}

function biasAccumulator(parameters: Parameters, node: string): StatisticsAccumulator {
  return statisticsOf('diagonal', node, 1, ({ count, mean: [mean], scatter: [scatter] }) => {
    requirePixels(node, 2, count)
    const bias = mean + 2 * Math.sqrt(scatter / (count - 1))
    if (!Number.isFinite(bias)) {
      throw new CuvetteError('bad-data', `The node ${node} cannot find its bias, because some of the training scores are not finite numbers; mask those pixels out.`, { where: node })
    }
    return { scale: float32([], [parameters.init_scale as number]), bias: float32([], [bias]) }
  })
}
