import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { operatorRules } from '../../src/engine/onnx/operators'
import { openSession } from '../../src/engine/onnx/session'
import { float32, float64 } from '../../src/engine/onnx/tensor'
import { agreesWithDifferences, positive } from './finite-differences'
import { gradientCases } from './gradient-cases'

/** Rules whose gradient is nothing: the result does not move with the input. */
const flat = ['Sign', 'Floor', 'Ceil', 'Round', 'Shape']

describe('gradients against differences of the forward pass', () => {
  for (const [op, list] of Object.entries(gradientCases)) {
    it.each(list.map((given) => ({ ...given, name: `${op}: ${given.name}` })))('$name', async (given) => {
      await agreesWithDifferences(given)
    })
  }

  it('has cases for every rule with a gradient', () => {
    const differentiable = [...operatorRules()].filter(([, rule]) => rule.gradient).map(([name]) => name)
    expect(differentiable.filter((name) => !flat.includes(name)).sort()).toEqual(Object.keys(gradientCases).sort())
    for (const [op, list] of Object.entries(gradientCases)) expect(list.length, op).toBeGreaterThan(0)
  })

  it.each(['Sign', 'Floor', 'Ceil', 'Round'])('%s does not move with its input', (op) => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['B', 3])
    const loss = graph.op('ReduceSum', [graph.op(op, [x])], { keepdims: 0 })
    expect(differentiate(graph, loss, [x]).size).toBe(0)
  })
})

/** Two shapes that broadcast together: a common shape, with axes shortened to 1 or left out. */
const broadcastPair = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 })
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      ...[0, 1].map(() => fc.tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), fc.integer({ min: 0, max: shape.length }))),
    ),
  )
  .map(([shape, ...cuts]) => cuts.map(([short, skip]) => shape.map((size, axis) => (short[axis] ? 1 : size)).slice(skip)))

describe('gradients of random graphs', () => {
  it('reduce every broadcast', async () => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, fc.constantFrom('Add', 'Sub', 'Mul', 'Div', 'Max', 'Pow'), async (shapes, op) => {
        await agreesWithDifferences({
          name: `${op} of [${shapes[0]}] and [${shapes[1]}]`,
          shapes,
          values: [positive(3), positive(8)],
          build: (graph, inputs) => graph.op(op, inputs),
        })
      }),
      { seed: 20240611, numRuns: 40 },
    )
  }, 60_000)

  it('follow every way through a chain of operators', async () => {
    const smooth = ['Sigmoid', 'Tanh', 'Neg', 'Sin', 'Softmax', 'Exp'] as const
    const step = fc.oneof(
      fc.record({ kind: fc.constant('unary' as const), op: fc.constantFrom(...smooth), at: fc.nat(20) }),
      fc.record({ kind: fc.constant('binary' as const), op: fc.constantFrom('Add', 'Sub', 'Mul'), at: fc.nat(20), other: fc.nat(20) }),
      fc.record({ kind: fc.constant('reduce' as const), op: fc.constantFrom('ReduceMean', 'ReduceSumSquare', 'ReduceL2', 'ReduceMax'), at: fc.nat(20), axis: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ kind: fc.constant('matmul' as const), at: fc.nat(20) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 7 }), async (steps) => {
        await agreesWithDifferences({
          name: JSON.stringify(steps),
          shapes: [[3, 2], [2, 2]],
          // The weight may be used or not.
          wrt: [0],
          build: (graph, [x, w]) => {
            const pool: Value[] = [x]
            for (const now of steps) {
              const value = pool[now.at % pool.length]
              if (now.kind === 'unary') pool.push(graph.op(now.op, [value]))
              else if (now.kind === 'binary') pool.push(graph.op(now.op, [value, pool[now.other % pool.length]]))
              else if (now.kind === 'reduce') pool.push(graph.op(now.op, [value], { axes: [now.axis], keepdims: 1 }))
              else pool.push(value.shape[1] === 1 ? graph.op('Mul', [value, graph.op('Tanh', [value])]) : graph.op('MatMul', [value, w]))
            }
            // Small again after Exp and squares, and certain to depend on the input.
            return graph.op('Tanh', [graph.op('Add', [pool[pool.length - 1], x])])
          },
        })
      }),
      { seed: 7, numRuns: 40 },
    )
  }, 60_000)
})

/** Gradient of sum(build(x)) at x. */
async function gradientAt(values: number[], build: (graph: Graph, x: Value) => Value, shape = [values.length]): Promise<number[]> {
  const graph = new Graph()
  const x = graph.input('x', 'float32', shape)
  const loss = graph.op('ReduceSum', [build(graph, x)], { keepdims: 0 })
  const gradient = differentiate(graph, loss, [x]).get('x') as Value
  graph.output('gradient', gradient)
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  const { gradient: found } = await session.run({ x: float32(shape, values) })
  await session.release()
  return Array.from(found.data as Float32Array, (value) => value + 0)
}

// Where the derivative does not exist, PyTorch's choice is ours.
describe('kinks and ties', () => {
  it('relu and abs have slope 0 at 0', async () => {
    expect(await gradientAt([-1, 0, 2], (graph, x) => graph.op('Relu', [x]))).toEqual([0, 0, 1])
    expect(await gradientAt([-1, 0, 2], (graph, x) => graph.op('Abs', [x]))).toEqual([-1, 0, 1])
  })

  it('leaky relu has its small slope at 0', async () => {
    const found = await gradientAt([-1, 0, 2], (graph, x) => graph.op('LeakyRelu', [x], { alpha: { kind: 'float', value: 0.25 } }))
    expect(found).toEqual([0.25, 0.25, 1])
  })

  it('clip passes at its bounds', async () => {
    const found = await gradientAt([-2, -1, 0, 1, 2], (graph, x) => graph.op('Clip', [x, graph.scalar(-1), graph.scalar(1)]))
    expect(found).toEqual([0, 1, 1, 1, 0])
  })

  it('largest and smallest elements share evenly', async () => {
    expect(await gradientAt([3, 1, 3, 3], (graph, x) => graph.op('ReduceMax', [x], { axes: [0] }))).toEqual([1, 0, 1, 1].map((hit) => Math.fround(hit / 3)))
    expect(await gradientAt([3, 1, 1, 4, 4, 4], (graph, x) => graph.op('ReduceMin', [x], { axes: [1], keepdims: 0 }), [2, 3])).toEqual([0, 0.5, 0.5, 1 / 3, 1 / 3, 1 / 3].map(Math.fround))
  })

  it('elementwise max and min share evenly', async () => {
    expect(await gradientAt([1, 2, 3], (graph, x) => graph.op('Max', [x, graph.scalar(2)]))).toEqual([0, 0.5, 1])
    expect(await gradientAt([1, 2, 3], (graph, x) => graph.op('Min', [x, graph.scalar(2)]))).toEqual([1, 0.5, 0])
  })

  it('the norm of zeros has slope 0', async () => {
    expect(await gradientAt([0, 0, 3, 4], (graph, x) => graph.op('ReduceL2', [x], { axes: [1] }), [2, 2])).toEqual([0, 0, 0.6, 0.8].map(Math.fround))
  })

  it('x to the 0 is constant, also at 0; x to the 2 has slope 0 at 0', async () => {
    expect(await gradientAt([0, 2], (graph, x) => graph.op('Pow', [x, graph.scalar(0)]))).toEqual([0, 0])
    expect(await gradientAt([0, -3], (graph, x) => graph.op('Pow', [x, graph.scalar(2)]))).toEqual([0, -6])
  })

  it('a value that is not selected gets 0, where it is NaN too', async () => {
    const found = await gradientAt([-1, 4], (graph, x) => graph.op('Where', [graph.op('Less', [x, graph.scalar(0)]), x, graph.op('Log', [x])]))
    expect(found).toEqual([1, 0.25])
  })
})

describe('differentiate', () => {
  it('names the node without a rule before it writes anything', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['B', 4])
    const product = graph.within('scores', () => graph.op('Mod', [x, graph.scalar(2)], { fmod: 1 }))
    const loss = graph.op('ReduceMean', [product], { keepdims: 0 })
    const before = graph.nodes.length
    expect(() => differentiate(graph, loss, [x])).toThrowError(expect.objectContaining({ code: 'unsupported', where: 'scores/Mod_1', message: expect.stringContaining('Mod at scores/Mod_1') }))
    expect(graph.nodes.length).toBe(before)
  })

  it('does not ask for a rule beside the way', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [3])
    const frozen = graph.input('frozen', 'float32', [3])
    const loss = graph.op('ReduceSum', [graph.op('Mul', [x, graph.op('Mod', [frozen, graph.scalar(2)], { fmod: 1 })])], { keepdims: 0 })
    expect([...differentiate(graph, loss, [x]).keys()]).toEqual(['x'])
  })

  it('leaves out what the loss does not depend on', () => {
    const graph = new Graph()
    const [x, y] = [graph.input('x', 'float32', [3]), graph.input('y', 'float32', [3])]
    const hard = graph.op('Cast', [graph.op('Greater', [y, graph.scalar(0)])], { to: 1 })
    const loss = graph.op('ReduceSum', [graph.op('Mul', [x, hard])], { keepdims: 0 })
    expect([...differentiate(graph, loss, [x, y]).keys()]).toEqual(['x'])
  })

  it('differentiates with respect to a value in the middle, and the loss itself', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float64', [2])
    const middle = graph.op('Exp', [x])
    const loss = graph.op('ReduceSum', [graph.op('Mul', [middle, middle])], { keepdims: 0 })
    const found = differentiate(graph, loss, [x, middle, loss])
    for (const [name, value] of found) graph.output(`${name} gradient`, value)
    const session = await openSession(encodeModel(graph), 'cpu')
    const results = await session.run({ x: float64([2], [0.5, -1]) })
    await session.release()
    const [a, b] = [Math.exp(0.5), Math.exp(-1)]
    expect(results['x gradient'].data[0]).toBeCloseTo(2 * a * a, 12)
    expect(results[`${middle.name} gradient`].data[1]).toBeCloseTo(2 * b, 12)
    expect(Number(results[`${loss.name} gradient`].data[0])).toBe(1)
  })

  it('refuses a loss with more than one element', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['B', 2])
    expect(() => differentiate(graph, graph.op('Exp', [x]), [x])).toThrowError(expect.objectContaining({ code: 'bad-argument' }))
  })

  it('refuses to guess whether a size that is not known was repeated', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['C'])
    const wide = graph.op('Add', [x, graph.initializer('offset', float32([3], [1, 2, 3]))])
    const loss = graph.op('ReduceSum', [wide], { keepdims: 0 })
    expect(() => differentiate(graph, loss, [x])).toThrowError(expect.objectContaining({ code: 'bad-argument', where: 'x' }))
  })

  it('takes the weight gradient of a linear layer without a transposed copy, and its mask from the output', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['B', 'H', 'W', 5])
    const w = graph.input('w', 'float32', [4, 5])
    const flatPixels = graph.reshape(x, [-1, 5])
    const hidden = graph.op('Relu', [graph.op('Gemm', [flatPixels, w], { transB: 1 })])
    const loss = graph.op('ReduceMean', [hidden], { keepdims: 0 })
    const from = graph.nodes.length
    differentiate(graph, loss, [w])
    const written = graph.nodes.slice(from)
    expect(written.map(({ op }) => op)).not.toContain('Transpose')
    expect(written.find(({ op }) => op === 'Greater')?.inputs[0]).toBe(hidden.name)
    expect(written.find(({ op }) => op === 'Gemm')?.attributes.transA).toEqual({ kind: 'int', value: 1 })
    expect(written.filter(({ op }) => op === 'Expand')).toEqual([])
  })
})
