import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { writePipeline } from '../../src/engine/pipeline/write-document'
import { DEEP_SVDD, refusal } from './documents'

/** What a document says, without its places and its file. */
function content(text: string) {
  const { name, description, nodes, connections, trainer, extra, problems } = parsePipeline(text, 'p.yaml')
  return {
    name, description, trainer, extra, problems,
    nodes: nodes.map(({ name: node, type, config, extra: rest }) => ({ node, type, config, rest })),
    connections: connections.map(({ from, to }) => ({ from, to })),
  }
}

describe('writing a document', () => {
  it('says the same again, in the same bytes', () => {
    const written = writePipeline(parsePipeline(`${DEEP_SVDD}\nauthor: someone`, 'p.yaml'))
    expect(content(written)).toEqual(content(`${DEEP_SVDD}\nauthor: someone`))
    expect(writePipeline(parsePipeline(written, 'q.yaml'))).toBe(written)
    expect(written).toContain('  - [cube.cube, bandpass.data]\n')
  })

  it('keeps unknown types, their edges and their parameters', () => {
    const text = 'nodes:\n  a: {type: lab.Detector, config: {x: {y: [1, 2, {z: null}]}}, note: "yes"}\n  b: {type: Other}\nconnections: [[a.p, b.q]]\nplugins: [one]\n'
    expect(content(writePipeline(parsePipeline(text, 'p.yaml')))).toEqual(content(text))
  })

  it('turns the repository dialect into the short one', () => {
    const text = JSON.stringify({
      metadata: { name: 'Saved', description: 'By the reference' },
      nodes: [
        { name: 'data', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode', hparams: { normal_class_ids: [0] } },
        { name: 'z', class_name: 'cuvis_ai.anomaly.deep_svdd.ZScoreNormalizerGlobal', hparams: { num_channels: 6, hidden: 1 } },
        { name: 'u', class_name: 'cuvis_ai.node.unknown.Thing', hparams: { a: 1 } },
      ],
      connections: [{ source: 'data.outputs.cube', target: 'z.inputs.data' }, { source: 'z.outputs.normalized', target: 'u.inputs.x' }],
    })
    const written = writePipeline(parsePipeline(text, 'p.yaml'))
    const again = parsePipeline(written, 'p.yaml')
    expect(again).toMatchObject({ dialect: 'short', name: 'Saved', description: 'By the reference', problems: [] })
    expect(again.nodes[1]).toMatchObject({ type: 'ZScoreNormalizerGlobal', config: { num_channels: 6, sample_n: null, ddof: 1 }, extra: { ignored_hparams: { hidden: 1 } } })
    expect(again.nodes[2].type).toBe('cuvis_ai.node.unknown.Thing')
    expect(again.connections.map(({ from, to }) => `${from.node}.${from.port} ${to.node}.${to.port}`)).toEqual(['data.cube z.data', 'z.normalized u.x'])
    expect(writePipeline(again)).toBe(written)
  })

  it('is not done when a part was not understood, because that part would be lost', async () => {
    const error = await refusal(() => writePipeline(parsePipeline('nodes: {a: Cube}\nconnections: [[a.b]]', 'p.yaml')))
    expect(error).toMatchObject({ code: 'bad-pipeline', where: 'connections.0 (line 2)' })
    expect(error.message).toMatch(/cannot be written again.*Connection 1/)
  })

  it('survives any names, texts and values', () => {
    const name = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', 'B', '1', '-', '_', ' ', ':', '#', '"', "'", 'é', '*', '&', '~') }).filter((text) => text.trim() === text && text !== '<<')
    const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null), fc.string(), fc.array(fc.integer(), { maxLength: 3 }))
    const values = fc.dictionary(name, value, { maxKeys: 4 })
    const document = fc.record({ name: fc.string({ minLength: 1 }), nodes: fc.dictionary(name, fc.record({ type: name, config: values }), { maxKeys: 4 }) })
    fc.assert(fc.property(document, (one) => {
      const text = JSON.stringify({ ...one, connections: Object.keys(one.nodes).map((node) => [`${node}.out`, `${node}.in`]) })
      const written = writePipeline(parsePipeline(text, 'p.yaml'))
      expect(content(written)).toEqual(content(text))
    }), { numRuns: 200, seed: 1 })
  })
})
