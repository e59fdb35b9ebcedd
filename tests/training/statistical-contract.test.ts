import { describe, expect, it } from 'vitest'
import { catalogue, nodeType } from '../../src/engine/nodes/registry'
import type { NodeType, Parameters } from '../../src/engine/nodes/node'
import { checkDocument, resolvePipeline } from '../../src/engine/pipeline/check'
import { compileUpTo } from '../../src/engine/pipeline/compile'
import { initialState, nodesToFit } from '../../src/engine/pipeline/state'
import type { StateTensor } from '../../src/engine/nodes/node'
import { CuvetteError } from '../../src/shared/problem'
import { documentOf } from '../golden/documents'
import type { Written } from '../golden/documents'

// What holds for every node type that learns from data, those included that are added later.

const facts = { channels: 6, wavelengthsNm: [450, 500, 550, 600, 650, 700] }

/** The node behind a cube, every input that fits taken from it, and a detector, so that the pipeline has scores. */
function pipelineWith(type: NodeType, config: Parameters) {
  const ports = type.description.inputs.filter(({ dtype, shape, optional }) => !optional && dtype === 'float32' && shape.length === 4)
  const written = (more: Partial<Written> = {}): Written => ({
    nodes: { cube: { type: 'Cube' }, node: { type: type.description.type, config: { ...config } }, rx: { type: 'RXGlobal' }, ...more.nodes },
    connections: [...ports.map(({ name, shape }) => [shape[3] === 1 ? 'rx.scores' : 'cube.cube', `node.${name}`] as [string, string]), ['cube.cube', 'rx.data'], ...(more.connections ?? [])],
  })
  const masks = type.description.inputs.filter(({ dtype, optional }) => !optional && dtype === 'bool').map(({ name }) => ['cube.mask', `node.${name}`] as [string, string])
  const wavelengths = type.description.inputs.filter(({ dtype, shape, optional }) => !optional && dtype === 'int32' && shape.length === 1).map(({ name }) => ['cube.wavelengths', `node.${name}`] as [string, string])
  return documentOf(written({ connections: [...masks, ...wavelengths] }))
}

/** Parameters with which a type wants statistics: its defaults, or one of its choices. */
function fittingParameters(type: NodeType): Parameters | null {
  const choices = type.description.parameters.flatMap(({ name, choices: values = [], type: kind }) => (kind === 'boolean' ? [true, false] : values).map((value) => ({ [name]: value })))
  // Counts without a default.
  const required = Object.fromEntries(type.description.parameters.filter(({ default: fallback }) => fallback === undefined).map(({ name, minimum }) => [name, Math.max(2, minimum ?? 2)]))
  for (const choice of [{}, ...choices]) {
    const config: Parameters = { ...required, ...choice }
    const { nodes, findings } = checkDocument(pipelineWith(type, config), facts)
    const node = nodes.find(({ written }) => written.name === 'node')
    if (findings.length === 0 && node && type.fit && type.fit.needed?.(node.parameters) !== false) return config
  }
  return null
}

const fitted = catalogue().map(({ type }) => nodeType(type)).filter((type) => type !== undefined).filter((type) => type.fit !== undefined)

describe('every node type with a statistical phase', () => {
  it('is known', () => {
    expect(fitted.map(({ description }) => description.type)).toEqual(expect.arrayContaining(['ZScoreNormalizerGlobal', 'DeepSVDDCenterTracker', 'RXGlobal', 'MinMaxNormalizer', 'TrainablePCA']))
  })

  it.each(fitted.map((type) => [type.description.type, type] as const))('%s wants a fit, refuses an empty stream, and does not run unfitted', async (_name, type) => {
    const config = fittingParameters(type)
    expect(config, 'no parameters were found with which the type is fitted').not.toBeNull()
    const pipeline = resolvePipeline(pipelineWith(type, config ?? {}), facts)
    const step = nodesToFit(pipeline).find(({ node }) => node.name === 'node')
    if (!step) throw new Error('The node is not fitted.')
    const { node } = step
    const nothing = { node: 'node', seed: 1, pixels: 0, wavelengthsNm: facts.wavelengthsNm }
    const empty = type.fit?.start(node.parameters, nothing)
    const error: unknown = await Promise.resolve().then(() => empty?.finish()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CuvetteError)
    expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(/^[A-Z].*\.$/) as string })

    const state = initialState(pipeline, 1)
    const missing = (type.state?.(node.parameters) ?? []).filter(({ name, kind }: StateTensor) => kind === 'statistic' && !state.has(`node.${name}`))
    if (missing.length === 0) return
    const image = type.description.outputs.find(({ dtype }) => dtype === 'float32')
    expect(() => compileUpTo(pipeline, state, `node.${image?.name}`)).toThrow(/ has no node\.[\w.]+ yet; fit the pipeline before it is used\.$/)
  })
})

