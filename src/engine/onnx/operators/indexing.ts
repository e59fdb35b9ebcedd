import type { Dimension, Graph, Value } from '../graph'
import { integers, literal } from './adjoint'
import { asFirstInput, axisOf, intAttribute, knownIntegers, refuse, required, stringAttribute } from './context'
import { product } from './dimensions'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Elements at places that other tensors name, repeated elements, running sums, triangles, blocks of pixels.

/** Zeros in the shape of `value`, whatever it is at run time. */
function zerosIn(graph: Graph, value: Value): Value {
  return graph.op('Expand', [literal(graph, value.type, 0), graph.op('Shape', [value])], {}, { shape: value.shape })
}

function blockSize(context: { node: InferContext['node'] }): number {
  const size = intAttribute(context.node, 'blocksize', 0)
  return size > 0 ? size : refuse(context.node, 'has no blocksize')
}

const divided = (context: InferContext, size: Dimension, by: number): Dimension =>
  typeof size === 'number' ? (size % by === 0 ? size / by : refuse(context.node, `cuts ${size} elements into blocks of ${by}`)) : `floor(${size}/${by})`

const replaced = (node: InferContext['node']): void => {
  const how = stringAttribute(node, 'reduction', 'none')
  if (how !== 'none' && how !== 'add') refuse(node, `joins elements by ${how}, which has no gradient in this version; none or add is expected`)
}

export const indexing: OperatorFamily = {
  GatherElements: {
    infer: (context) => [{ type: required(context, 0).type, shape: required(context, 1).shape }],
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => {
      const [value, indices] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
      const axis = axisOf(node, intAttribute(node, 'axis', 0), value.shape.length)
      return [graph.op('ScatterElements', [zerosIn(graph, value), indices, gradients[0]], { axis, reduction: 'add' }), null]
    },
  },
  GatherND: {
    infer: (context) => {
      const [value, indices] = [required(context, 0), required(context, 1)]
      if (intAttribute(context.node, 'batch_dims', 0) !== 0) refuse(context.node, 'gathers by batches (batch_dims), which is not supported')
      const depth = indices.shape[indices.shape.length - 1]
      if (typeof depth !== 'number') return refuse(context.node, 'names places by a number of axes that is not known')
      return [{ type: value.type, shape: [...indices.shape.slice(0, -1), ...value.shape.slice(depth)] }]
    },
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => {
      const [value, indices] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
      return [graph.op('ScatterND', [zerosIn(graph, value), indices, gradients[0]], { reduction: 'add' }), null]
    },
  },
  ScatterElements: {
    infer: asFirstInput,
    gradient: ({ graph, node, inputs, gradients, needed }: GradientContext) => {
      replaced(node)
      const [value, indices, updates] = [0, 1, 2].map((index) => required({ node, inputs }, index))
      const axis = axisOf(node, intAttribute(node, 'axis', 0), value.shape.length)
      const g = gradients[0] as Value
      const kept = (): Value => (stringAttribute(node, 'reduction', 'none') === 'add' ? g : graph.op('ScatterElements', [g, indices, zerosIn(graph, updates)], { axis }))
      return [needed[0] ? kept() : null, null, needed[2] ? graph.op('GatherElements', [g, indices], { axis }) : null]
    },
  },
  ScatterND: {
    infer: asFirstInput,
    gradient: ({ graph, node, inputs, gradients, needed }: GradientContext) => {
      replaced(node)
      const [, indices, updates] = [0, 1, 2].map((index) => required({ node, inputs }, index))
      const g = gradients[0] as Value
      const kept = (): Value => (stringAttribute(node, 'reduction', 'none') === 'add' ? g : graph.op('ScatterND', [g, indices, zerosIn(graph, updates)]))
      return [needed[0] ? kept() : null, null, needed[2] ? graph.op('GatherND', [g, indices]) : null]
    },
  },
  NonZero: {
    infer: (context) => [{ type: 'int64', shape: [Math.max(1, required(context, 0).shape.length), `${context.node.name}.count`] }],
  },
  Tile: {
    infer: (context) => {
      const value = required(context, 0)
      const repeats = knownIntegers(context.graph, required(context, 1))
      return [{ type: value.type, shape: value.shape.map((size, axis) => (repeats ? product([size, repeats[axis]]) : `${context.node.name}.${axis}`)) }]
    },
    // Every axis as (repeats, size): the repeats are summed.
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => {
      const [value, repeats] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
      const rank = value.shape.length
      const column = (list: Value): Value => graph.op('Unsqueeze', [list, integers(graph, [1])])
      const pairs = graph.op('Concat', [column(repeats), column(graph.op('Shape', [value]))], { axis: 1 })
      const target = graph.op('Reshape', [pairs, integers(graph, [-1])])
      const apart = graph.op('Reshape', [gradients[0], target], {}, { shape: Array.from({ length: 2 * rank }, (_, axis) => (axis % 2 === 0 ? `${node.name}.repeat${axis / 2}` : value.shape[(axis - 1) / 2])) })
      return [graph.op('ReduceSum', [apart, integers(graph, Array.from({ length: rank }, (_, axis) => 2 * axis))], { keepdims: 0 }), null]
    },
  },
  /** A running sum backwards is a running sum from the other end. */
  CumSum: {
    infer: asFirstInput,
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => {
      const exclusive = intAttribute(node, 'exclusive', 0)
      return [graph.op('CumSum', [gradients[0], required({ node, inputs }, 1)], { exclusive, reverse: 1 - intAttribute(node, 'reverse', 0) }), null]
    },
  },
  Trilu: {
    infer: asFirstInput,
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => [graph.op('Trilu', [gradients[0], inputs[1] ?? null], { upper: intAttribute(node, 'upper', 1) }), ...inputs.slice(1).map(() => null)],
  },
  /** Order DCR; the reader writes the other order as a transposition. */
  DepthToSpace: {
    infer: (context) => {
      const { type, shape } = required(context, 0)
      const block = blockSize(context)
      if (stringAttribute(context.node, 'mode', 'DCR') !== 'DCR') refuse(context.node, 'orders channels by CRD; DCR is expected')
      return [{ type, shape: [shape[0], divided(context, shape[1], block * block), product([shape[2], block]), product([shape[3], block])] }]
    },
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => [graph.op('SpaceToDepth', [gradients[0]], { blocksize: blockSize({ node }) }, { shape: inputs[0]?.shape })],
  },
  SpaceToDepth: {
    infer: (context) => {
      const { type, shape } = required(context, 0)
      const block = blockSize(context)
      return [{ type, shape: [shape[0], product([shape[1], block * block]), divided(context, shape[2], block), divided(context, shape[3], block)] }]
    },
    gradient: ({ graph, node, inputs, gradients }: GradientContext) => [graph.op('DepthToSpace', [gradients[0]], { blocksize: blockSize({ node }), mode: 'DCR' }, { shape: inputs[0]?.shape })],
  },
}
