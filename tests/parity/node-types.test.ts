import { describe, expect, it } from 'vitest'
import { catalogue } from '../../src/engine/nodes/registry'
import type { NodeType } from '../../src/engine/nodes/node'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { readParameters } from '../../src/engine/pipeline/parameters'
import { writePipeline } from '../../src/engine/pipeline/write-document'
import { writeRepositoryPipeline } from '../../src/engine/pipeline/write-repository'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

// What the peer's tests ask of every node, or of every loss and metric, is asked of every one here.

const types = catalogue().map(({ type }) => typeNamed(type))
const ofRole = (role: string): NodeType[] => types.filter(({ description }) => description.role === role)

/** Parameters other than the defaults where there is another value that is easily found. */
function unusual({ description }: NodeType): Record<string, unknown> {
  return Object.fromEntries(description.parameters.flatMap(({ name, type, default: fallback, minimum, choices }): [string, unknown][] => {
    if (type === 'number' && typeof fallback === 'number' && fallback > 0) return [[name, fallback * 0.75]]
    if (type === 'boolean') return [[name, fallback !== true]]
    if (type === 'integer') return [[name, [minimum ?? 1, (minimum ?? 1) + 1].find((value) => value !== fallback)]]
    if (choices && choices.length > 1) return [[name, choices[choices.length - 1]]]
    return []
  }))
}

describe('parameters of every node', () => {
  it.each(types.map((type) => [type.description.type, type] as const))('%s: come back as they were written', (name, type) => {
    const config = unusual(type)
    const document = parsePipeline(JSON.stringify({ nodes: { node: { type: name, config } }, connections: [] }), 'p.yaml')
    const again = parsePipeline(writePipeline(document), 'q.yaml')
    expect(again.nodes[0].config).toEqual(config)
    expect(readParameters(type.description.parameters, again.nodes[0].config).values).toMatchObject(config)
  })

  it('defaults are filled in, and stay what they are however small', () => {
    const { values } = readParameters(typeNamed('PerPixelUnitNorm').description.parameters, { eps: 1e-99 })
    expect(values).toEqual({ eps: 1e-99 })
    expect(readParameters(typeNamed('PerPixelUnitNorm').description.parameters, {}).values).toEqual({ eps: 1e-8 })
  })
})

describe('statistics that may train', () => {
  const trainable = types.filter(({ trainableStatistics = [] }) => trainableStatistics.length > 0)

  it.each(trainable.map((type) => [type.description.type, type] as const))('%s: are part of its state, by their names', (_name, type) => {
    const parameters = { ...repositoryParameters(type, { num_channels: 4, n_components: 2, n_select: 2, input_channels: 4 }) }
    const kept = (type.state?.(parameters) ?? []).map(({ name }) => name)
    // Forms of a node keep different statistics, so each name must be one of some form.
    const forms = type.description.parameters.flatMap(({ name, choices = [] }) => choices.map((choice) => (type.state?.({ ...parameters, [name]: choice }) ?? []).map((tensor) => tensor.name)))
    for (const name of type.trainableStatistics ?? []) expect([...kept, ...forms.flat()]).toContain(name)
  })
})

const image = (values: number[], channels = 1): Tensor => float32([1, 1, values.length / channels, channels], values)

/** Inputs with which a loss is not 0. */
const inputs: Record<string, Record<string, Tensor>> = {
  OrthogonalityLoss: { components: float32([2, 3], [1, 0.5, 0, 0.2, 1, 0.3]) },
  DistinctnessLoss: { selection_weights: float32([2, 3], [0.7, 0.2, 0.1, 0.5, 0.4, 0.1]) },
  SelectorEntropyRegularizer: { weights: float32([3], [0.7, 0.2, 0.1]) },
  SelectorDiversityRegularizer: { weights: float32([3], [0.7, 0.2, 0.1]) },
  MSEReconstructionLoss: { reconstruction: image([1, 2, 3, 4], 2), target: image([1, 1, 1, 1], 2) },
  AnomalyBCEWithLogits: { predictions: image([0.5, -1]), targets: { type: 'bool', shape: [1, 1, 2, 1], data: Uint8Array.of(1, 0) } },
  IoULoss: { predictions: image([0.5, -1]), targets: { type: 'bool', shape: [1, 1, 2, 1], data: Uint8Array.of(1, 0) } },
  ForegroundContrastLoss: { rgb: image([0.1, 0.2, 0.3, 0.9, 0.8, 0.7], 3), mask: { type: 'bool', shape: [1, 1, 2, 1], data: Uint8Array.of(1, 0) } },
  DeepSVDDSoftBoundaryLoss: { embeddings: image([1, 2, 3, 4], 2), center: float32([2], [0, 0]) },
}

async function lossOf(type: NodeType, config: Record<string, unknown>, given = inputs[type.description.type]): Promise<number> {
  const parameters = repositoryParameters(type, config)
  const state = Object.fromEntries((type.state?.(parameters) ?? []).map(({ name, shape }) => [name, float32(shape, new Float32Array(shape.reduce((product, size) => product * size, 1)))]))
  const { outputs } = await runNode({ type, parameters, inputs: given, state, stage: 'train' })
  expect(outputs.loss.shape.reduce((product, size) => product * size, 1)).toBe(1)
  return Number(outputs.loss.data[0])
}

describe('losses', () => {
  it('have one output, the loss, and write a graph', () => {
    expect(ofRole('loss').map(({ description }) => description.type).sort()).toEqual(Object.keys(inputs).sort())
    for (const type of ofRole('loss')) {
      expect(type.description.outputs.map(({ name }) => name)).toEqual(['loss'])
      expect(type.write).toBeDefined()
    }
  })

  it.each(Object.keys(inputs))('%s: its weight multiplies it', async (name) => {
    const [once, twice] = [await lossOf(typeNamed(name), { weight: 1.5 }), await lossOf(typeNamed(name), { weight: 3 })]
    expect(Math.abs(once)).toBeGreaterThan(1e-3)
    expect(Math.abs(twice / once - 2)).toBeLessThan(1e-6)
  })

  it('of a perfect reconstruction is 0', async () => {
    const same = image([1, 2, 3, 4], 2)
    expect(await lossOf(typeNamed('MSEReconstructionLoss'), {}, { reconstruction: same, target: same })).toBe(0)
  })
})

describe('metrics', () => {
  const measure = (name: string, tensors: Record<string, Tensor>): Record<string, number> => typeNamed(name).measurement?.measure(repositoryParameters(typeNamed(name)), tensors) ?? {}

  it('report numbers by name and write no graph, every one of them', () => {
    expect(ofRole('metric').length).toBeGreaterThanOrEqual(7)
    for (const type of ofRole('metric')) {
      expect(type.description.outputs.map(({ dtype }) => dtype)).toEqual(['metrics'])
      expect(type.measurement).toBeDefined()
      expect(type.write).toBeUndefined()
    }
  })

  it('of orthonormal components have no error, and of others have one', () => {
    expect(measure('ComponentOrthogonalityMetric', { components: float32([2, 3], [1, 0, 0, 0, 0.6, 0.8]) })).toMatchObject({ diagonal_mean: expect.closeTo(1, 6) as number, orthogonality_error: expect.closeTo(0, 6) as number, avg_off_diagonal: expect.closeTo(0, 6) as number })
    expect(measure('ComponentOrthogonalityMetric', { components: float32([2, 3], [1, 0, 0, 0.5, 0.6, 0.8]) }).orthogonality_error).toBeGreaterThan(0.01)
  })

  it('of explained variance add up, component by component', () => {
    const found = measure('ExplainedVarianceMetric', { explained_variance_ratio: float32([3], [0.6, 0.3, 0.1]) })
    expect([1, 2, 3].map((at) => found[`cumulative_variance_pc${at}`])).toEqual([0.6, 0.9, 1].map((value) => expect.closeTo(value, 6) as number))
  })

  it('keep their names apart when several are measured', () => {
    const first = measure('ExplainedVarianceMetric', { explained_variance_ratio: float32([2], [0.6, 0.4]) })
    const second = measure('ComponentOrthogonalityMetric', { components: float32([2, 2], [1, 0, 0, 1]) })
    const names = [...Object.keys(first), ...Object.keys(second)]
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('reducers', () => {
  it('by concrete selection stay in the range of their input', async () => {
    const type = typeNamed('ConcreteChannelMixer')
    const parameters = repositoryParameters(type, { input_channels: 5, output_channels: 3, use_hard_inference: false })
    const logits = float32([3, 5], Float32Array.from({ length: 15 }, (_, at) => Math.sin(at)))
    const { outputs } = await runNode({ type, parameters, inputs: { data: image(Array.from({ length: 40 }, (_, at) => ((at * 7) % 11) / 10), 5) }, state: { logits } })
    for (const value of outputs.rgb.data as Float32Array) expect(value).toBeGreaterThanOrEqual(-1e-6)
    for (const value of outputs.rgb.data as Float32Array) expect(value).toBeLessThanOrEqual(1 + 1e-6)
  })

  it('name all channels where more are asked for than there are', async () => {
    const { outputs } = await runNode({ type: typeNamed('TopKIndices'), parameters: { k: 9 }, inputs: { weights: float32([3], [0.1, 0.9, 0.5]) } })
    expect(Array.from(outputs.indices.data as BigInt64Array, Number)).toEqual([1, 2, 0])
  })
})

describe('documents of the reference', () => {
  it('keep the parameters of a node when they are written again', () => {
    const text = JSON.stringify({ metadata: { name: 'p' }, nodes: [{ name: 'b', class_name: 'cuvis_ai.node.preprocessors.BandpassByWavelength', hparams: { min_wavelength_nm: 500, max_wavelength_nm: 650 } }, { name: 'q', class_name: 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider', hparams: { quantile: 0.9, reduce_dims: [1, 2] } }], connections: [] })
    const first = parsePipeline(text, 'p.yaml')
    const again = parsePipeline(writeRepositoryPipeline(first).text, 'q.yaml')
    expect(again.nodes.map(({ config }) => config)).toEqual(first.nodes.map(({ config }) => config))
  })
})
