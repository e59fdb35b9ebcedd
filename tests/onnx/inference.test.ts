import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/engine/onnx/graph'
import type { Dimension, Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { operatorRules } from '../../src/engine/onnx/operators'
import { openSession } from '../../src/engine/onnx/session'
import { elementCount, float32, int64 } from '../../src/engine/onnx/tensor'
import type { ElementType, Tensor } from '../../src/engine/onnx/tensor'
import { scattered } from './finite-differences'
import { gradientCases } from './gradient-cases'

interface ShapeCase {
  name: string
  shapes: readonly (readonly number[])[]
  build(graph: Graph, inputs: Value[]): Value | Value[]
  type?: ElementType
  fixedSizes?: boolean
  symbolic?: readonly number[]
  /** Sizes show only when it runs, whatever the inputs. */
  fromData?: boolean
}

const list = (graph: Graph, values: number[]): Value => graph.constant(int64([values.length], values))
const scalar = (graph: Graph, value: number): Value => graph.constant({ type: 'int64', shape: [], data: BigInt64Array.of(BigInt(value)) })

/** Operators without a gradient, and shapes that the gradient cases do not have. */
const shapeCases: Record<string, ShapeCase[]> = {
  ...Object.fromEntries(
    ['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'].map((op) => [
      op,
      [
        { name: 'repeated', shapes: [[2, 1], [3]], build: (graph: Graph, inputs: Value[]) => graph.op(op, inputs) },
        { name: 'integers', shapes: [[2, 3], [2, 3]], type: 'int64' as const, build: (graph: Graph, inputs: Value[]) => graph.op(op, inputs) },
      ],
    ]),
  ),
  ...Object.fromEntries(
    ['And', 'Or', 'Xor'].map((op) => [op, [{ name: 'repeated', shapes: [[2, 1], [3]], build: (graph: Graph, [a, b]: Value[]) => graph.op(op, [graph.op('IsNaN', [a]), graph.op('IsInf', [b])]) }]]),
  ),
  Not: [{ name: 'a matrix', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Not', [graph.op('IsNaN', [x])]) }],
  IsNaN: [{ name: 'a matrix', shapes: [[2, 3]], build: (graph, [x]) => graph.op('IsNaN', [x]) }],
  IsInf: [{ name: 'a scalar', shapes: [[]], build: (graph, [x]) => graph.op('IsInf', [x]) }],
  ...Object.fromEntries(['Sign', 'Floor', 'Ceil', 'Round'].map((op) => [op, [{ name: 'a matrix', shapes: [[2, 3]], build: (graph: Graph, [x]: Value[]) => graph.op(op, [x]) }]])),
  ReduceProd: [{ name: 'last axis', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ReduceProd', [x], { axes: [-1], keepdims: 0 }) }],
  Mod: [
    { name: 'numbers', shapes: [[2, 3], [3]], build: (graph, inputs) => graph.op('Mod', inputs, { fmod: 1 }) },
    { name: 'of sizes', shapes: [[5, 3]], build: (graph, [x]) => graph.op('ConstantOfShape', [graph.op('Mod', [graph.op('Shape', [x]), list(graph, [3])])]) },
  ],
  Size: [{ name: 'a matrix', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ConstantOfShape', [graph.op('Unsqueeze', [graph.op('Size', [x]), list(graph, [0])])]) }],
  NonZero: [{ name: 'a matrix', shapes: [[2, 3]], build: (graph, [x]) => graph.op('NonZero', [graph.op('Greater', [x, graph.constant(float32([], [0]))])]), fromData: true }],
  ReduceSum: [{ name: 'axes that the run shows', shapes: [[2, 3], [1]], build: (graph, [x, y]) => graph.op('ReduceSum', [x, graph.op('Cast', [y], { to: 7 })], { noop_with_empty_axes: 1 }), fromData: true }],
  Shape: [
    { name: 'all', shapes: [[2, 3, 4]], build: (graph, [x]) => graph.op('Shape', [x]) },
    { name: 'part', shapes: [[2, 3, 4]], build: (graph, [x]) => graph.op('Shape', [x], { start: -2, end: 5 }) },
  ],
  TopK: [{ name: 'both outputs', shapes: [[2, 4]], build: (graph, [x]) => graph.ops('TopK', [x, list(graph, [3])], 2, { axis: 1 }) }],
  ArgMax: [
    { name: 'last axis', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ArgMax', [x], { axis: -1 }) },
    { name: 'removed', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ArgMax', [x], { axis: 0, keepdims: 0 }) },
  ],
  ArgMin: [{ name: 'first axis', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ArgMin', [x]) }],
  OneHot: [
    {
      name: 'of the largest band',
      shapes: [[2, 4]],
      build: (graph, [x]) => graph.op('OneHot', [graph.op('ArgMax', [x], { axis: 1, keepdims: 0 }), scalar(graph, 4), graph.constant(float32([2], [0, 1]))]),
    },
    {
      name: 'in front',
      shapes: [[2, 4]],
      build: (graph, [x]) => graph.op('OneHot', [graph.op('ArgMax', [x], { axis: 1, keepdims: 0 }), scalar(graph, 4), graph.constant(float32([2], [0, 1]))], { axis: 0 }),
    },
  ],
  ScatterElements: [
    { name: 'along the last axis', shapes: [[2, 3], [2, 1]], build: (graph, [x, y]) => graph.op('ScatterElements', [x, graph.op('Cast', [graph.op('IsNaN', [y])], { to: 7 }), y], { axis: 1 }) },
  ],
  Range: [
    { name: 'literals', shapes: [[1]], build: (graph) => graph.op('Range', [scalar(graph, 1), scalar(graph, 8), scalar(graph, 3)]) },
    { name: 'to a size', shapes: [[5]], build: (graph, [x]) => graph.op('Range', [scalar(graph, 0), graph.op('Squeeze', [graph.size(x, 0)]), scalar(graph, 1)]) },
    { name: 'down from a size', shapes: [[5]], build: (graph, [x]) => graph.op('Range', [graph.op('Squeeze', [graph.size(x, 0)]), scalar(graph, 1), scalar(graph, -2)]) },
  ],
  ConstantOfShape: [
    { name: 'zeros', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ConstantOfShape', [graph.op('Shape', [x])]) },
    { name: 'a value', shapes: [[1]], build: (graph) => graph.op('ConstantOfShape', [list(graph, [2, 3])], { value: { kind: 'tensor', value: int64([1], [7]) } }) },
  ],
  Cast: (['float64', 'int32', 'int64', 'uint8', 'bool'] as const).map((type) => ({
    name: `to ${type}`,
    shapes: [[2, 3]],
    build: (graph: Graph, [x]: Value[]) => graph.op('Cast', [graph.op('Abs', [x])], { to: { float64: 11, int32: 6, int64: 7, uint8: 2, bool: 9 }[type] }),
  })),
  Reshape: [
    { name: 'all pixels of all images', shapes: [[2, 3, 4, 5]], build: (graph, [x]) => graph.reshape(x, [-1, 5]) },
    {
      name: 'and back',
      shapes: [[2, 3, 4, 5]],
      build: (graph, [x]) => graph.reshape(graph.reshape(x, [-1, 5]), [{ of: x, axis: 0 }, { of: x, axis: 1 }, { of: x, axis: 2 }, -1]),
    },
    { name: 'a computed size', shapes: [[2, 6]], build: (graph, [x]) => graph.op('Reshape', [x, graph.op('Concat', [list(graph, [-1]), graph.op('Mul', [graph.size(x, 0), list(graph, [3])])], { axis: 0 })]) },
  ],
  Expand: [{ name: 'from a computed shape', shapes: [[3], [2, 1]], build: (graph, [x, y]) => graph.op('Expand', [x, graph.op('Concat', [graph.op('Shape', [y]), list(graph, [1])], { axis: 0 })]) }],
  Slice: [
    { name: 'of a shape', shapes: [[2, 3, 4]], build: (graph, [x]) => graph.op('ConstantOfShape', [graph.op('Slice', [graph.op('Shape', [x]), list(graph, [1]), list(graph, [3]), list(graph, [0])])]) },
    { name: 'past the front, backwards', shapes: [[5]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [2]), list(graph, [-100]), list(graph, [0]), list(graph, [-1])]) },
    { name: 'nothing', shapes: [[5]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [4]), list(graph, [2]), list(graph, [0])]) },
  ],
  Pad: [{ name: 'by computed sizes', shapes: [[3]], build: (graph, [x]) => graph.op('Pad', [x, graph.op('Concat', [list(graph, [0]), graph.size(x, 0)], { axis: 0 })]) }],
}

const cases: Record<string, ShapeCase[]> = {}
for (const group of [gradientCases, shapeCases]) {
  for (const [op, found] of Object.entries(group)) cases[op] = [...(cases[op] ?? []), ...(found as ShapeCase[])]
}

/** The number that a symbolic size stands for: "S3" is 3, "S2*S4" is 8, "(1+S3)" is 4, "floor(S5/2)" is 2. null for sizes that depend on data. */
function numberOf(size: Dimension): number | null {
  const text = String(size).replace(/S(\d+)/g, '$1')
  if (!/^([\d+*/().-]|floor)+$/.test(text)) return null
  const factors = (part: string): number => part.split('*').reduce((total, factor) => total * factor.split('/').map(Number).reduce((above, below) => above / below), 1)
  const differences = (part: string): number => part.split(/(?<=[\d.])-/).map(factors).reduce((left, right) => left - right)
  const terms = (part: string): number => part.split('+').reduce((sum, term) => sum + differences(term), 0)
  let flat = text
  while (flat.includes('(')) flat = flat.replace(/(floor)?\(([^()]*)\)/, (_, floor: string | undefined, inner: string) => String(floor ? Math.floor(terms(inner)) : terms(inner)))
  return terms(flat)
}

describe('inferred types and shapes are those that the runtime returns', () => {
  for (const [op, found] of Object.entries(cases)) {
    it.each(found.map((given) => ({ ...given, name: `${op}: ${given.name}` })))('$name', async ({ shapes, build, type = 'float32', fixedSizes, symbolic: only, fromData = false }) => {
      for (const symbolic of fixedSizes ? [false] : [false, true]) {
        const graph = new Graph()
        const inputs = shapes.map((shape, index) => graph.input(`x${index}`, type, symbolic && (only?.includes(index) ?? true) ? shape.map((size): Dimension => (size > 1 ? `S${size}` : size)) : shape))
        build(graph, inputs)
        for (const node of graph.nodes) for (const output of node.outputs) graph.output(`seen ${output}`, graph.value(output))
        const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
        const feeds = Object.fromEntries(
          shapes.map((shape, index): [string, Tensor] => {
            const numbers = Array.from({ length: elementCount(shape) }, (_, at) => scattered(index)(at))
            return [`x${index}`, type === 'int64' ? int64(shape, numbers.map(Math.round)) : float32(shape, numbers)]
          }),
        )
        const results = await session.run(feeds)
        await session.release()
        for (const { name, value } of graph.outputs) {
          expect(results[name].type, name).toBe(value.type)
          expect(results[name].shape.length, `${name}: [${value.shape}] for [${results[name].shape}]`).toBe(value.shape.length)
          value.shape.forEach((size, axis) => {
            const inferred = numberOf(size)
            // Sizes that depend on data say so by a name of their own.
            if (inferred === null) expect(symbolic || fromData, `${name} axis ${axis}: ${size}`).toBe(true)
            else expect(inferred, `${name} axis ${axis}: ${size}`).toBe(results[name].shape[axis])
          })
        }
      }
    })
  }

  it('has cases for every rule', () => {
    // Loops are tested where they are written: tests/nodes/symmetric-eigen.test.ts.
    const standard = [...operatorRules().keys()].filter((name) => !name.includes('.') && name !== 'Loop')
    expect(standard.filter((name) => !(name in cases))).toEqual([])
  })
})

describe('sizes as symbols', () => {
  const shapeOf = (shapes: Dimension[][], build: (graph: Graph, inputs: Value[]) => Value): readonly Dimension[] => {
    const graph = new Graph()
    return build(graph, shapes.map((shape, index) => graph.input(`x${index}`, 'float32', shape))).shape
  }

  it('keep their names through a pipeline', () => {
    expect(shapeOf([['B', 'H', 'W', 61]], (graph, [x]) => graph.reshape(x, [-1, 61]))).toEqual(['B*H*W', 61])
    expect(
      shapeOf([['B', 'H', 'W', 61], [61, 8]], (graph, [x, w]) => graph.reshape(graph.op('MatMul', [graph.reshape(x, [-1, 61]), w]), [{ of: x, axis: 0 }, { of: x, axis: 1 }, { of: x, axis: 2 }, 8])),
    ).toEqual(['B', 'H', 'W', 8])
    expect(shapeOf([['B', 'N', 4]], (graph, [x]) => graph.op('Flatten', [x]))).toEqual(['B', '4*N'])
    expect(shapeOf([['B', 3], ['B', 2]], (graph, inputs) => graph.op('Concat', inputs, { axis: 1 }))).toEqual(['B', 5])
    expect(shapeOf([['B', 3], ['A', 3]], (graph, inputs) => graph.op('Concat', inputs, { axis: 0 }))).toEqual(['(A+B)', 3])
    expect(shapeOf([['B', 4]], (graph, [x]) => graph.reshape(x, [-1, 8]))).toEqual(['(B)/(2)', 8])
  })
})

describe('what does not fit is refused, naming operator and node', () => {
  const refusals: [string, Dimension[][], (graph: Graph, inputs: Value[]) => unknown, RegExp][] = [
    ['sizes that differ', [[2, 3], [4]], (graph, inputs) => graph.op('Add', inputs), /^The operator Add at scores\/Add_1 cannot join the shapes \[2, 3\] and \[4\]: 3 and 4 are not known to be equal\.$/],
    ['symbols that differ', [['B', 'C'], ['D']], (graph, inputs) => graph.op('Mul', inputs), /^The operator Mul at scores\/Mul_1 cannot join .* C and D are not known to be equal\.$/],
    ['element types that differ', [[2], [2]], (graph, [a, b]) => graph.op('Add', [a, graph.op('Cast', [b], { to: 7 })]), /joins float32 and int64; one element type is expected\.$/],
    ['matrices that do not fit', [[2, 3], [4, 5]], (graph, inputs) => graph.op('MatMul', inputs), /multiplies \[2, 3\] by \[4, 5\]: 3 and 4 must be equal\.$/],
    ['a cube for Gemm', [['B', 2, 3], [3, 5]], (graph, inputs) => graph.op('Gemm', inputs), /two matrices are expected\.$/],
    ['a Gemm bias that does not fit', [[2, 3], [3, 5], [4]], (graph, inputs) => graph.op('Gemm', inputs), /adds \[4\] to \[2, 5\]/],
    ['an axis that does not exist', [[2, 3]], (graph, [x]) => graph.op('Softmax', [x], { axis: 2 }), /names axis 2 of a tensor with 2 axes\.$/],
    ['a reduced axis twice', [[2, 3]], (graph, [x]) => graph.op('ReduceMean', [x], { axes: [1, -1] }), /names an axis twice/],
    ['axes from data', [[2, 3]], (graph, [x]) => graph.op('ReduceSum', [x, graph.input('axes', 'int64', [1])], { keepdims: 0 }), /takes its axes from data; literal integers are expected\.$/],
    ['a size that does not divide', [[2, 3]], (graph, [x]) => graph.reshape(x, [-1, 4]), /cannot bring \[2, 3\] into \[-1, 4\]\.$/],
    ['another number of elements', [[2, 3]], (graph, [x]) => graph.reshape(x, [2, 4]), /cannot bring \[2, 3\] into \[2, 4\]\.$/],
    ['parts of unequal rows', [[2, 3], [3, 3]], (graph, inputs) => graph.op('Concat', inputs, { axis: 1 }), /the other axes must be equal\.$/],
    ['more elements than there are', [[2, 3]], (graph, [x]) => graph.ops('TopK', [x, list(graph, [4])], 2), /takes 4 of 3 elements\.$/],
    ['an element outside', [[2, 3]], (graph, [x]) => graph.op('Gather', [x, list(graph, [0, 3])], { axis: 1 }), /takes element 3 of an axis with 3 elements\.$/],
    ['an axis of more than 1 removed', [[2, 3]], (graph, [x]) => graph.op('Squeeze', [x, list(graph, [1])]), /whose size is 3; 1 is expected\.$/],
    ['unequal parts', [[2, 5]], (graph, [x]) => graph.ops('Split', [x], 2, { axis: 1 }), /cuts 5 elements into 2 equal parts\.$/],
    ['numbers where truth values belong', [[2], [2]], (graph, inputs) => graph.op('And', inputs), /takes float32; bool is expected\.$/],
    ['a step of nothing', [[5]], (graph, [x]) => graph.op('Slice', [x, list(graph, [0]), list(graph, [5]), list(graph, [0]), list(graph, [0])]), /has a step of 0\.$/],
    ['an input left out', [[2]], (graph, [x]) => graph.op('Add', [x, null]), /lacks its input 1\.$/],
    ['an unknown element type', [[2]], (graph, [x]) => graph.op('Cast', [x], { to: 10 }), /casts to the ONNX element type 10/],
    ['no permutation', [[2, 3]], (graph, [x]) => graph.op('Transpose', [x], { perm: [0, 0] }), /permutes 2 axes by 0, 0\.$/],
  ]

  it.each(refusals)('%s', (_, shapes, build, message) => {
    const graph = new Graph()
    const inputs = shapes.map((shape, index) => graph.input(`x${index}`, 'float32', shape))
    let caught: unknown
    try {
      graph.within('scores', () => build(graph, inputs))
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({ name: 'CuvetteError', code: 'bad-argument', where: expect.stringMatching(/^scores\//), message: expect.stringMatching(message) })
  })

  it('an operator that is not known', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [2])
    expect(() => graph.op('Scan', [x])).toThrowError(expect.objectContaining({ code: 'unsupported', where: 'Scan_1', message: 'The operator Scan at Scan_1 has no rule in this version.' }))
  })
})
