import type { Tensor } from '../onnx/tensor'
import type { Confusion } from '../../shared/metrics'
import { IGNORED, averagePrecision, ratios, thresholdCurve } from '../../shared/threshold-curve'
import { choice, describe, image, namedNumbers } from './describe'
import type { NodeType } from './node'

export const anomalyDetectionMetrics: NodeType = {
  description: describe({
    type: 'AnomalyDetectionMetrics',
    family: 'metrics',
    role: 'metric',
    summary: 'Quality of the decisions, and of the scores where they are connected, against the mask.',
    formula: 'precision = TP / (TP + FP), recall = TP / (TP + FN), f1_score = 2 TP / (2 TP + FP + FN), iou = TP / (TP + FP + FN); average_precision = sum over thresholds of (recall step) precision. A ratio without a denominator is 0.',
    source: 'torchmetrics; cuvis.ai AnomalyDetectionMetrics.',
    inputs: [
      image('decisions', 1, 'Decisions.', { dtype: 'bool' }),
      image('targets', 1, 'What is anomalous.', { dtype: 'bool', aliases: ['mask'] }),
      image('logits', 1, 'Scores, for the average precision.', { optional: true, aliases: ['scores'] }),
    ],
    outputs: [namedNumbers('metrics', 'precision, recall, f1_score, iou, average_precision.')],
    parameters: [
      choice('average_precision_of', ['scores', 'sigmoid'], 'scores', 'scores: ranks the scores themselves; sigmoid: their sigmoid in float32, in which large scores become equal, as the reference does.'),
    ],
  }),
  locality: 'image',
  repositoryParameters: { average_precision_of: 'sigmoid' },
  measurement: {
    ports: ['decisions', 'targets', 'logits'],
    measure(parameters, { decisions, targets, logits }) {
      const truth = targets.data as Uint8Array
      const { precision, recall, f1, iou } = ratios(confusion(decisions.data as Uint8Array, truth))
      const metrics: Record<string, number> = { precision, recall, f1_score: f1, iou }
      if (logits) metrics.average_precision = averagePrecision(thresholdCurve(ranked(logits, parameters.average_precision_of === 'sigmoid'), truth)) ?? 0
      return metrics
    },
  },
}

function confusion(decisions: Uint8Array, targets: Uint8Array): Confusion {
  const counts: Confusion = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 }
  for (let index = 0; index < targets.length; index += 1) {
    if (targets[index] === IGNORED) continue
    if (targets[index] !== 0) counts[decisions[index] ? 'truePositives' : 'falseNegatives'] += 1
    else counts[decisions[index] ? 'falsePositives' : 'trueNegatives'] += 1
  }
  return counts
}

function ranked(logits: Tensor, sigmoid: boolean): Float32Array {
  const scores = logits.data as Float32Array
  return sigmoid ? scores.map((score) => 1 / (1 + Math.exp(-score))) : scores
}
