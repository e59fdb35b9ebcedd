import type { Dimension, Graph, GraphNode, InferredOutput, Value } from '../graph'
import type { ElementType } from '../tensor'
import { elementTypeOf, onnxTypeOf } from '../element-types'
import { integers, literal, reshapeLike, sumToInput, zerosLike } from './adjoint'
import { asFirstInput, axisOf, intAttribute, intsAttribute, isFloat, knownIntegers, literalIntegers, refuse, required, stringAttribute } from './context'
import { broadcast, difference, product, quotient, shapeText, sum } from './dimensions'
import type { GradientContext, InferContext, OperatorFamily, OperatorRule } from './index'

// Operators that move elements without changing them, and those that read or make shapes.

/** Same elements in other axes: the gradient is put back into the axes of the input. */
const rearranged = (infer: OperatorRule['infer']): OperatorRule => ({
  infer,
  gradient: (context) => [reshapeLike(context.graph, context.gradients[0] as Value, required(context, 0)), ...context.inputs.slice(1).map(() => null)],
})

export const shapes: OperatorFamily = {
  Identity: { infer: asFirstInput, broadcastsGradient: true, gradient: ({ gradients }) => [gradients[0]] },
  Cast: {
    infer: (context) => [{ type: castTarget(context.node), shape: required(context, 0).shape }],
    broadcastsGradient: true,
    gradient: ({ graph, node, inputs, outputs, gradients }) => {
      const from = required({ node, inputs }, 0)
      if (!isFloat(from.type) || !isFloat(outputs[0].type)) return [null]
      return [graph.op('Cast', [gradients[0]], { to: onnxTypeOf(from.type) })]
    },
  },
  Reshape: rearranged(inferReshape),
  Flatten: rearranged((context) => {
    const value = required(context, 0)
    const given = intAttribute(context.node, 'axis', 1)
    const axis = given < 0 ? given + value.shape.length : given
    return [{ type: value.type, shape: [product(value.shape.slice(0, axis)), product(value.shape.slice(axis))] }]
  }),
  Squeeze: rearranged((context) => {
    const value = required(context, 0)
    const axes = context.inputs[1] ? literalIntegers(context, 1, 'axes').map((axis) => axisOf(context.node, axis, value.shape.length)) : null
    for (const axis of axes ?? []) {
      const size = value.shape[axis]
      if (typeof size === 'number' && size !== 1) refuse(context.node, `removes axis ${axis} of ${shapeText(value.shape)}, whose size is ${size}; 1 is expected`)
    }
    return [{ type: value.type, shape: value.shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)) }]
  }),
  Unsqueeze: rearranged((context) => {
    const value = required(context, 0)
    const given = literalIntegers(context, 1, 'axes')
    const rank = value.shape.length + given.length
    const axes = given.map((axis) => axisOf(context.node, axis, rank))
    const left = [...value.shape]
    return [{ type: value.type, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (left.shift() as Dimension))) }]
  }),
  Transpose: {
    infer: (context) => {
      const value = required(context, 0)
      const perm = permutation(context.node, value.shape.length)
      return [{ type: value.type, shape: perm.map((axis) => value.shape[axis]) }]
    },
    gradient: ({ graph, node, outputs, gradients }) => {
      const perm = permutation(node, outputs[0].shape.length)
      const inverse = perm.map((_, axis) => perm.indexOf(axis))
      return [graph.op('Transpose', [gradients[0]], { perm: inverse })]
    },
  },
  Expand: {
    infer: (context) => {
      const value = required(context, 0)
      const target = knownIntegers(context.graph, required(context, 1)) ?? unknownSizes(context, required(context, 1))
      const shape = broadcast(value.shape, target, context.graph.trustsSymbols)
      return [{ type: value.type, shape: Array.isArray(shape) ? shape : refuse(context.node, `cannot expand ${shapeText(value.shape)} to ${shapeText(target)}`) }]
    },
    broadcastsGradient: true,
    gradient: ({ graph, node, inputs, outputs, gradients }) => [sumToInput(graph, gradients[0] as Value, outputs[0], required({ node, inputs }, 0)), null],
  },
  Concat: {
    infer: (context) => {
      const inputs = context.inputs.map((_, index) => required(context, index))
      const [first] = inputs
      const axis = axisOf(context.node, intAttribute(context.node, 'axis', 0), first.shape.length)
      for (const input of inputs) {
        const fits = input.shape.length === first.shape.length && input.shape.every((size, at) => at === axis || size === first.shape[at] || typeof size !== typeof first.shape[at] || (context.graph.trustsSymbols && typeof size === 'string'))
        if (!fits || input.type !== first.type) {
          refuse(context.node, `joins ${first.type} ${shapeText(first.shape)} and ${input.type} ${shapeText(input.shape)} along axis ${axis}; the other axes must be equal`)
        }
      }
      return [{ type: first.type, shape: first.shape.map((size, at) => (at === axis ? sum(inputs.map((input) => input.shape[axis])) : size)) }]
    },
    gradient: ({ graph, node, inputs, outputs, gradients }) => {
      const parts = inputs.map((_, index) => required({ node, inputs }, index))
      if (parts.length === 1) return [gradients[0]]
      const axis = axisOf(node, intAttribute(node, 'axis', 0), outputs[0].shape.length)
      return graph.ops('Split', [gradients[0], sizesAlong(graph, parts, axis)], parts.length, { axis })
    },
  },
  Split: {
    infer: (context) => {
      const value = required(context, 0)
      const axis = axisOf(context.node, intAttribute(context.node, 'axis', 0), value.shape.length)
      const count = context.node.outputs.length
      const sizes = context.inputs[1] ? knownIntegers(context.graph, context.inputs[1]) : equalParts(context.node, value.shape[axis], count)
      if (sizes && sizes.length !== count) refuse(context.node, `has ${sizes.length} sizes and ${count} outputs`)
      return context.node.outputs.map((output, index) => ({
        type: value.type,
        shape: value.shape.map((size, at) => (at === axis ? (sizes?.[index] ?? `${output}.${axis}`) : size)),
      }))
    },
    gradient: ({ graph, node, inputs, outputs, gradients }) => {
      const axis = axisOf(node, intAttribute(node, 'axis', 0), outputs[0].shape.length)
      const parts = outputs.map((output, index) => gradients[index] ?? zerosLike(graph, output))
      const joined = parts.length === 1 ? parts[0] : graph.op('Concat', parts, { axis })
      return [joined, ...inputs.slice(1).map(() => null)]
    },
  },
  Slice: {
    infer: (context) => {
      const value = required(context, 0)
      const shape = [...value.shape]
      for (const cut of cutsOf(context)) shape[cut.axis] = cutSize(context.node, value.shape[cut.axis], cut)
      return [{ type: value.type, shape }]
    },
    gradient: gradientOfSlice,
  },
  Gather: {
    infer: (context) => {
      const [value, indices] = [required(context, 0), required(context, 1)]
      const axis = axisOf(context.node, intAttribute(context.node, 'axis', 0), value.shape.length)
      const size = value.shape[axis]
      const outside = typeof size === 'number' ? knownIntegers(context.graph, indices)?.find((index) => typeof index === 'number' && (index >= size || index < -size)) : undefined
      if (outside !== undefined) refuse(context.node, `takes element ${outside} of an axis with ${size} elements`)
      return [{ type: value.type, shape: [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)] }]
    },
    gradient: gradientOfGather,
  },
  ScatterElements: { infer: asFirstInput },
  Shape: {
    infer: (context) => {
      const rank = required(context, 0).shape.length
      const start = intAttribute(context.node, 'start', 0)
      const end = intAttribute(context.node, 'end', rank)
      const place = (axis: number): number => Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank)
      return [{ type: 'int64', shape: [Math.max(0, place(end) - place(start))] }]
    },
    gradient: () => [null],
  },
  Range: {
    infer: (context) => {
      const [start, limit, delta] = [0, 1, 2].map((index) => knownIntegers(context.graph, required(context, index))?.[0])
      let size: Dimension = `${context.node.name}.0`
      if (typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number') size = Math.max(0, Math.ceil((limit - start) / delta))
      else if (start === 0 && delta === 1 && limit !== undefined) size = limit
      return [{ type: required(context, 0).type, shape: [size] }]
    },
  },
  Size: { infer: () => [{ type: 'int64', shape: [] }] },
  ConstantOfShape: {
    infer: (context) => {
      const shape = required(context, 0)
      const attribute = context.node.attributes.value
      const type = attribute?.kind === 'tensor' ? attribute.value.type : 'float32'
      return [{ type, shape: knownIntegers(context.graph, shape) ?? unknownSizes(context, shape) }]
    },
  },
  Pad: {
    infer: (context) => {
      const value = required(context, 0)
      const pads = knownIntegers(context.graph, required(context, 1))
      const rank = value.shape.length
      if (pads && pads.length !== 2 * rank) refuse(context.node, `has ${pads.length} paddings for ${rank} axes; ${2 * rank} are expected`)
      return [{ type: value.type, shape: value.shape.map((size, axis) => padded(context.node, size, axis, pads?.[axis], pads?.[axis + rank])) }]
    },
    // Zeros are cut off again by negative paddings; repeated pixels give their gradient back to where they came from.
    gradient: ({ graph, node, inputs, gradients, needed }) => {
      if (needed[2]) refuse(node, 'has a trained padding value, which has no gradient in this version')
      const [value, pads] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
      const others = inputs.slice(1).map(() => null)
      const mode = stringAttribute(node, 'mode', 'constant')
      if (mode === 'constant') return [graph.op('Pad', [gradients[0], graph.op('Neg', [pads])], {}, { shape: value.shape }), ...others]
      const known = knownIntegers(graph, pads)
      const rank = value.shape.length
      let gradient = gradients[0] as Value
      const shape = [...gradient.shape]
      for (let axis = 0; axis < rank; axis += 1) {
        if (known?.[axis] === 0 && known[axis + rank] === 0) continue
        const own = graph.op('Gather', [pads, integers(graph, [axis, axis + rank])], { axis: 0 })
        const from = graph.op('Pad', [everyPlace(graph, value, axis), own], { mode })
        gradient = scatterAlong(graph, gradient, from, axis, value, shape)
      }
      return [{ ...gradient, shape: value.shape }, ...others]
    },
  },
}

function castTarget(node: GraphNode): ElementType {
  const code = intAttribute(node, 'to', 0)
  return elementTypeOf(code) ?? refuse(node, `casts to the ONNX element type ${code}, which this version does not use`)
}

function permutation(node: GraphNode, rank: number): readonly number[] {
  const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  if ([...perm].sort((a, b) => a - b).some((axis, at) => axis !== at) || perm.length !== rank) refuse(node, `permutes ${rank} axes by ${perm.join(', ')}`)
  return perm
}

/** Sizes that depend on data get names of their own. */
function unknownSizes(context: InferContext, shape: Value): Dimension[] {
  const [rank] = shape.shape
  if (typeof rank !== 'number') return refuse(context.node, 'takes a shape whose number of axes is not known')
  return Array.from({ length: rank }, (_, axis) => `${context.node.name}.${axis}`)
}

function inferReshape(context: InferContext): InferredOutput[] {
  const value = required(context, 0)
  const target = knownIntegers(context.graph, required(context, 1))
  if (!target) return [{ type: value.type, shape: unknownSizes(context, required(context, 1)) }]
  const copies = intAttribute(context.node, 'allowzero', 0) === 0
  const shape = target.map((size, axis) => (size === 0 && copies ? (value.shape[axis] ?? 0) : size))
  const open = shape.indexOf(-1)
  if (open >= 0) {
    const known = shape.filter((_, axis) => axis !== open)
    shape[open] = quotient(value.shape, known) ?? refuse(context.node, `cannot bring ${shapeText(value.shape)} into ${shapeText(target)}`)
  } else {
    const [have, want] = [product(value.shape), product(shape)]
    if (typeof have === 'number' && typeof want === 'number' && have !== want) refuse(context.node, `cannot bring ${shapeText(value.shape)} into ${shapeText(target)}`)
  }
  return [{ type: value.type, shape }]
}

function equalParts(node: GraphNode, size: Dimension, count: number): Dimension[] | null {
  if (typeof size !== 'number') return null
  if (size % count !== 0) refuse(node, `cuts ${size} elements into ${count} equal parts`)
  return Array.from({ length: count }, () => size / count)
}

/** Sizes of all parts along one axis as one int64 list, read at run time where they are symbols. */
function sizesAlong(graph: Graph, parts: readonly Value[], axis: number): Value {
  const sizes = parts.map((part) => part.shape[axis])
  if (sizes.every((size) => typeof size === 'number')) return integers(graph, sizes as number[])
  return graph.op('Concat', parts.map((part) => graph.size(part, axis)), { axis: 0 })
}

interface Cut {
  axis: number
  start: Dimension | null
  end: Dimension | null
  step: Dimension | null
}

function cutsOf(context: { graph: Graph; node: GraphNode; inputs: readonly (Value | null)[] }): Cut[] {
  const rank = required(context, 0).shape.length
  const length = required(context, 1).shape[0]
  if (typeof length !== 'number') return refuse(context.node, 'cuts a number of axes that is not known')
  const known = (index: number): Dimension[] | null => (context.inputs[index] ? knownIntegers(context.graph, context.inputs[index]) : null)
  const [starts, ends, steps] = [known(1), known(2), context.inputs[4] ? known(4) : Array.from({ length }, () => 1)]
  const axes = context.inputs[3] ? literalIntegers(context, 3, 'axes') : Array.from({ length }, (_, index) => index)
  return axes.map((axis, index) => ({
    axis: axisOf(context.node, axis, rank),
    start: starts?.[index] ?? null,
    end: ends?.[index] ?? null,
    step: steps?.[index] ?? null,
  }))
}

function cutSize(node: GraphNode, size: Dimension, { axis, start, end, step }: Cut): Dimension {
  const unknown = `${node.name}.${axis}`
  if (step === 0) refuse(node, 'has a step of 0')
  if (typeof start !== 'number' || typeof end !== 'number' || typeof step !== 'number') return unknown
  if (typeof size === 'string') {
    if (step !== 1) return unknown
    // An end beyond any real size means "to the end".
    const toTheEnd = end >= 2 ** 31 - 1
    if (toTheEnd && start >= 0) return difference(size, start)
    if (start >= 0 && end < 0) return difference(size, start - end)
    if (toTheEnd && start < 0) return -start
    if (start < 0 && end < 0) return Math.max(0, end - start)
    return unknown
  }
  const from = start < 0 ? start + size : start
  const to = end < 0 ? end + size : end
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
  const clamp = (place: number): number => Math.min(Math.max(place, low), high)
  // An end below -size runs off the front when stepping backwards.
  return Math.max(0, Math.ceil((clamp(to) - clamp(from)) / step))
}

/** Each cut axis in turn, last first: the gradient is put at the positions that the cut took. */
function gradientOfSlice({ graph, node, inputs, outputs, gradients }: GradientContext): (Value | null)[] {
  const value = required({ node, inputs }, 0)
  const cuts = cutsOf({ graph, node, inputs })
  let gradient = gradients[0] as Value
  const shape = [...outputs[0].shape]
  cuts.forEach((cut, index) => {
    const at = integers(graph, [index])
    const part = (input: number): Value => graph.op('Gather', [required({ node, inputs }, input), at], { axis: 0 })
    const taken = graph.op('Slice', [everyPlace(graph, value, cut.axis), part(1), part(2), integers(graph, [0]), inputs[4] ? part(4) : integers(graph, [1])])
    gradient = scatterAlong(graph, gradient, taken, cut.axis, value, shape)
  })
  return [gradient, ...inputs.slice(1).map(() => null)]
}

/** 0, 1, ... up to the size of an axis, int64. */
function everyPlace(graph: Graph, value: Value, axis: number): Value {
  const number = (of: number): Value => graph.constant({ type: 'int64', shape: [], data: BigInt64Array.of(BigInt(of)) })
  return graph.op('Range', [number(0), graph.op('Squeeze', [graph.size(value, axis), integers(graph, [0])]), number(1)])
}

/** Adds slices of `gradient` to zeros at `positions` [n] of `axis`, whose size there is that of `like`. Updates `shape`. */
function scatterAlong(graph: Graph, gradient: Value, positions: Value, axis: number, like: Value, shape: Dimension[]): Value {
  const rank = shape.length
  const parts = shape.map((_, at) => (at === axis ? graph.size(like, axis) : graph.size(gradient, at)))
  const zeros = graph.op('Expand', [literal(graph, gradient.type, 0), rank === 1 ? parts[0] : graph.op('Concat', parts, { axis: 0 })])
  const column = graph.op('Reshape', [positions, integers(graph, shape.map((_, at) => (at === axis ? -1 : 1)))], {}, {
    shape: shape.map((_, at) => (at === axis ? gradient.shape[axis] : 1)),
  })
  const everywhere = graph.op('Expand', [column, graph.op('Shape', [gradient])])
  shape[axis] = like.shape[axis]
  return graph.op('ScatterElements', [zeros, everywhere, gradient], { axis, reduction: 'add' }, { shape: [...shape] })
}

/** Positions may repeat: their gradients add up. Several index axes are seen as one. */
function gradientOfGather({ graph, node, inputs, gradients }: GradientContext): (Value | null)[] {
  const [value, indices] = [required({ node, inputs }, 0), required({ node, inputs }, 1)]
  const axis = axisOf(node, intAttribute(node, 'axis', 0), value.shape.length)
  const flat = indices.shape.length === 1 ? indices : graph.op('Reshape', [indices, integers(graph, [-1])])
  const shape = [...value.shape.slice(0, axis), flat.shape[0], ...value.shape.slice(axis + 1)]
  let gradient = gradients[0] as Value
  if (indices.shape.length !== 1) {
    gradient = graph.reshape(gradient, shape.map((size, at) => (at === axis ? -1 : typeof size === 'number' ? size : { of: value, axis: at })))
  }
  return [scatterAlong(graph, gradient, flat, axis, value, shape), null]
}

function padded(node: GraphNode, size: Dimension, axis: number, before: Dimension | undefined, after: Dimension | undefined): Dimension {
  if (before === 0 && after === 0) return size
  if (typeof before === 'number' && typeof after === 'number' && typeof size === 'number') {
    const result = size + before + after
    return result >= 0 ? result : refuse(node, `takes ${-before - after} elements from an axis with ${size}`)
  }
  if (typeof before === 'number' && typeof after === 'number' && before >= 0 && after >= 0) return sum([size, before, after])
  return `${node.name}.${axis}`
}
