import { CuvetteError } from '../../shared/problem'
import { readModel, IR_VERSION, OPSET } from './model'
import type { AttributeMessage, TypeMessage, ValueInfoMessage } from './messages/schema'
import { encodeModelMessage } from './messages/schema'
import { toNumber } from './messages/tensor'
import type { OptimizerSettings } from './optimizer'

// optimizer_model.onnx states the algorithm and its constants; it does not depend on the trained model. AdamW is
// written as the training runtime (ONNX Runtime 1.19.2) expects it, input by input. The runtime has neither Adam with
// L2 decay nor SGD with momentum: those are operators of our own domain, which it refuses instead of training otherwise.

const RUNTIME_DOMAIN = 'com.microsoft'
const OWN_DOMAIN = 'cuvette.training'

const sequences = ['params', 'gradients', 'first_order_moments', 'second_order_moments'] as const

/** Bytes of optimizer_model.onnx. */
export function encodeOptimizerModel(settings: OptimizerSettings): Uint8Array {
  const adamw = settings.algorithm === 'adamw'
  const inputs: ValueInfoMessage[] = [
    { name: 'learning_rate', type: tensor(1, 1) },
    { name: 'step', type: tensor(7, 1) },
    ...sequences.map((name) => ({ name, type: { sequence_type: { elem_type: tensor(1) } } })),
  ]
  return encodeModelMessage({
    ir_version: IR_VERSION,
    producer_name: 'cuvette',
    graph: {
      node: [
        {
          input: inputs.map(({ name }) => name as string),
          output: ['updated_flag'],
          name: 'optimizer',
          op_type: adamw ? 'AdamWOptimizer' : settings.algorithm === 'adam' ? 'AdamOptimizer' : 'SgdOptimizer',
          attribute: attributesOf(settings),
          domain: adamw ? RUNTIME_DOMAIN : OWN_DOMAIN,
        },
      ],
      name: 'optimizer',
      input: inputs,
      output: [{ name: 'updated_flag', type: tensor(9, 1) }],
    },
    opset_import: [
      { domain: '', version: OPSET },
      { domain: adamw ? RUNTIME_DOMAIN : OWN_DOMAIN, version: 1 },
    ],
  })
}

function attributesOf(settings: OptimizerSettings): AttributeMessage[] {
  const float = (name: string, f: number): AttributeMessage => ({ name, f, type: 1 })
  const integer = (name: string, i: number): AttributeMessage => ({ name, i, type: 2 })
  if (settings.algorithm === 'sgd') return [float('momentum', settings.momentum), float('weight_decay', settings.weightDecay)]
  return [
    float('alpha', settings.beta1),
    float('beta', settings.beta2),
    float('epsilon', settings.epsilon),
    float('weight_decay', settings.weightDecay),
    integer('correct_bias', settings.uncorrected ? 0 : 1),
    // 0: decay first and bias-corrected moments, as PyTorch does.
    integer('adam_mode', settings.decaysLast ? 1 : 0),
  ]
}

/** What an optimizer_model.onnx states. Throws CuvetteError('bad-artifact') for anything that this version cannot apply. */
export function decodeOptimizerModel(bytes: Uint8Array, path: string): OptimizerSettings {
  const nodes = readModel(bytes, path).graph?.node ?? []
  const node = nodes.length === 1 ? nodes[0] : undefined
  const operator = node ? `${node.domain || 'ai.onnx'}.${node.op_type}` : ''
  const number = (name: string, fallback?: number): number => {
    const attribute = node?.attribute?.find((candidate) => candidate.name === name)
    const value = attribute?.type === 1 ? shortest(attribute.f ?? 0) : attribute?.type === 2 ? toNumber(attribute.i ?? 0) : fallback
    if (value === undefined) throw new CuvetteError('bad-artifact', `The optimizer ${operator} does not state ${name}.`, { path, where: name })
    return value
  }
  switch (operator) {
    case `${RUNTIME_DOMAIN}.AdamWOptimizer`: {
      const [mode, correct] = [number('adam_mode', 0), number('correct_bias', 1)]
      // The training runtime has mode 0 with the correction only.
      if (!(mode === 0 && correct === 1) && !(mode === 1 && [0, 1].includes(correct))) {
        throw new CuvetteError('bad-artifact', `The optimizer states adam_mode ${mode} and correct_bias ${correct}; the training runtime knows mode 0 with 1, and mode 1 with 0 or 1.`, { path, where: 'adam_mode' })
      }
      return {
        algorithm: 'adamw', beta1: number('alpha', 0.9), beta2: number('beta', 0.999), epsilon: number('epsilon', 1e-8), weightDecay: number('weight_decay', 0.01),
        ...(mode === 1 && { decaysLast: true }), ...(correct === 0 && { uncorrected: true }),
      }
    }
    case `${OWN_DOMAIN}.AdamOptimizer`:
      return { algorithm: 'adam', beta1: number('alpha'), beta2: number('beta'), epsilon: number('epsilon'), weightDecay: number('weight_decay') }
    case `${OWN_DOMAIN}.SgdOptimizer`:
      return { algorithm: 'sgd', momentum: number('momentum'), weightDecay: number('weight_decay') }
    default:
      throw new CuvetteError('bad-artifact', `The optimizer model holds ${nodes.length === 1 ? operator : `${nodes.length} operators`}; one AdamWOptimizer is expected.`, { path })
  }
}

/**
 * The shortest decimal number that is this float32. Attributes are float32, and 1 - 0.999 in float64 needs the 0.999
 * that was meant, not the nearest float32 (a relative error of 1e-5 in the second moment).
 */
export function shortest(number: number): number {
  for (let digits = 1; digits <= 9; digits += 1) {
    const candidate = Number(number.toPrecision(digits))
    if (Math.fround(candidate) === Math.fround(number)) return candidate
  }
  return number
}

function tensor(element: number, size?: number): TypeMessage {
  return { tensor_type: { elem_type: element, ...(size !== undefined && { shape: { dim: [{ dim_value: size }] } }) } }
}
