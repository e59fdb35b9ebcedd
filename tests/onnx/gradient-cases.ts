import type { Attribute, Graph, Value } from '../../src/engine/onnx/graph'
import { int64 } from '../../src/engine/onnx/tensor'
import { positive, scattered } from './finite-differences'
import type { GradientCase } from './finite-differences'

type Attributes = Record<string, Attribute | number | string | readonly number[]>

const list = (graph: Graph, values: number[]): Value => graph.constant(int64([values.length], values))
const number = (graph: Graph, like: Value, value: number): Value =>
  graph.constant({ type: like.type, shape: [], data: like.type === 'float64' ? Float64Array.of(value) : Float32Array.of(value) })

/** One operator on all inputs. */
const plain = (op: string, name: string, shapes: number[][], attributes: Attributes = {}, more: Partial<GradientCase> = {}): GradientCase => ({
  name,
  shapes,
  build: (graph, inputs) => graph.op(op, inputs, attributes),
  ...more,
})

const unary = (op: string, more: Partial<GradientCase> = {}): GradientCase[] => [plain(op, 'a matrix', [[2, 3]], {}, more), plain(op, 'a scalar', [[]], {}, more)]

/** Equal shapes, and broadcasting in each direction and in both at once. */
const binary = (op: string, more: Partial<GradientCase> = {}): GradientCase[] => [
  plain(op, 'equal shapes', [[2, 3], [2, 3]], {}, more),
  plain(op, 'right repeated over rows', [[2, 3], [3]], {}, more),
  plain(op, 'left repeated over rows', [[3], [2, 3]], {}, more),
  plain(op, 'right scalar', [[2, 3], []], {}, more),
  plain(op, 'left scalar', [[], [2, 3]], {}, more),
  plain(op, 'right repeated over columns', [[2, 3], [2, 1]], {}, more),
  plain(op, 'left repeated over columns', [[2, 1], [2, 3]], {}, more),
  plain(op, 'both repeated', [[2, 1], [1, 3]], {}, more),
  plain(op, 'both repeated, ranks differ', [[2, 1, 3], [4, 1]], {}, more),
  plain(op, 'size 1 beside rank', [[1, 1], [3]], {}, more),
]

const same = (op: string): GradientCase => ({ name: 'one value twice', shapes: [[2, 3]], build: (graph, [x]) => graph.op(op, [x, x]) })

const reduction = (op: string, more: Partial<GradientCase> = {}): GradientCase[] =>
  [
    { name: 'all axes', axes: null, keep: 1 },
    { name: 'all axes, removed', axes: null, keep: 0 },
    { name: 'last axis', axes: [-1], keep: 1 },
    { name: 'first axis, removed', axes: [0], keep: 0 },
    { name: 'middle axis, removed', axes: [1], keep: 0 },
    { name: 'two axes', axes: [0, 2], keep: 1 },
    { name: 'two axes out of order, removed', axes: [-1, 0], keep: 0 },
  ].map(({ name, axes, keep }) => ({
    name,
    shapes: [[2, 3, 2]],
    build: (graph, [x]) =>
      op === 'ReduceSum' ? graph.op(op, axes ? [x, list(graph, axes)] : [x], { keepdims: keep }) : graph.op(op, [x], { ...(axes && { axes }), keepdims: keep }),
    ...more,
  }))

const gemm = (transA: number, transB: number, added: number[] | null, more: Attributes = {}): GradientCase =>
  plain('Gemm', `transA ${transA}, transB ${transB}, ${added ? `added [${added}]` : 'nothing added'}${Object.keys(more).length > 0 ? ', scaled' : ''}`, [
    transA ? [3, 2] : [2, 3],
    transB ? [4, 3] : [3, 4],
    ...(added ? [added] : []),
  ], { transA, transB, ...more })

const float = (value: number): Attribute => ({ kind: 'float', value })

const f32 = { type: 'float32' } as const
const ints64 = (graph: Graph, shape: number[], values: number[]): Value => graph.constant(int64(shape, values))

const conv = (name: string, shapes: number[][], attributes: Attributes = {}): GradientCase => plain('Conv', name, shapes, attributes, f32)
const transposed = (name: string, shapes: number[][], attributes: Attributes = {}): GradientCase => plain('ConvTranspose', name, shapes, attributes, f32)

/** Resizes [.., h, w] to sizes, or by scales. */
const resize = (name: string, shape: number[], to: { sizes?: number[]; scales?: number[] }, attributes: Attributes): GradientCase => ({
  name,
  shapes: [shape],
  ...f32,
  build: (graph, [x]) => {
    const scales = to.scales ? graph.constant({ type: 'float32', shape: [to.scales.length], data: Float32Array.from(to.scales) }) : null
    return graph.op('Resize', to.sizes ? [x, null, null, list(graph, to.sizes)] : [x, null, scales], attributes)
  },
})
const coordinateModes = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric']

/** Graphs for every gradient rule, by operator. Where a kernel exists for float32 only, it says so. */
export const gradientCases: Record<string, GradientCase[]> = {
  Add: [...binary('Add'), same('Add')],
  Sub: [...binary('Sub'), same('Sub')],
  Mul: [...binary('Mul'), same('Mul')],
  Div: [...binary('Div', { values: [scattered(0), positive(1)] }), same('Div')],
  Pow: [
    ...binary('Pow', { values: [positive(0), scattered(1)] }),
    { name: 'integer exponent of a negative base', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pow', [x, number(graph, x, 3)]) },
    { name: 'int64 exponent', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pow', [x, graph.constant({ type: 'int64', shape: [], data: BigInt64Array.of(2n) })]) },
    { name: 'a fraction', shapes: [[2, 3]], values: [positive(0)], build: (graph, [x]) => graph.op('Pow', [x, number(graph, x, 0.5)]) },
    { name: 'a list of exponents', shapes: [[2, 3]], values: [positive(0)], build: (graph, [x]) => graph.op('Pow', [x, graph.constant({ type: x.type, shape: [3], data: x.type === 'float64' ? Float64Array.of(0, 2, 3) : Float32Array.of(0, 2, 3) })]), fixedSizes: true },
    { name: 'exponent 0', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pow', [x, number(graph, x, 0)]) },
  ],
  Max: [...binary('Max'), plain('Max', 'three inputs', [[2, 3], [3], [2, 1]]), plain('Max', 'one input', [[2, 3]])],
  Min: [...binary('Min'), plain('Min', 'three inputs', [[2, 3], [3], [2, 1]]), plain('Min', 'one input', [[2, 3]])],
  Sum: [...binary('Sum'), plain('Sum', 'three inputs', [[2, 3], [3], [2, 1]]), plain('Sum', 'one input', [[2, 3]])],
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Reciprocal: unary('Reciprocal', { values: [positive(3)] }),
  Sqrt: unary('Sqrt', { values: [positive(0)] }),
  Exp: unary('Exp'),
  Log: unary('Log', { values: [positive(0)] }),
  Sin: unary('Sin'),
  Atan: unary('Atan', { type: 'float32' }),
  Cos: unary('Cos', { type: 'float32' }),
  Erf: unary('Erf', { type: 'float32' }),
  Relu: unary('Relu'),
  LeakyRelu: [
    ...unary('LeakyRelu', { type: 'float32' }),
    plain('LeakyRelu', 'slope 0.2', [[2, 3]], { alpha: float(0.2) }, { type: 'float32' }),
  ],
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Softplus: unary('Softplus', { type: 'float32' }),
  Clip: [
    ...['both bounds', 'low bound', 'high bound', 'no bound'].map((name, kind): GradientCase => ({
      name,
      shapes: [[3, 4]],
      build: (graph, [x]) => graph.op('Clip', [x, kind === 0 || kind === 1 ? number(graph, x, -0.55) : null, kind === 0 || kind === 2 ? number(graph, x, 0.45) : null]),
    })),
    { name: 'trained bounds', shapes: [[3, 4], [], []], values: [scattered(0), () => -0.55, () => 0.45], build: (graph, [x, low, high]) => graph.op('Clip', [x, low, high]) },
    { name: 'trained bounds that cross: the upper one wins', shapes: [[3, 4], [], []], values: [scattered(0), () => 0.7, () => 0.2], build: (graph, [x, low, high]) => graph.op('Clip', [x, low, high]) },
  ],
  Where: [
    ...[
      [[2, 3], [2, 3]],
      [[2, 3], []],
      [[3], [2, 1]],
      [[], [1, 3]],
    ].map((shapes): GradientCase => ({
      name: `[${shapes[0]}] or [${shapes[1]}]`,
      shapes,
      build: (graph, [a, b]) => graph.op('Where', [graph.constant({ type: 'bool', shape: [2, 3], data: Uint8Array.of(1, 0, 1, 0, 0, 1) }), a, b]),
      fixedSizes: true,
    })),
    {
      name: 'condition from the data',
      shapes: [[2, 3], [3]],
      build: (graph, [a, b]) => graph.op('Where', [graph.op('Greater', [a, b]), graph.op('Mul', [a, b]), b]),
    },
  ],
  MatMul: [
    plain('MatMul', 'matrices', [[2, 3], [3, 4]]),
    plain('MatMul', 'a cube by a matrix', [[2, 2, 2, 3], [3, 2]]),
    plain('MatMul', 'batches', [[2, 2, 3], [2, 3, 2]]),
    plain('MatMul', 'left repeated over batches', [[2, 3], [2, 3, 2]]),
    plain('MatMul', 'left repeated over one of two batch axes', [[2, 1, 2, 3], [3, 3, 2]]),
    plain('MatMul', 'right repeated over batches', [[2, 2, 3], [1, 3, 2]]),
    plain('MatMul', 'vector by matrix', [[3], [3, 2]]),
    plain('MatMul', 'matrix by vector', [[2, 3], [3]]),
    plain('MatMul', 'vector by vector', [[3], [3]]),
    plain('MatMul', 'batches by vector', [[2, 2, 3], [3]]),
    plain('MatMul', 'vector by batches', [[3], [2, 3, 2]]),
    { name: 'the Gram matrix of one value', shapes: [[2, 3]], build: (graph, [x]) => graph.op('MatMul', [x, graph.op('Transpose', [x])]) },
  ],
  Gemm: [
    gemm(0, 0, null),
    gemm(0, 1, [4]),
    gemm(1, 0, [2, 1]),
    gemm(1, 1, [2, 4]),
    gemm(0, 0, [1, 4], { alpha: float(0.5), beta: float(-1.5) }),
    gemm(0, 1, [], { alpha: float(2) }),
    gemm(1, 0, [1, 1], { alpha: float(0.5) }),
    gemm(1, 1, [2, 4], { alpha: float(2), beta: float(0.25) }),
  ],
  ReduceSum: [
    ...reduction('ReduceSum'),
    { name: 'empty axes: all of them', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ReduceSum', [x, list(graph, [])], { keepdims: 0 }) },
    { name: 'empty axes: none of them', shapes: [[2, 3]], build: (graph, [x]) => graph.op('ReduceSum', [x, list(graph, [])], { noop_with_empty_axes: 1 }) },
  ],
  ReduceMean: reduction('ReduceMean'),
  ReduceMax: reduction('ReduceMax'),
  ReduceMin: reduction('ReduceMin'),
  ReduceL2: reduction('ReduceL2'),
  ReduceSumSquare: reduction('ReduceSumSquare'),
  Softmax: [plain('Softmax', 'last axis', [[2, 3, 2]]), plain('Softmax', 'axis 1', [[2, 3, 2]], { axis: 1 }), plain('Softmax', 'first axis', [[2, 3]], { axis: -2 })],
  LogSoftmax: [plain('LogSoftmax', 'last axis', [[2, 3, 2]]), plain('LogSoftmax', 'axis 1', [[2, 3, 2]], { axis: 1 })],
  Identity: unary('Identity'),
  Cast: [
    // Through float32 and back the differences are those of float32.
    { name: 'to the other float type and back', shapes: [[2, 3]], type: 'float32', build: (graph, [x]) => graph.op('Cast', [graph.op('Mul', [graph.op('Cast', [x], { to: 11 }), graph.op('Cast', [x], { to: 11 })])], { to: 1 }) },
  ],
  Reshape: [
    { name: 'to a matrix', shapes: [[2, 3, 2]], build: (graph, [x]) => graph.reshape(x, [-1, 2]) },
    { name: 'copied and open sizes', shapes: [[2, 3, 2]], build: (graph, [x]) => graph.op('Reshape', [x, list(graph, [0, -1])]) },
    { name: 'sizes of another value', shapes: [[6, 2], [2, 3, 1]], wrt: [0], build: (graph, [x, y]) => graph.reshape(x, [{ of: y, axis: 0 }, { of: y, axis: 1 }, 2]) },
    { name: 'to a scalar', shapes: [[1, 1]], build: (graph, [x]) => graph.op('Reshape', [x, list(graph, [])]) },
  ],
  Flatten: [plain('Flatten', 'axis 1', [[2, 3, 2]]), plain('Flatten', 'axis 0', [[2, 3]], { axis: 0 }), plain('Flatten', 'last axis', [[2, 3, 2]], { axis: -1 })],
  Squeeze: [
    { name: 'named axes', shapes: [[1, 3, 1]], build: (graph, [x]) => graph.op('Squeeze', [x, list(graph, [0, -1])]) },
    { name: 'every axis of size 1', shapes: [[1, 3, 1]], build: (graph, [x]) => graph.op('Squeeze', [x]), fixedSizes: true },
  ],
  Unsqueeze: [{ name: 'front and back', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Unsqueeze', [x, list(graph, [0, -1])]) }],
  Transpose: [plain('Transpose', 'reversed', [[2, 3, 2]]), plain('Transpose', 'a permutation', [[2, 3, 4]], { perm: [2, 0, 1] })],
  Expand: [
    { name: 'repeated axis', shapes: [[2, 1]], build: (graph, [x]) => graph.op('Expand', [x, list(graph, [2, 3])]), fixedSizes: true },
    { name: 'new axes', shapes: [[3]], build: (graph, [x]) => graph.op('Expand', [x, list(graph, [2, 1, 3])]), fixedSizes: true },
    { name: 'scalar to the shape of another value', shapes: [[], [2, 3]], wrt: [0], build: (graph, [x, y]) => graph.op('Expand', [x, graph.op('Shape', [y])]) },
  ],
  Concat: [
    plain('Concat', 'columns', [[2, 3], [2, 1], [2, 2]], { axis: 1 }),
    plain('Concat', 'rows', [[1, 3], [2, 3]], { axis: 0 }),
    plain('Concat', 'one part', [[2, 3]], { axis: -1 }),
    { name: 'one value twice', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Concat', [x, graph.op('Neg', [x]), x], { axis: 0 }) },
  ],
  Split: [
    { name: 'named sizes', shapes: [[2, 5]], build: (graph, [x]) => graph.ops('Split', [x, list(graph, [1, 3, 1])], 3, { axis: 1 }) },
    { name: 'equal parts', shapes: [[4, 2]], build: (graph, [x]) => graph.ops('Split', [x], 2, { axis: 0 }), fixedSizes: true },
    { name: 'a part that is not used', shapes: [[2, 4]], build: (graph, [x]) => graph.ops('Split', [x, list(graph, [1, 2, 1])], 3, { axis: -1 })[1] },
  ],
  Slice: [
    { name: 'one axis', shapes: [[4, 3]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [1]), list(graph, [3]), list(graph, [0])]) },
    { name: 'two axes, from the end, beyond the end', shapes: [[4, 5]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [-3, 1]), list(graph, [1000, -1]), list(graph, [0, 1])]) },
    { name: 'every second element', shapes: [[5, 2]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [0]), list(graph, [5]), list(graph, [0]), list(graph, [2])]) },
    { name: 'backwards', shapes: [[5]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [-1]), list(graph, [-1000]), list(graph, [0]), list(graph, [-2])]) },
    { name: 'no axes named', shapes: [[3, 3]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [1, 0]), list(graph, [3, 2])]) },
    { name: 'everything', shapes: [[3, 2]], build: (graph, [x]) => graph.op('Slice', [x, list(graph, [0]), list(graph, [2 ** 31]), list(graph, [0])]) },
  ],
  Gather: [
    { name: 'bands of a cube, one of them twice', shapes: [[2, 2, 4]], build: (graph, [x]) => graph.op('Gather', [x, list(graph, [3, 0, 3, -2])], { axis: -1 }) },
    { name: 'rows', shapes: [[4, 2]], build: (graph, [x]) => graph.op('Gather', [x, list(graph, [2, 2])]) },
    { name: 'one element', shapes: [[4, 2]], build: (graph, [x]) => graph.op('Gather', [x, graph.constant({ type: 'int64', shape: [], data: BigInt64Array.of(1n) })], { axis: 1 }) },
    { name: 'a table of positions', shapes: [[3, 4]], build: (graph, [x]) => graph.op('Gather', [x, graph.constant(int64([2, 2], [0, 3, 3, 1]))], { axis: 1 }) },
    { name: 'int32 positions', shapes: [[4]], build: (graph, [x]) => graph.op('Gather', [x, graph.constant({ type: 'int32', shape: [3], data: Int32Array.of(1, -1, 1) })]) },
  ],
  Pad: [
    { name: 'zeros around', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pad', [x, list(graph, [1, 0, 0, 2])]) },
    { name: 'a value around', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pad', [x, list(graph, [0, 1, 1, 0]), number(graph, x, 7)]) },
    ...['reflect', 'edge'].map((mode): GradientCase => ({ name: `${mode} around`, shapes: [[3, 4]], build: (graph, [x]) => graph.op('Pad', [x, list(graph, [2, 1, 1, 3])], { mode }) })),
    { name: 'cut off', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Pad', [x, list(graph, [0, -1, 1, 0])]) },
  ],
  TopK: [
    { name: 'largest', shapes: [[2, 4]], build: (graph, [x]) => graph.ops('TopK', [x, list(graph, [2])], 2)[0] },
    { name: 'smallest along the first axis', shapes: [[4, 2]], build: (graph, [x]) => graph.ops('TopK', [x, list(graph, [3])], 2, { axis: 0, largest: 0 })[0] },
  ],
  Mean: [...binary('Mean', f32), plain('Mean', 'three inputs', [[2, 3], [3], [2, 1]], {}, f32)],
  Elu: [...unary('Elu', f32), plain('Elu', 'alpha 0.5', [[2, 3]], { alpha: float(0.5) }, f32)],
  Celu: [...unary('Celu', f32), plain('Celu', 'alpha 2', [[2, 3]], { alpha: float(2) }, f32)],
  Selu: unary('Selu', f32),
  HardSigmoid: [...unary('HardSigmoid', f32), plain('HardSigmoid', 'steep, with both ends flat', [[3, 4]], { alpha: float(0.8), beta: float(0.4) }, f32)],
  HardSwish: [...unary('HardSwish', f32), plain('HardSwish', 'beyond both ends', [[6]], {}, { ...f32, values: [(index) => [-4, -2.5, -1, 1, 2.6, 5][index]] })],
  ThresholdedRelu: [plain('ThresholdedRelu', 'threshold 0.5', [[3, 4]], { alpha: float(0.5) }, f32)],
  Softsign: unary('Softsign', f32),
  PRelu: [plain('PRelu', 'a slope for each channel', [[2, 3, 2], [3, 1]], {}, f32), plain('PRelu', 'one slope', [[2, 3], [1]], {}, f32), plain('PRelu', 'a slope for each element', [[2, 3], [2, 3]], {}, f32)],
  ReduceL1: reduction('ReduceL1', f32),
  ReduceLogSum: reduction('ReduceLogSum', { ...f32, values: [positive(0)] }),
  ReduceLogSumExp: reduction('ReduceLogSumExp', f32),
  ReduceProd: [
    ...reduction('ReduceProd', f32),
    plain('ReduceProd', 'one 0 among the factors', [[2, 3]], { axes: [1] }, { ...f32, values: [(index) => [2, 0, 3, 1, 4, -2][index]] }),
    plain('ReduceProd', 'two 0 among the factors', [[2, 3]], { axes: [1] }, { ...f32, values: [(index) => [0, 0, 3, 1, 4, -2][index]] }),
  ],
  Einsum: [
    plain('Einsum', 'a product of matrices', [[2, 3], [3, 4]], { equation: 'ij,jk->ik' }, f32),
    plain('Einsum', 'attention scores', [[2, 2, 3, 2], [2, 2, 4, 2]], { equation: 'bhid, bhjd -> bhij' }, f32),
    plain('Einsum', 'an axis that is summed by itself', [[2, 3], [2]], { equation: 'ij,i->i' }, f32),
    plain('Einsum', 'without a stated result', [[2, 3], [3, 2]], { equation: 'ij,jk' }, f32),
    plain('Einsum', 'one operand, transposed', [[2, 3]], { equation: 'ij->ji' }, f32),
  ],
  Conv: [
    conv('3 x 3 with a bias', [[1, 2, 4, 5], [2, 2, 3, 3], [2]], { pads: [1, 1, 1, 1] }),
    conv('patches side by side', [[1, 2, 4, 6], [3, 2, 2, 3]], { strides: [2, 3] }),
    conv('pixels behind the last window', [[1, 1, 6, 7], [2, 1, 2, 3]], { strides: [2, 2] }),
    conv('a stride beyond the kernel', [[1, 1, 7, 7], [1, 1, 2, 2]], { strides: [3, 4] }),
    conv('uneven padding and dilation', [[1, 1, 5, 6], [2, 1, 2, 2]], { pads: [0, 1, 2, 0], dilations: [2, 3] }),
    conv('groups', [[2, 4, 3, 3], [6, 2, 2, 2], [6]], { group: 2, strides: [2, 1], pads: [1, 0, 0, 1] }),
    conv('each channel by itself', [[1, 3, 4, 4], [3, 1, 3, 3]], { group: 3, pads: [1, 1, 1, 1] }),
    conv('one axis', [[2, 2, 6], [3, 2, 3]], { strides: [2], pads: [1, 1] }),
    conv('padding worked out by itself', [[1, 1, 4, 5], [1, 1, 3, 2]], { auto_pad: 'SAME_UPPER' }),
    { ...conv('padding worked out by itself with strides', [[1, 1, 5, 6], [1, 1, 3, 3]], { auto_pad: 'SAME_LOWER', strides: [2, 2] }), fixedSizes: true },
    conv('without padding', [[1, 1, 4, 4], [1, 1, 3, 3]], { auto_pad: 'VALID' }),
  ].map((given) => ({ ...given, symbolic: [0] })),
  ConvTranspose: [
    transposed('twice as large', [[1, 2, 3, 2], [2, 3, 2, 2], [3]], { strides: [2, 2] }),
    transposed('padded, with further pixels', [[1, 2, 3, 3], [2, 1, 3, 3]], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }),
    transposed('groups', [[1, 4, 2, 3], [4, 2, 2, 2]], { group: 2, strides: [1, 2] }),
    transposed('dilated', [[1, 1, 3, 3], [1, 2, 2, 2]], { dilations: [2, 1] }),
  ].map((given) => ({ ...given, symbolic: [0] })),
  GlobalAveragePool: [plain('GlobalAveragePool', 'images', [[2, 3, 2, 4]], {}, f32)],
  AveragePool: [
    plain('AveragePool', 'side by side', [[2, 2, 4, 6]], { kernel_shape: [2, 3], strides: [2, 3] }, f32),
    plain('AveragePool', 'over each other, borders counted by what they cover', [[1, 2, 4, 5]], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, f32),
    plain('AveragePool', 'over each other, padding counted', [[1, 2, 4, 5]], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }, f32),
    plain('AveragePool', 'pixels behind the last window', [[1, 1, 5, 5]], { kernel_shape: [2, 2], strides: [2, 2] }, f32),
  ],
  MaxPool: [
    plain('MaxPool', 'side by side', [[2, 2, 4, 4]], { kernel_shape: [2, 2], strides: [2, 2] }, { ...f32, values: [(index) => Math.sin(index * 7.1) * 3] }),
    plain('MaxPool', 'over each other, with padding', [[1, 2, 4, 5]], { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1] }, { ...f32, values: [(index) => Math.sin(index * 7.1) * 3] }),
  ],
  BatchNormalization: [
    plain('BatchNormalization', 'images', [[2, 3, 2, 2], [3], [3], [3], [3]], {}, { ...f32, values: [scattered(0), scattered(1), scattered(2), scattered(3), positive(4)] }),
    plain('BatchNormalization', 'rows', [[4, 3], [3], [3], [3], [3]], { epsilon: float(0.1) }, { ...f32, values: [scattered(0), scattered(1), scattered(2), scattered(3), positive(4)] }),
  ],
  LayerNormalization: [
    plain('LayerNormalization', 'tokens', [[2, 3, 4], [4], [4]], {}),
    plain('LayerNormalization', 'two axes, no bias', [[2, 3, 2], [3, 2]], { axis: -2, epsilon: float(0.1) }),
  ],
  InstanceNormalization: [plain('InstanceNormalization', 'images', [[2, 2, 3, 2], [2], [2]], {}, f32)],
  LpNormalization: [
    plain('LpNormalization', 'by length', [[2, 3, 2]], {}),
    plain('LpNormalization', 'by length, axis 1', [[2, 3, 2]], { axis: 1 }),
    plain('LpNormalization', 'by sum', [[2, 3]], { p: 1 }),
  ],
  Resize: [
    ...coordinateModes.flatMap((mode) => [
      resize(`linear, larger, ${mode}`, [1, 2, 2, 3], { sizes: [1, 2, 5, 7] }, { mode: 'linear', coordinate_transformation_mode: mode }),
      resize(`linear, smaller, ${mode}`, [1, 1, 5, 6], { sizes: [1, 1, 3, 2] }, { mode: 'linear', coordinate_transformation_mode: mode }),
      resize(`cubic, larger, ${mode}`, [1, 1, 3, 4], { sizes: [1, 1, 7, 6] }, { mode: 'cubic', coordinate_transformation_mode: mode }),
      resize(`cubic, smaller, ${mode}`, [1, 1, 6, 5], { sizes: [1, 1, 4, 3] }, { mode: 'cubic', coordinate_transformation_mode: mode, cubic_coeff_a: float(-0.5) }),
    ]),
    resize('linear, to one pixel', [1, 1, 4, 3], { sizes: [1, 1, 1, 1] }, { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' }),
    resize('linear, to one pixel, corners', [1, 1, 4, 3], { sizes: [1, 1, 1, 1] }, { mode: 'linear', coordinate_transformation_mode: 'align_corners' }),
    resize('linear, by scales', [1, 2, 2, 3], { scales: [1, 1, 2, 1.7] }, { mode: 'linear' }),
    resize('linear, channels last', [1, 2, 3, 2], { sizes: [1, 4, 5, 2] }, { mode: 'linear' }),
    resize('cubic, by scales', [1, 1, 4, 3], { scales: [1, 1, 2.5, 2] }, { mode: 'cubic' }),
    resize('cubic, pixels outside left out', [1, 1, 4, 3], { sizes: [1, 1, 7, 5] }, { mode: 'cubic', exclude_outside: 1 }),
    ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map((mode) => resize(`nearest, ${mode}`, [1, 1, 3, 4], { sizes: [1, 1, 5, 3] }, { mode: 'nearest', nearest_mode: mode })),
    resize('nearest, twice as large', [1, 2, 2, 3], { scales: [1, 1, 2, 2] }, { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
  ],
  GatherElements: [{ name: 'columns, one of them twice', shapes: [[2, 3]], build: (graph, [x]) => graph.op('GatherElements', [x, ints64(graph, [2, 2], [0, 0, 2, 1])], { axis: 1 }) }],
  GatherND: [
    { name: 'elements', shapes: [[2, 3]], build: (graph, [x]) => graph.op('GatherND', [x, ints64(graph, [3, 2], [0, 0, 1, 2, 0, 0])]) },
    { name: 'rows', shapes: [[3, 2]], build: (graph, [x]) => graph.op('GatherND', [x, ints64(graph, [2, 1], [2, 0])]) },
  ],
  ScatterElements: [
    { name: 'replaced', shapes: [[2, 3], [2, 1]], build: (graph, [x, y]) => graph.op('ScatterElements', [x, ints64(graph, [2, 1], [2, 0]), y], { axis: 1 }) },
    { name: 'added', shapes: [[2, 3], [2, 2]], build: (graph, [x, y]) => graph.op('ScatterElements', [x, ints64(graph, [2, 2], [2, 2, 0, 1]), y], { axis: 1, reduction: 'add' }) },
  ],
  ScatterND: [
    { name: 'replaced', shapes: [[3, 2], [2, 2]], build: (graph, [x, y]) => graph.op('ScatterND', [x, ints64(graph, [2, 1], [2, 0]), y]) },
    { name: 'added', shapes: [[3, 2], [2]], build: (graph, [x, y]) => graph.op('ScatterND', [x, ints64(graph, [2, 2], [2, 0, 2, 0]), y], { reduction: 'add' }) },
  ],
  Tile: [
    { name: 'both axes', shapes: [[2, 3]], build: (graph, [x]) => graph.op('Tile', [x, list(graph, [2, 3])]) },
    { name: 'one axis', shapes: [[2, 1]], build: (graph, [x]) => graph.op('Tile', [x, list(graph, [1, 4])]) },
  ],
  CumSum: [0, 1].flatMap((exclusive) => [0, 1].map((reverse): GradientCase => ({
    name: `exclusive ${exclusive}, reverse ${reverse}`,
    shapes: [[2, 3]],
    build: (graph, [x]) => graph.op('CumSum', [x, graph.constant(int64([], [1]))], { exclusive, reverse }),
  }))),
  Trilu: [plain('Trilu', 'upper', [[3, 3]]), plain('Trilu', 'lower', [[2, 3]], { upper: 0 })],
  DepthToSpace: [plain('DepthToSpace', 'blocks of 2', [[1, 8, 2, 3]], { blocksize: 2 }, f32)],
  SpaceToDepth: [plain('SpaceToDepth', 'blocks of 2', [[1, 2, 4, 2]], { blocksize: 2 }, f32)],
}
