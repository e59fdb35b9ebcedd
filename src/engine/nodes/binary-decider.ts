import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float64 } from '../onnx/tensor'
import { describe, image, number } from './describe'
import type { NodeType } from './node'

export const binaryDecider: NodeType = {
  description: describe({
    type: 'BinaryDecider',
    family: 'deciders',
    role: 'decider',
    summary: 'Flags the pixels whose probability of being anomalous reaches a threshold.',
    formula: 'decision = sigmoid(logit) >= threshold; with a logit_threshold: logit >= logit_threshold',
    source: 'cuvis.ai BinaryDecider.',
    inputs: [image('logits', 'C', 'Logits, of ScoreToLogit for example.', { aliases: ['scores', 'data'] })],
    outputs: [image('decisions', 1, 'Whether a pixel is flagged.', { dtype: 'bool', aliases: ['output'] })],
    parameters: [
      number('threshold', 0.5, 'Smallest probability that is flagged.', { minimum: 0, maximum: 1 }),
      number('logit_threshold', null, 'A threshold on the logit itself, chosen on a picture, instead of the probability; null: the probability decides.', { nullable: true }),
    ],
  }),
  locality: 'pixel',
  channels: (_parameters, inputs) => ({ decisions: inputs.logits }),
  write({ graph, parameters, inputs, setting }) {
    const fixed = parameters.logit_threshold
    if (typeof fixed === 'number') return { decisions: graph.op('GreaterOrEqual', [inputs.logits, setting('logit_threshold', fixed)]) }
    return { decisions: graph.op('GreaterOrEqual', [probability(graph, inputs.logits), setting('threshold', parameters.threshold as number)]) }
  },
}

/**
 * The sigmoid in float64, rounded once. The runtime's own in float32 is an approximation that need not grow with the
 * logit, so no threshold on the logit would make the same decisions.
 */
function probability(graph: Graph, logits: Value): Value {
  const one = graph.constant(float64([1, 1, 1, 1], [1]))
  const wide = graph.op('Cast', [logits], { to: onnxTypeOf('float64') })
  const sigmoid = graph.op('Div', [one, graph.op('Add', [one, graph.op('Exp', [graph.op('Neg', [wide])])])])
  return graph.op('Cast', [sigmoid], { to: onnxTypeOf('float32') })
}
