import type { Dimension, Graph, GraphNode, Value } from '../graph'
import { intAttribute, intsAttribute } from './context'
import { difference, floorQuotient, product, sum } from './dimensions'

// Sizes are computed inside foreign models by ordinary operators: Shape, Gather, Mul, Concat. What is known of such small
// tensors before anything runs is worked out here, element by element: numbers, or symbols such as "B*H".

/** Larger tensors are weights or data, not sizes. */
const LARGEST = 4096

const results = new WeakMap<Graph, Map<string, Dimension[] | null>>()

/**
 * Elements of a small tensor, row by row, as far as they are known before anything runs: literals, and sizes read from
 * shapes with arithmetic on them. Truth values are 0 and 1. null when an element depends on data.
 */
export function knownNumbers(graph: Graph, value: Value): Dimension[] | null {
  let known = results.get(graph)
  if (!known) results.set(graph, (known = new Map()))
  const before = known.get(value.name)
  if (before !== undefined) return before
  const found = numbersOf(graph, value)
  known.set(value.name, found)
  return found
}

function numbersOf(graph: Graph, value: Value): Dimension[] | null {
  const literal = graph.initializers.get(value.name)
  if (literal) {
    if (graph.isInput(value.name) || literal.data.length > LARGEST) return null
    return Array.from(literal.data as ArrayLike<number | bigint>, Number)
  }
  const node = graph.producer(value.name)
  if (!node) return null
  const count = value.shape.reduce<number>((total, size) => (typeof size === 'number' ? total * size : Number.NaN), 1)
  if (count > LARGEST) return null
  const write = rules[node.op] as KnownRule | undefined
  if (!write || node.domain !== '') return null
  const input = (index: number): Value | null => (node.inputs[index] ? graph.value(node.inputs[index]) : null)
  const of = (index: number): Dimension[] | null => {
    const operand = input(index)
    return operand && knownNumbers(graph, operand)
  }
  const found = write({ graph, node, value, input, of })
  return found?.some((element) => typeof element === 'number' && Number.isNaN(element)) ? null : found
}

interface KnownContext {
  graph: Graph
  node: GraphNode
  value: Value
  input(index: number): Value | null
  of(index: number): Dimension[] | null
}

type KnownRule = (context: KnownContext) => Dimension[] | null

const same: KnownRule = ({ of }) => of(0)

/** Elementwise over broadcast inputs; an element that cannot be told makes the whole unknown. */
function elementwise(combine: (elements: Dimension[], isInteger: boolean) => Dimension | null): KnownRule {
  return ({ node, value, input, of }) => {
    const inputs = node.inputs.map((_, index) => ({ value: input(index), elements: of(index) }))
    if (inputs.some(({ elements }) => elements === null)) return null
    const shape = value.shape
    if (!shape.every((size) => typeof size === 'number')) return null
    const isInteger = !(value.type === 'float32' || value.type === 'float64')
    const total = (shape as number[]).reduce((count, size) => count * size, 1)
    const result: Dimension[] = []
    for (let index = 0; index < total; index += 1) {
      const picked = inputs.map(({ value: operand, elements }) => (elements as Dimension[])[broadcastIndex(index, shape as number[], (operand as Value).shape)])
      const element = combine(picked, isInteger)
      if (element === null) return null
      result.push(element)
    }
    return result
  }
}

/** Where element `index` of `shape` comes from in a tensor of shape `from` that was broadcast to it. */
function broadcastIndex(index: number, shape: readonly number[], from: readonly Dimension[]): number {
  let rest = index
  let place = 0
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    const at = rest % shape[axis]
    rest = Math.floor(rest / shape[axis])
    const size = from[axis - shape.length + from.length] as number | undefined
    if (size === undefined) continue
    if (size !== 1) place += at * stride
    stride *= size
  }
  return place
}

/** A function of numbers only. */
const numeric = (compute: (...numbers: number[]) => number): KnownRule =>
  elementwise((elements) => (elements.every((element) => typeof element === 'number') ? compute(...(elements as number[])) : null))

/** A function of one number, through which symbols of whole sizes pass. */
const rounding = (compute: (number: number) => number): KnownRule => elementwise(([element]) => (typeof element === 'number' ? compute(element) : element))

const comparison = (compute: (a: number, b: number) => boolean, whenSame: number): KnownRule =>
  elementwise(([a, b]) => {
    if (a === b) return whenSame
    // A size is never below 0.
    const [left, right] = [typeof a === 'string' && Number(b) < 0 ? 0 : a, typeof b === 'string' && Number(a) < 0 ? 0 : b]
    if (typeof left === 'number' && typeof right === 'number') return Number(compute(left, right))
    return null
  })

/** Over the whole tensor. */
const fold = (combine: (elements: Dimension[]) => Dimension | null): KnownRule => ({ value, of }) => {
  const elements = of(0)
  if (!elements || value.shape.some((size) => size !== 1)) return null
  const result = combine(elements)
  return result === null ? null : [result]
}

const numbersOnly = (compute: (numbers: number[]) => number) => (elements: Dimension[]): Dimension | null =>
  elements.every((element) => typeof element === 'number') ? compute(elements as number[]) : null

const rules: Record<string, KnownRule> = {
  Identity: same,
  Squeeze: same,
  Unsqueeze: same,
  Reshape: same,
  Flatten: same,
  Cast: ({ node, value, of }) => {
    const elements = of(0)
    if (!elements) return null
    if (intAttribute(node, 'to', 0) === 9) return elements.every((element) => typeof element === 'number') ? elements.map((element) => Number(element !== 0)) : null
    if (value.type === 'float32' || value.type === 'float64') return elements
    return elements.map((element) => (typeof element === 'number' ? Math.trunc(element) : element))
  },
  Shape: ({ node, input }) => {
    const shape = input(0)?.shape ?? []
    return shape.slice(intAttribute(node, 'start', 0), node.attributes.end ? intAttribute(node, 'end', 0) : undefined)
  },
  Size: ({ input }) => [product(input(0)?.shape ?? [])],
  Gather: ({ input, of }) => {
    const [from, at] = [of(0), of(1)]
    if (!from || !at?.every((index) => typeof index === 'number') || input(0)?.shape.length !== 1) return null
    return (at as number[]).map((index) => from[index < 0 ? index + from.length : index] ?? Number.NaN)
  },
  Concat: ({ node, input, of }) => {
    const parts = node.inputs.map((_, index) => of(index))
    if (parts.some((part) => part === null) || input(0)?.shape.length !== 1) return null
    return (parts as Dimension[][]).flat()
  },
  Slice: ({ node, input, of }) => {
    const from = of(0)
    const shape = input(0)?.shape ?? []
    const lists = [of(1), of(2), node.inputs[3] ? of(3) : [0], node.inputs[4] ? of(4) : [1]]
    // Sizes are cut along their first axis: a list, or the rows of a table.
    if (!from || !lists.every((list) => list?.length === 1 && typeof list[0] === 'number') || lists[2]?.[0] !== 0) return null
    const [start, end, , step] = lists.map((list) => (list as number[])[0])
    const size = shape[0]
    if (typeof size !== 'number' || step === 0) return null
    const width = size === 0 ? 0 : from.length / size
    return sliced(size, start, end, step).flatMap((row) => from.slice(row * width, (row + 1) * width))
  },
  Transpose: ({ node, input, of }) => {
    const from = of(0)
    const shape = input(0)?.shape ?? []
    if (!from || shape.length < 2) return from
    const [rows, columns] = shape
    const perm = intsAttribute(node, 'perm')
    if (shape.length !== 2 || typeof rows !== 'number' || typeof columns !== 'number' || (perm && perm[0] === 0)) return null
    return Array.from({ length: from.length }, (_, index) => from[(index % rows) * columns + Math.floor(index / rows)])
  },
  Split: ({ graph, node, value, input, of }) => {
    const from = of(0)
    if (!from || input(0)?.shape.length !== 1) return null
    let start = 0
    for (const output of node.outputs) {
      const size = output === '' ? Number.NaN : graph.value(output).shape[0]
      if (typeof size !== 'number') return null
      if (output === value.name) return from.slice(start, start + size)
      start += size
    }
    return null
  },
  Expand: ({ value, input, of }) => spread(value, input(0), of(0)),
  Tile: ({ value, of }) => {
    const from = of(0)
    return from?.length === 1 && typeof value.shape[0] === 'number' && value.shape.length === 1 ? Array.from({ length: value.shape[0] }, () => from[0]) : null
  },
  ConstantOfShape: ({ node, value }) => {
    const attribute = node.attributes.value
    const filled = attribute?.kind === 'tensor' ? Number((attribute.value.data as ArrayLike<number | bigint>)[0]) : 0
    return filledWith(value, filled)
  },
  Range: ({ of }) => {
    const [start, limit, step] = [of(0)?.[0], of(1)?.[0], of(2)?.[0]]
    if (typeof start !== 'number' || typeof limit !== 'number' || typeof step !== 'number' || step === 0) return null
    const count = Math.max(0, Math.ceil((limit - start) / step))
    return count > LARGEST ? null : Array.from({ length: count }, (_, index) => start + index * step)
  },
  Add: elementwise(sum),
  Sub: elementwise(([a, b]) => difference(a, b)),
  Mul: elementwise(product),
  Div: elementwise(([a, b], isInteger) => {
    if (typeof a === 'number' && typeof b === 'number') return isInteger ? Math.trunc(a / b) : a / b
    return b === 0 ? null : floorQuotient(a, b, isInteger)
  }),
  Mod: numeric((a, b) => a - b * Math.floor(a / b)),
  Pow: numeric((a, b) => a ** b),
  Neg: numeric((a) => -a),
  Abs: rounding(Math.abs),
  Sqrt: numeric(Math.sqrt),
  Floor: rounding(Math.floor),
  Ceil: rounding(Math.ceil),
  // Half to even, as the operator does.
  Round: rounding((number) => (Math.abs(number % 1) === 0.5 ? 2 * Math.round(number / 2) : Math.round(number))),
  Max: numeric(Math.max),
  Min: numeric(Math.min),
  Equal: comparison((a, b) => a === b, 1),
  Less: comparison((a, b) => a < b, 0),
  LessOrEqual: comparison((a, b) => a <= b, 1),
  Greater: comparison((a, b) => a > b, 0),
  GreaterOrEqual: comparison((a, b) => a >= b, 1),
  Not: numeric((a) => 1 - a),
  And: numeric((a, b) => a * b),
  Or: numeric(Math.max),
  Where: elementwise(([condition, yes, no]) => (typeof condition === 'number' ? (condition !== 0 ? yes : no) : yes === no ? yes : null)),
  ReduceProd: fold(product),
  ReduceSum: fold(sum),
  ReduceMax: fold(numbersOnly((numbers) => Math.max(...numbers))),
  ReduceMin: fold(numbersOnly((numbers) => Math.min(...numbers))),
}

/** Rows that a slice takes, in its order. */
function sliced(size: number, start: number, end: number, step: number): number[] {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
  const clamp = (place: number): number => Math.min(Math.max(place < 0 ? place + size : place, low), high)
  const rows: number[] = []
  for (let row = clamp(start), last = clamp(end); step > 0 ? row < last : row > last; row += step) rows.push(row)
  return rows
}

function spread(value: Value, from: Value | null, elements: Dimension[] | null): Dimension[] | null {
  if (!from || !elements || !value.shape.every((size) => typeof size === 'number')) return null
  const count = (value.shape as number[]).reduce((total, size) => total * size, 1)
  return Array.from({ length: count }, (_, index) => elements[broadcastIndex(index, value.shape as number[], from.shape)])
}

function filledWith(value: Value, number: number): Dimension[] | null {
  if (!value.shape.every((size) => typeof size === 'number')) return null
  return Array.from({ length: (value.shape as number[]).reduce((total, size) => total * size, 1) }, () => number)
}
