import fc from 'fast-check'
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalogue, nodeType } from '../../src/engine/nodes/registry'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { PipelineDocument } from '../../src/engine/pipeline/document'
import { repositoryClass } from '../../src/engine/pipeline/repository-classes'
import { asSavedByReference, writeRepositoryPipeline } from '../../src/engine/pipeline/write-repository'
import { readYaml } from '../../src/engine/pipeline/yaml-source'
import { resolvedDocument } from '../../src/engine/training/resolved-document'
import { DEEP_SVDD, pipelineFrom, refusal } from './documents'

const artifacts = resolve(import.meta.dirname, '../golden/artifacts')
const templates = resolve(import.meta.dirname, '../../resources/pipelines')
const visible = { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 430 + 8 * band) }

/** Everything of a document but where it stands. */
function content({ name, description, nodes, connections, extra }: PipelineDocument): unknown {
  return {
    name,
    description,
    extra,
    nodes: nodes.map(({ name: node, type, config, extra: more }) => ({ node, type, config, more })),
    connections: connections.map(({ from, to }) => `${from.node}.${from.port} -> ${to.node}.${to.port}`),
  }
}

/** Templates with a node that the reference does not have. */
const OURS_ALONE: Record<string, string> = { 'matched-filter.yaml': 'filter is a MatchedFilter', 'band-selector-onnx.yaml': 'scorer is a OnnxModel' }

describe('writing the repository dialect', () => {
  it.each(readdirSync(artifacts).filter((name) => name.endsWith('.yaml')))('says of %s, which the reference saved, the same again', (name) => {
    const text = readFileSync(join(artifacts, name), 'utf8')
    const document = parsePipeline(text, name)
    const written = writeRepositoryPipeline(document)
    expect(readYaml(written.text, name).value).toEqual(readYaml(text, name).value)
    expect(written.differences).toEqual([])
    expect(content(parsePipeline(written.text, name))).toEqual(content(document))
  })

  it.each(Object.entries(OURS_ALONE))('refuses the template %s, which has a node that the reference does not have', (name, node) => {
    const document = resolvedDocument(pipelineFrom(readFileSync(join(templates, name), 'utf8'), visible), {})
    expect(() => writeRepositoryPipeline(document)).toThrow(`The node ${node}, which the reference implementation does not have; take it out of the pipeline to export it there.`)
  })

  it.each(readdirSync(templates).filter((name) => name.endsWith('.yaml') && !(name in OURS_ALONE)))('carries the template %s over, and names what the reference does not have', (name) => {
    const document = resolvedDocument(pipelineFrom(readFileSync(join(templates, name), 'utf8'), visible), {})
    const { text, differences } = writeRepositoryPipeline(asSavedByReference(document))
    const again = parsePipeline(text, name)
    expect(again.problems).toEqual([])
    const { nodes, connections } = content(document) as { nodes: { node: string; type: string; config: Record<string, unknown> }[]; connections: string[] }
    const found = content(again) as { nodes: typeof nodes; connections: string[] }
    expect(found.connections).toEqual(connections)
    const changed = nodes.flatMap(({ node, type, config }, at) => {
      expect(found.nodes[at]).toMatchObject({ node, type })
      return Object.keys(config).filter((key) => JSON.stringify(config[key]) !== JSON.stringify(found.nodes[at].config[key])).map((key) => `parameter ${key} of ${type}: the node ${node} `)
    })
    expect(differences.map((sentence) => /parameter \w+ of \w+: the node \S+ /.exec(sentence)?.[0])).toEqual(changed)
    expect(writeRepositoryPipeline(again).text).toBe(text)
  })

  it('writes what the reference stores beside the parameters, and numbers as Python reads them', () => {
    const document = resolvedDocument(pipelineFrom(DEEP_SVDD), {})
    const value = readYaml(writeRepositoryPipeline(asSavedByReference(document)).text, 'p.yaml').value as { nodes: { name: string; class_name: string; hparams: object }[]; plugins: unknown }
    const node = (name: string) => value.nodes.find((one) => one.name === name)
    expect(value.plugins).toBeNull()
    expect(node('cube')).toEqual({ name: 'cube', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode', hparams: { normal_class_ids: [0], anomaly_class_ids: null } })
    expect(node('decider')).toEqual({ name: 'decider', class_name: 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider', hparams: { quantile: 0.9, reduce_dims: null, threshold: 0.5 } })
    expect(node('scores')?.hparams).toEqual({ name: null, execution_stages: null })
    expect(writeRepositoryPipeline(document).text).toMatch(/ eps: 1\.0e-8\n/)
    expect(writeRepositoryPipeline(parsePipeline('nodes: [{name: "on", class_name: lab.Thing, hparams: {a: "no", b: 2026-01-01}}]', 'p.yaml')).text).toMatch(/name: "on"[^]*a: "no"/)
  })

  it.each([
    ['a channel count that is not known', 'nodes: {cube: Cube, z: {type: ZScoreNormalizerGlobal, config: {num_channels: auto}}}', /^The node z takes num_channels from the cube, and the reference implementation needs a number/],
    ['a part that was not understood', 'nodes: {cube: Cube}\nconnections: [[a.b]]', /^The document cannot be written again/],
  ])('is refused for %s', async (_what, text, message) => {
    expect((await refusal(() => writeRepositoryPipeline(parsePipeline(text, 'p.yaml')))).message).toMatch(message)
  })

  it('keeps any names, values, unknown nodes and unknown keys', () => {
    const name = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', 'y', 'n', '1', '-', '_', ' ', ':', '#', '"', "'", 'é', '*', '&', '~') }).filter((text) => text.trim() === text && text !== '<<')
    const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null), fc.string(), fc.array(fc.integer(), { maxLength: 3 }), fc.dictionary(name, fc.integer(), { maxKeys: 2 }))
    const values = fc.dictionary(name, value, { maxKeys: 4 })
    const known = fc.constantFrom('cuvis_ai.anomaly.rx_detector.RXGlobal', 'cuvis_ai.anomaly.deep_svdd.ZScoreNormalizerGlobal', 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider', 'lab.Unknown')
    const node = fc.record({ name, class_name: known, hparams: values, note: value })
    const end = fc.tuple(name, name)
    const document = fc.record({
      metadata: fc.record({ name, description: name, tags: fc.array(name, { maxLength: 2 }) }),
      nodes: fc.uniqueArray(node, { maxLength: 4, selector: (one) => one.name }),
      connections: fc.array(fc.record({ source: end.map((ends) => ends.join('.outputs.')), target: end.map((ends) => ends.join('.inputs.')) }), { maxLength: 4 }),
      more: values,
    })
    fc.assert(fc.property(document, (one) => {
      const read = parsePipeline(JSON.stringify(one), 'p.yaml')
      const { text, differences } = writeRepositoryPipeline(read)
      expect(differences).toEqual([])
      expect(content(parsePipeline(text, 'p.yaml'))).toEqual(content(read))
    }), { seed: 5, numRuns: 200 })
  })
})

describe('the classes of the reference', () => {
  it('are classes that the reader takes for the same type', () => {
    const known = catalogue().flatMap(({ type }) => {
      const path = repositoryClass(type)
      return path === undefined ? [] : [[type, nodeType(path)?.description.type]]
    })
    expect(known.length).toBeGreaterThan(10)
    for (const [type, found] of known) expect(found).toBe(type)
    expect(repositoryClass('ConcreteBandSelector')).toBe('cuvis_ai.node.channel_mixer.ConcreteChannelMixer')
  })
})
