import { expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { compileInference } from '../../src/engine/pipeline/compile'
import { oneNode, pipelineOf, refuseIfBad } from './documents'
import { fitted, repositoryParameters, runCase, runNode, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor, tensors } from './read-vectors'
import { alignedRows } from './rows'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface PCACase extends NodeCase {
  ref_f64?: { mean: StoredTensor; eigenvalues_all: StoredTensor; components: StoredTensor; ratio_of_total_variance: StoredTensor }
  sign_ambiguous?: boolean
  trainable_buffers?: string[]
  state_dict_keys?: string[]
}

const type = typeNamed('TrainablePCA')

/** Whitening divides by small variances. */
const tolerance = (one: PCACase): number => (one.hparams?.whiten === true ? 1e-4 : 1e-5)

goldenSuite<PCACase>('trainable_pca', async (one) => {
  if (one.errors) return errors(one)
  if (one.name.startsWith('PCA_per_frame')) return perFrame(one)
  // Along a direction without variance whitening magnifies what rounding leaves of the difference from the mean.
  const isDegenerate = numbers(one.init_state?._explained_variance as StoredTensor).some((value, _, all) => Math.abs(value) < 1e-6 * all[0])
  expectCase(await runCase('TrainablePCA', one), one, { outputs: tolerance(one), gradients: tolerance(one), cancelled: isDegenerate ? 1 : undefined })
  if (one.init_stream) await statistics(one, one.init_stream.map(tensor))
})

async function statistics(one: PCACase, stream: Tensor[]): Promise<void> {
  const reference = one.ref_f64 as Required<PCACase>['ref_f64']
  const parameters = repositoryParameters(type, one.hparams)
  const state = await fitted(type, parameters, stream)
  const expected = tensors(one.init_state ?? {})
  expectClose(state._mean, expected._mean, 1e-6)
  expectClose(state._mean, reference.mean, 1e-6)
  expectClose(state._explained_variance, expected._explained_variance, 1e-6, 'variances', 1)
  const alone = distinct(numbers(reference.eigenvalues_all))
  expectRows(state._components, reference.components, alone, 1e-6)
  expectRows(state._components, expected._components, alone, 1e-5)
  expectOrthonormal(state._components)
  const signed = alignedRows(state._components, expected._components)
  const { outputs } = await runCase('TrainablePCA', { ...one, probe: undefined }, { parameters, state: { ...state, _components: signed } })
  // Directions without variance are anyone's choice.
  if (alone.every(Boolean)) expectClose(outputs.projected, one.outputs?.projected as StoredTensor, tolerance(one), 'projected', 0.1)

  const ofTotal = { ...parameters, variance_ratio: 'total' }
  const run = await runCase('TrainablePCA', { ...one, probe: undefined }, { parameters: ofTotal, state: await fitted(type, ofTotal, stream) })
  expectClose(run.outputs.explained_variance_ratio, reference.ratio_of_total_variance, 1e-6)
}

async function perFrame(one: PCACase): Promise<void> {
  const pca = typeNamed('PCA')
  const parameters = repositoryParameters(pca, one.hparams)
  const { outputs } = await runNode({ type: pca, parameters, inputs: tensors(one.inputs ?? {}) })
  const { projected, explained_variance_ratio: ratio, components } = one.outputs as Record<string, StoredTensor>
  expectClose(outputs.explained_variance_ratio, ratio, 1e-5)
  expectClose(alignedRows(outputs.components, tensor(components)), components, 1e-5)
  const [images, lines, samples, kept] = projected.shape
  for (let image = 0; image < images; image += 1) {
    // Coordinates of one image: one row for each component, of either sign.
    const rows = (value: Tensor): Tensor => float32([kept, lines * samples], Array.from({ length: kept }, (_, k) => Array.from({ length: lines * samples }, (_unused, pixel) => Number(value.data[(image * lines * samples + pixel) * kept + k]))).flat())
    const expected = rows(tensor(projected))
    expectClose(alignedRows(rows(outputs.projected), expected), expected, 1e-5)
  }
  const all = { ...parameters, variance_ratio: 'total' }
  const whole = numbers((await runNode({ type: pca, parameters: { ...all, n_components: one.inputs?.data.shape[3] as number }, inputs: tensors(one.inputs ?? {}) })).outputs.explained_variance_ratio)
  expect(whole.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4)
}

/** Which of the eigenvalues differ from their neighbours by more than rounding errors, so that the direction is defined. */
function distinct(values: number[]): boolean[] {
  return values.map((value, at) => [values[at - 1], values[at + 1]].every((other) => other === undefined || Math.abs(other - value) > 1e-9 * values[0]))
}

function expectRows(found: Tensor, stored: StoredTensor | Tensor, compared: boolean[], relative: number): void {
  const expected = 'dtype' in stored ? tensor(stored) : stored
  const aligned = alignedRows(found, expected)
  const columns = found.shape[1]
  for (let row = 0; row < found.shape[0]; row += 1) {
    if (!compared[row]) continue
    const part = (value: Tensor): number[] => numbers(value).slice(row * columns, (row + 1) * columns)
    expectClose(float32([columns], part(aligned)), float32([columns], part(expected)), relative, `component ${row + 1}`, 1)
  }
}

function expectOrthonormal(components: Tensor): void {
  const [rows, columns] = components.shape
  const values = numbers(components)
  for (let a = 0; a < rows; a += 1) {
    for (let b = 0; b <= a; b += 1) {
      let product = 0
      for (let column = 0; column < columns; column += 1) product += values[a * columns + column] * values[b * columns + column]
      expect(product).toBeCloseTo(a === b ? 1 : 0, 6)
    }
  }
}

async function errors(one: PCACase): Promise<void> {
  const reduced = (config: Record<string, unknown>) => {
    const { nodes, connections } = oneNode('TrainablePCA', config)
    return { nodes: { ...nodes, rx: { type: 'RXGlobal' } }, connections: [...connections, ['node.projected', 'rx.data'] as [string, string]] }
  }
  const facts = { channels: 4, wavelengthsNm: null }
  const parameters = repositoryParameters(type, { num_channels: 4, n_components: 2 })
  refuseIfBad(reduced({ n_components: 4 }), facts)
  await expectErrors('trainable_pca', one, {
    empty: () => fitted(type, parameters, []),
    single_pixel: () => fitted(type, parameters, [float32([1, 1, 1, 4], [1, 2, 3, 4])]),
    before_init: () => compileInference(pipelineOf(reduced({ n_components: 2 }), facts), new Map()),
    k_gt_c: () => refuseIfBad(reduced({ n_components: 5 }), facts),
    bad_init_method_is_accepted: () => repositoryParameters(type, { num_channels: 4, n_components: 2, init_method: 'x' }),
  })
  expect(type.trainableStatistics).toEqual(one.trainable_buffers)
  expect(type.state?.(parameters).map(({ name }) => name)).toEqual(one.state_dict_keys)
}

it('draws random directions with the seed, orthonormal and with their variances', async () => {
  const stream = [float32([1, 2, 3, 3], [0, 1, 0, 2, 0, 1, 5, 1, 2, 1, 1, 4, 0, 0, 3, 1, 7, 2])]
  const parameters = { num_channels: 3, n_components: 2, whiten: true, init_method: 'random', eps: 0, variance_ratio: 'total' }
  const state = await fitted(type, parameters, stream)
  expectOrthonormal(state._components)
  expect(await fitted(type, parameters, stream)).toEqual(state)
  expect(numbers(state._components)).not.toEqual(numbers((await fitted(type, { ...parameters, init_method: 'svd' }, stream))._components))
  const { outputs } = await runNode({ type, parameters, state, inputs: { data: stream[0] } })
  const coordinates = numbers(outputs.projected)
  for (const component of [0, 1]) {
    const own = coordinates.filter((_, at) => at % 2 === component)
    expect(own.reduce((sum, value) => sum + value * value, 0) / (own.length - 1)).toBeCloseTo(1, 5)
  }
})
