import type { Tensor } from '../onnx/tensor'
import { describe, matrix, namedNumbers, number, vector } from './describe'
import type { NodeType } from './node'

// Numbers about components and about the weights of bands, which tell how a reduction is doing.

export const explainedVarianceMetric: NodeType = {
  description: describe({
    type: 'ExplainedVarianceMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'Share of the variance along each component, and how the shares add up.',
    formula: 'explained_variance_pc<i> = r_i, cumulative_variance_pc<i> = r_1 + ... + r_i, total_explained_variance = their sum; i from 1',
    source: 'cuvis.ai ExplainedVarianceMetric.',
    inputs: [vector('explained_variance_ratio', 'K', 'Share of the variance along each component.')],
    outputs: [namedNumbers('metrics', 'explained_variance_pc<i>, total_explained_variance, cumulative_variance_pc<i>.')],
  }),
  locality: 'pixel',
  measurement: {
    ports: ['explained_variance_ratio'],
    measure(_parameters, { explained_variance_ratio: ratio }) {
      const shares = numbersOf(ratio)
      let sum = 0
      const sums = shares.map((share) => (sum += share))
      return {
        ...Object.fromEntries(shares.map((share, index) => [`explained_variance_pc${index + 1}`, share])),
        total_explained_variance: sum,
        ...Object.fromEntries(sums.map((value, index) => [`cumulative_variance_pc${index + 1}`, value])),
      }
    },
  },
}

export const componentOrthogonalityMetric: NodeType = {
  description: describe({
    type: 'ComponentOrthogonalityMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'How far components are from right angles and from length 1.',
    formula: 'G = W W\'; orthogonality_error = ||G - I||_F, avg_off_diagonal = mean |G - I| over all entries, diagonal_mean and diagonal_std (divisor K - 1) of the diagonal of G',
    source: 'cuvis.ai ComponentOrthogonalityMetric.',
    inputs: [matrix('components', 'K', 'C', 'Components, one per row.')],
    outputs: [namedNumbers('metrics', 'orthogonality_error, avg_off_diagonal, diagonal_mean, diagonal_std.')],
  }),
  locality: 'pixel',
  measurement: {
    ports: ['components'],
    measure(_parameters, { components }) {
      const [count, channels] = components.shape
      const values = numbersOf(components)
      const row = (index: number): number[] => values.slice(index * channels, (index + 1) * channels)
      const products = Array.from({ length: count * count }, (_, at) => {
        const other = row(at % count)
        return row(Math.floor(at / count)).reduce((sum, value, channel) => sum + value * other[channel], 0)
      })
      const errors = products.map((product, at) => product - (at % (count + 1) === 0 ? 1 : 0))
      const diagonal = products.filter((_, at) => at % (count + 1) === 0)
      return {
        orthogonality_error: Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0)),
        avg_off_diagonal: mean(errors.map(Math.abs)),
        diagonal_mean: mean(diagonal),
        diagonal_std: Math.sqrt(scatter(diagonal) / (count - 1)),
      }
    },
  },
}

const bandWeights = vector('weights', 'C', 'Weight of every band.')

export const selectorEntropyMetric: NodeType = {
  description: describe({
    type: 'SelectorEntropyMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'Entropy of the weights of a selector, in nats: ln C where all bands weigh the same, 0 where one has all.',
    formula: 'p = w / (sum w + eps); selector/entropy = -sum p ln(p + eps)',
    source: 'Shannon, A Mathematical Theory of Communication (1948); cuvis.ai SelectorEntropyMetric.',
    inputs: [bandWeights],
    outputs: [namedNumbers('metrics', 'selector/entropy.')],
    parameters: [number('eps', 1e-6, 'Added to the sum of the weights and inside the logarithm.', { exclusiveMinimum: 0 })],
  }),
  locality: 'pixel',
  measurement: {
    ports: ['weights'],
    measure(parameters, { weights }) {
      const eps = parameters.eps as number
      const values = numbersOf(weights)
      const total = values.reduce((sum, value) => sum + value, 0) + eps
      return { 'selector/entropy': -values.reduce((sum, value) => sum + (value / total) * Math.log(value / total + eps), 0) }
    },
  },
}

export const selectorDiversityMetric: NodeType = {
  description: describe({
    type: 'SelectorDiversityMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'How unequal the weights of a selector are.',
    formula: 'weight_variance with divisor C; gini_coefficient = 2 sum_i i w_(i) / (C sum w) - (C + 1) / C, weights in ascending order, i from 1; 0 where all are equal',
    source: 'Gini, Variabilità e mutabilità (1912); cuvis.ai SelectorDiversityMetric.',
    inputs: [bandWeights],
    outputs: [namedNumbers('metrics', 'weight_variance, gini_coefficient.')],
  }),
  locality: 'pixel',
  measurement: {
    ports: ['weights'],
    measure(_parameters, { weights }) {
      const ascending = numbersOf(weights).sort((a, b) => a - b)
      const count = ascending.length
      const total = ascending.reduce((sum, value) => sum + value, 0)
      const ranked = ascending.reduce((sum, value, index) => sum + (index + 1) * value, 0)
      return { weight_variance: scatter(ascending) / count, gini_coefficient: (2 * ranked) / (count * total) - (count + 1) / count }
    },
  },
}

function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as Float32Array)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Sum of squared deviations from the mean. */
function scatter(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
}
