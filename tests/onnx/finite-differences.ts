import { expect } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Dimension, Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Session } from '../../src/engine/onnx/session'
import { elementCount } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'

/** A graph with one differentiable result (or several), and where to look at it. */
export interface GradientCase {
  /** What is special about it. */
  name: string
  shapes: readonly (readonly number[])[]
  build(graph: Graph, inputs: Value[]): Value | Value[]
  /** Values per input; default: drawn from (-1.5, 1.5), away from 0 by at least 0.1. */
  values?: readonly ((index: number) => number)[]
  /** Inputs that get a gradient; default all. */
  wrt?: readonly number[]
  /** float64 where onnxruntime has the kernels: differences are exact to 1e-9 then. */
  type?: 'float64' | 'float32'
  /** Sizes stay numbers: the operator needs them literally. */
  fixedSizes?: boolean
  /** With symbols, only these inputs get them; default all. Kernels, for instance, have known sizes. */
  symbolic?: readonly number[]
}

/** Numbers without pattern, the same on every machine: away from 0 by 0.1, within 1.5. */
export function scattered(seed: number): (index: number) => number {
  return (index) => {
    const wave = Math.sin((index + 1) * 12.9898 + seed * 78.233) * 43758.5453
    const unit = wave - Math.floor(wave)
    return unit < 0.5 ? -0.1 - 2.8 * unit : 0.1 + 2.8 * (unit - 0.5)
  }
}

/** Positive numbers in (0.3, 1.7). */
export function positive(seed: number): (index: number) => number {
  return (index) => Math.abs(scattered(seed)(index)) + 0.2
}

/** How the result becomes one number: each way gives the last operator another kind of gradient. */
const losses = ['weighted', 'mean', 'rows'] as const
type Loss = (typeof losses)[number]

/** The gradients that `differentiate` writes agree with differences of the forward pass, for every loss and with sizes as numbers and as symbols. */
export async function agreesWithDifferences(given: GradientCase): Promise<void> {
  const type = given.type ?? 'float64'
  const wrt = given.wrt ?? given.shapes.map((_, index) => index)
  const inputs = given.shapes.map((shape, index): Tensor => tensorOf(type, shape, Array.from({ length: elementCount(shape) }, (_, at) => (given.values?.[index] ?? scattered(index))(at))))

  const forward = new Graph()
  const results = asList(given.build(forward, declare(forward, given.shapes, type, false)))
  results.forEach((value, index) => forward.output(`y${index}`, value))
  const session = await openSession(encodeModel(forward), 'cpu', { threads: 1 })
  const sizes = Object.values(await session.run(feedsOf(inputs))).map((tensor) => ({ shape: tensor.shape, count: tensor.data.length }))
  const jacobian = await jacobianOf(session, inputs, wrt, type)
  await session.release()

  for (const symbolic of given.fixedSizes ? [false] : [false, true]) {
    for (const loss of losses) {
      const graph = new Graph()
      const handles = declare(graph, given.shapes, type, symbolic, given.symbolic)
      const outputs = asList(given.build(graph, handles))
      const total = outputs.map((value, index) => lossOf(graph, loss, value, index)).reduce((sum, part) => graph.op('Add', [sum, part]))
      const gradients = differentiate(graph, total, wrt.map((index) => handles[index]))
      for (const index of wrt) {
        const gradient = gradients.get(handles[index].name)
        expect(gradient, `${given.name}: gradient of input ${index}`).toBeDefined()
        graph.output(`gradient${index}`, gradient as Value)
      }
      const weights = sizes.map(({ shape, count }, index) => weightsOf(loss, shape, count, index))
      const weightFeeds = Object.fromEntries(
        weights.flatMap(({ fed }, index) => (fed && graph.has(`weights${index}`) ? [[`weights${index}`, tensorOf(type, fed.shape, fed.data)]] : [])),
      )
      const backward = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
      const found = await backward.run({ ...feedsOf(inputs), ...weightFeeds })
      await backward.release()
      const scale = weights.flatMap(({ perElement }) => perElement)
      for (const [position, index] of wrt.entries()) {
        const actual = found[`gradient${index}`]
        expect(actual.shape, `${given.name}: shape of the gradient of input ${index}`).toEqual(given.shapes[index])
        const tolerance = type === 'float64' ? 2e-9 : 2e-3
        jacobian[position].forEach((column, element) => {
          const expected = column.reduce((sum, slope, at) => sum + slope * scale[at], 0)
          const difference = Math.abs(Number(actual.data[element]) - expected)
          expect(difference, `${given.name}, loss ${loss}, ${symbolic ? 'symbols' : 'numbers'}: input ${index}, element ${element}: ${actual.data[element]} for ${expected}`).toBeLessThan(tolerance * Math.max(1, Math.abs(expected)))
        })
      }
    }
  }
}

function asList(value: Value | Value[]): Value[] {
  return Array.isArray(value) ? value : [value]
}

function declare(graph: Graph, shapes: GradientCase['shapes'], type: 'float64' | 'float32', symbolic: boolean, only?: readonly number[]): Value[] {
  return shapes.map((shape, index) => graph.input(`x${index}`, type, symbolic && (only?.includes(index) ?? true) ? shape.map((size): Dimension => (size > 1 ? `S${size}` : size)) : shape))
}

function tensorOf(type: 'float64' | 'float32', shape: readonly number[], data: number[]): Tensor {
  return { type, shape, data: type === 'float64' ? Float64Array.from(data) : Float32Array.from(data) }
}

function feedsOf(inputs: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(inputs.map((tensor, index) => [`x${index}`, tensor]))
}

/** weighted: every element its own weight. mean: over all. rows: sums over the last axis, then weighted. */
function lossOf(graph: Graph, loss: Loss, value: Value, index: number): Value {
  if (loss === 'mean') return graph.op('ReduceMean', [value], { keepdims: 0 })
  const rows = loss === 'rows' && value.shape.length > 0
  const part = rows ? graph.op('ReduceSum', [value, graph.constant({ type: 'int64', shape: [1], data: BigInt64Array.of(-1n) })], { keepdims: 1 }) : value
  const weights = graph.input(`weights${index}`, value.type, part.shape)
  return graph.op('ReduceSum', [graph.op('Mul', [part, weights])], { keepdims: 0 })
}

function weightsOf(loss: Loss, shape: readonly number[], count: number, index: number): { perElement: number[]; fed: { shape: number[]; data: number[] } | null } {
  if (loss === 'mean') return { perElement: Array.from({ length: count }, () => 1 / count), fed: null }
  const last = loss === 'rows' && shape.length > 0 ? shape[shape.length - 1] : 1
  const data = Array.from({ length: count / last }, (_, at) => scattered(100 + index)(at))
  const fedShape = shape.map((size, axis) => (axis === shape.length - 1 ? size / last : size))
  return { perElement: Array.from({ length: count }, (_, at) => data[Math.floor(at / last)]), fed: { shape: fedShape, data } }
}

/** d y / d x for each element of each watched input: central differences of fourth order. */
async function jacobianOf(session: Session, inputs: readonly Tensor[], wrt: readonly number[], type: 'float64' | 'float32'): Promise<number[][][]> {
  const step = type === 'float64' ? 1e-3 : 2e-2
  const evaluate = async (index: number, element: number, offset: number): Promise<number[]> => {
    const moved = inputs[index].data.slice() as Float64Array
    moved[element] += offset
    const results = await session.run({ ...feedsOf(inputs), [`x${index}`]: { ...inputs[index], data: moved } })
    return Object.values(results).flatMap((tensor) => Array.from(tensor.data as Float64Array))
  }
  const columns: number[][][] = []
  for (const index of wrt) {
    const perElement: number[][] = []
    for (let element = 0; element < inputs[index].data.length; element += 1) {
      const [far, near, before, behind] = [await evaluate(index, element, 2 * step), await evaluate(index, element, step), await evaluate(index, element, -step), await evaluate(index, element, -2 * step)]
      perElement.push(near.map((_, at) => (8 * (near[at] - before[at]) - (far[at] - behind[at])) / (12 * step)))
    }
    columns.push(perElement)
  }
  return columns
}
