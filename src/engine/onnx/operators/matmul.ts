import type { Attribute, Dimension, Value } from '../graph'
import { integers, literal, reshapeLike, sumToInput } from './adjoint'
import { broadcast, shapeText } from './dimensions'
import { floatAttribute, intAttribute, isFloat, refuse, required } from './context'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Matrix products. Weight gradients are Gemm with transA, which the runtime computes without a transposed copy.

export const matrixProducts: OperatorFamily = {
  MatMul: { infer: inferMatMul, gradient: gradientOfMatMul },
  Gemm: { infer: inferGemm, gradient: gradientOfGemm },
}

function sameInner(context: InferContext, left: Value, right: Value, a: Dimension, b: Dimension): void {
  if (left.type !== right.type) refuse(context.node, `joins ${left.type} and ${right.type}; one element type is expected`)
  if (a !== b && typeof a === 'number' && typeof b === 'number') {
    refuse(context.node, `multiplies ${shapeText(left.shape)} by ${shapeText(right.shape)}: ${a} and ${b} must be equal`)
  }
}

function inferMatMul(context: InferContext) {
  const [left, right] = [required(context, 0), required(context, 1)]
  if (left.shape.length === 0 || right.shape.length === 0) refuse(context.node, 'multiplies a scalar; at least one axis is expected')
  const a = left.shape.length === 1 ? [1, ...left.shape] : left.shape
  const b = right.shape.length === 1 ? [...right.shape, 1] : right.shape
  sameInner(context, left, right, a[a.length - 1], b[b.length - 2])
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2), context.graph.trustsSymbols)
  if (!Array.isArray(batch)) return refuse(context.node, `cannot join the shapes ${shapeText(left.shape)} and ${shapeText(right.shape)}`)
  const shape = [...batch]
  if (left.shape.length > 1) shape.push(a[a.length - 2])
  if (right.shape.length > 1) shape.push(b[b.length - 1])
  return [{ type: left.type, shape }]
}

function inferGemm(context: InferContext) {
  const [left, right] = [required(context, 0), required(context, 1)]
  if (left.shape.length !== 2 || right.shape.length !== 2) {
    refuse(context.node, `multiplies ${shapeText(left.shape)} by ${shapeText(right.shape)}; two matrices are expected`)
  }
  const a = intAttribute(context.node, 'transA', 0) ? [left.shape[1], left.shape[0]] : left.shape
  const b = intAttribute(context.node, 'transB', 0) ? [right.shape[1], right.shape[0]] : right.shape
  sameInner(context, left, right, a[1], b[0])
  const shape = [a[0], b[1]]
  const added = context.inputs[2]
  if (added) {
    const fitted = broadcast(shape, added.shape, context.graph.trustsSymbols)
    if (added.shape.length > 2 || !Array.isArray(fitted)) {
      refuse(context.node, `adds ${shapeText(added.shape)} to ${shapeText(shape)}, which does not fit`)
    }
  }
  return [{ type: left.type, shape }]
}

/** dA = dY B', dB = A' dY, with one-axis operands treated as a row on the left and a column on the right. */
function gradientOfMatMul({ graph, node, inputs, gradients, needed }: GradientContext): (Value | null)[] {
  const [left, right] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
  if (!isFloat(left.type)) return [null, null]
  let dy = gradients[0] as Value
  const a = left.shape.length === 1 ? graph.op('Unsqueeze', [left, integers(graph, [0])]) : left
  const b = right.shape.length === 1 ? graph.op('Unsqueeze', [right, integers(graph, [1])]) : right
  if (right.shape.length === 1) dy = graph.op('Unsqueeze', [dy, integers(graph, [-1])])
  if (left.shape.length === 1) dy = graph.op('Unsqueeze', [dy, integers(graph, [-2])])

  const toLeft = (): Value => {
    const product = b.shape.length === 2 && dy.shape.length === 2 ? graph.op('Gemm', [dy, b], { transB: 1 }) : graph.op('MatMul', [dy, swapped(graph, b)])
    const reduced = sumToInput(graph, product, batchOf(product, a), a)
    return left.shape.length === 1 ? reshapeLike(graph, reduced, left) : reduced
  }
  const toRight = (): Value => {
    let product: Value
    if (b.shape.length === 2) {
      // [.., M, K] and [.., M, N] as tall matrices: every leading axis is summed by the product itself.
      product = graph.op('Gemm', [tall(graph, a), tall(graph, dy)], { transA: 1 })
    } else {
      product = graph.op('MatMul', [swapped(graph, a), dy])
      product = sumToInput(graph, product, batchOf(product, b), b)
    }
    return right.shape.length === 1 ? reshapeLike(graph, product, right) : product
  }
  return [needed[0] ? toLeft() : null, needed[1] ? toRight() : null]
}

/** Y = alpha A' B' + beta C. */
function gradientOfGemm({ graph, node, inputs, outputs, gradients, needed }: GradientContext): (Value | null)[] {
  const [a, b] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
  const dy = gradients[0] as Value
  const transA = intAttribute(node, 'transA', 0) ? 1 : 0
  const transB = intAttribute(node, 'transB', 0) ? 1 : 0
  const alpha = floatAttribute(node, 'alpha', 1)
  const beta = floatAttribute(node, 'beta', 1)
  const scale: Record<string, Attribute> = alpha === 1 ? {} : { alpha: { kind: 'float', value: alpha } }
  const added = inputs[2]
  const toAdded = (value: Value): Value => {
    const summed = sumToInput(graph, dy, outputs[0], value)
    return beta === 1 ? summed : graph.op('Mul', [summed, literal(graph, summed.type, beta)])
  }
  return [
    needed[0] ? (transA ? graph.op('Gemm', [b, dy], { transA: transB, transB: 1, ...scale }) : graph.op('Gemm', [dy, b], { transB: 1 - transB, ...scale })) : null,
    needed[1] ? (transB ? graph.op('Gemm', [dy, a], { transA: 1, transB: transA, ...scale }) : graph.op('Gemm', [a, dy], { transA: 1 - transA, ...scale })) : null,
    ...(added ? [needed[2] ? toAdded(added) : null] : []),
  ]
}

/** The last two axes exchanged. */
function swapped(graph: GradientContext['graph'], value: Value): Value {
  const rank = value.shape.length
  const perm = Array.from({ length: rank }, (_, axis) => axis)
  perm[rank - 1] = rank - 2
  perm[rank - 2] = rank - 1
  return graph.op('Transpose', [value], { perm })
}

/** All leading axes in one: [B, H, W, C] becomes [B*H*W, C]. */
function tall(graph: GradientContext['graph'], value: Value): Value {
  if (value.shape.length === 2) return value
  const last = value.shape[value.shape.length - 1]
  if (typeof last === 'number') return graph.op('Reshape', [value, integers(graph, [-1, last])])
  return graph.reshape(value, [-1, { of: value, axis: value.shape.length - 1 }])
}

/** The product seen as an elementwise result, so that only its leading axes are summed. */
function batchOf(product: Value, operand: Value): Value {
  const rank = product.shape.length
  const last = operand.shape.slice(-2)
  return { ...product, shape: [...product.shape.slice(0, rank - 2), ...last] }
}

