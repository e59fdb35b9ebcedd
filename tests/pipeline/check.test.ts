import { describe, expect, it } from 'vitest'
import { checkPipeline, resolvePipeline } from '../../src/engine/pipeline/check'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { CubeFacts } from '../../src/engine/pipeline/pipeline'
import { DEEP_SVDD, FACTS, pipelineFrom, refusal } from './documents'

function problems(text: string, facts: CubeFacts | null = FACTS) {
  return checkPipeline(parsePipeline(text, 'p.yaml'), facts)
}

/** A pipeline in one line: nodes and connections in flow style, with RX at the end so that there are scores. */
function written(nodes: string, connections: string): string {
  return `nodes: {cube: Cube, rx: RXGlobal, ${nodes}}\nconnections: [${connections}]`
}

const scored = '[cube.cube, rx.data]'

describe('a good document', () => {
  it('has no problems, with and without a cube', () => {
    expect(problems(DEEP_SVDD)).toEqual([])
    expect(problems(DEEP_SVDD, null)).toEqual([])
  })

  it('resolves to nodes in order, with channel counts of what arrives', () => {
    const { nodes, trainer, name } = pipelineFrom(DEEP_SVDD)
    expect(name).toBe('Deep SVDD')
    expect(nodes.map((node) => node.name)).toEqual(['cube', 'bandpass', 'unit', 'encoder', 'projection', 'center', 'loss', 'scores', 'decider', 'metrics'])
    const parameters = Object.fromEntries(nodes.map((node) => [node.name, node.parameters]))
    expect(parameters.encoder).toEqual({ num_channels: 5, sample_n: 1000, seed: 0, eps: 1e-8, ddof: 1 })
    expect(parameters.projection).toMatchObject({ in_channels: 5, hidden: 6, rep_dim: 3 })
    expect(parameters.center).toMatchObject({ rep_dim: 3, alpha: 0.1 })
    expect(nodes.find((node) => node.name === 'scores')?.inputs).toEqual({ embeddings: { node: 'projection', port: 'embeddings' }, center: { node: 'center', port: 'center' } })
    expect(trainer).toMatchObject({ epochs: 4, unfreeze: ['projection'], losses: ['loss'] })
  })

  it('takes epochs, seed and learning rate from the caller', () => {
    const { trainer } = resolvePipeline(parsePipeline(`${DEEP_SVDD}  scheduler: {name: cosine}`, 'p.yaml'), FACTS, { epochs: 9, seed: 3, learningRate: 0.5 })
    expect(trainer).toMatchObject({ epochs: 9, seed: 3, optimizer: { learningRate: 0.5 }, scheduler: { name: 'cosine', epochs: 9 } })
  })
})

describe('what is wrong is said in one sentence, with its place', () => {
  it.each<[string, string, string, RegExp, CubeFacts?]>([
    ['an unknown type, with the nearest one', written('z: ZScoreNormaliserGlobal', scored), 'nodes.z (line 1)', /^The node z has the type ZScoreNormaliserGlobal, which this version does not know; did you mean ZScoreNormalizerGlobal\?$/],
    ['an unknown type that is needed', written('z: {type: lab.Thing}, d: QuantileBinaryDecider', `${scored}, [rx.scores, z.in], [z.out, d.logits]`), 'nodes.z (line 1)', /^The node z has the type lab.Thing, which this version does not know, and d needs it; run "cuvette nodes" for those it knows\.$/],
    ['a bad node name', written('"a.b": PerPixelUnitNorm', `${scored}, [cube.cube, a.b.data]`), 'nodes.a.b (line 1)', /^The node name "a.b" is empty, has spaces at an end or one of the characters "\." and "\/"; choose another\.$/],
    ['an unknown node in a connection', written('n: PerPixelUnitNorm', `${scored}, [cub.cube, n.data]`), 'connections.1 (line 2)', /^A connection names the node cub, which the document does not have; did you mean cube\?$/],
    ['an unknown output', written('n: PerPixelUnitNorm', `${scored}, [cube.pixels, n.data]`), 'connections.1 (line 2)', /^The node cube \(Cube\) has no output pixels; it has cube, wavelengths, mask\.$/],
    ['an unknown input', written('n: PerPixelUnitNorm', `${scored}, [cube.cube, n.image]`), 'connections.1 (line 2)', /^The node n \(PerPixelUnitNorm\) has no input image; it has data\.$/],
    ['an input as a source', written('n: PerPixelUnitNorm, m: PerPixelUnitNorm', `${scored}, [cube.cube, n.data], [n.data, m.data]`), 'connections.2 (line 2)', /has no output data; it has normalized; data is an input\.$/],
    ['an element type', written('n: PerPixelUnitNorm', `${scored}, [cube.mask, n.data]`), 'connections.1 (line 2)', /^The output cube.mask does not fit the input n.data: it is bool, expected float32\.$/],
    ['a rank', written('s: DeepSVDDScores, p: DeepSVDDProjection', `${scored}, [cube.cube, p.data], [p.embeddings, s.embeddings], [p.embeddings, s.center]`), 'connections.3 (line 2)', /^The output p.embeddings does not fit the input s.center: it has 4 dimensions, expected 1 dimension\.$/],
    ['a fixed size', written('m: AnomalyDetectionMetrics, d: QuantileBinaryDecider', `${scored}, [rx.scores, d.logits], [d.decisions, m.decisions], [cube.mask, m.targets], [cube.cube, m.logits]`), 'nodes.m (line 1)', /^The input m.logits \(AnomalyDetectionMetrics\) expects 1 channel, but cube.cube brings 8\.$/],
    ['a missing input', written('n: PerPixelUnitNorm', scored), 'nodes.n (line 1)', /^The node n \(PerPixelUnitNorm\) lacks its input data; connect an output to n.data\.$/],
    ['two sources for one input', written('n: PerPixelUnitNorm', `${scored}, [cube.cube, n.data], [rx.scores, n.data]`), 'connections.2 (line 2)', /^The input n.data has two sources, cube.cube and rx.scores; keep one of the connections\.$/],
    ['a cycle', written('a: PerPixelUnitNorm, b: PerPixelUnitNorm', `${scored}, [a.normalized, b.data], [b.normalized, a.data]`), 'nodes.a (line 1)', /^The connections form a cycle: a -> b -> a; remove one of them\.$/],
    ['a text for a number', 'nodes:\n  cube: Cube\n  rx:\n    type: RXGlobal\n    config:\n      eps: small\nconnections: [[cube.cube, rx.data]]', 'nodes.rx.config.eps (line 6)', /^The node rx \(RXGlobal\) has the text "small" as eps; a number of at least 0 is expected\.$/],
    ['a number below its range', written('p: {type: DeepSVDDProjection, config: {hidden: 0}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.hidden (line 1)', /has 0 as hidden; an integer of at least 1 is expected\.$/],
    ['a number at an open end', written('p: {type: DeepSVDDProjection, config: {gamma: 0}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.gamma (line 1)', /has 0 as gamma; a number above 0 or null is expected\.$/],
    ['a fraction for an integer', written('p: {type: DeepSVDDProjection, config: {hidden: 2.5}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.hidden (line 1)', /has 2.5 as hidden; an integer/],
    ['an infinite number', written('n: {type: PerPixelUnitNorm, config: {eps: .inf}}', `${scored}, [cube.cube, n.data]`), 'nodes.n.config.eps (line 1)', /has Infinity as eps; a number above 0 is expected\.$/],
    ['an unknown choice', written('p: {type: DeepSVDDProjection, config: {kernel: poly}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.kernel (line 1)', /has the text "poly" as kernel; "linear" or "rbf" is expected\.$/],
    ['null where nothing is not meant', written('p: {type: DeepSVDDProjection, config: {hidden: null}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.hidden (line 1)', /has nothing as hidden; an integer/],
    ['an unknown parameter, with the nearest one', written('p: {type: DeepSVDDProjection, config: {hiden: 3}}', `${scored}, [cube.cube, p.data]`), 'nodes.p.config.hiden (line 1)', /^The node p \(DeepSVDDProjection\) has no parameter hiden; did you mean hidden\.$/],
    ['a parameter for a node without any', written('p: DeepSVDDProjection, t: DeepSVDDCenterTracker, s: {type: DeepSVDDScores, config: {power: 2}}', `${scored}, [cube.cube, p.data], [p.embeddings, t.embeddings], [p.embeddings, s.embeddings], [t.center, s.center]`), 'nodes.s.config.power (line 1)', /has no parameter power; it takes none\.$/],
    ['a rule between parameters', written('b: {type: BandpassByWavelength, config: {min_wavelength_nm: 700, max_wavelength_nm: 500}}', `${scored}, [cube.cube, b.data]`), 'nodes.b.config.min_wavelength_nm (line 1)', /^The node b \(BandpassByWavelength\): The range starts at 700 nm and ends at 500 nm/],
    ['a channel count that does not arrive', written('z: {type: ZScoreNormalizerGlobal, config: {num_channels: 50}}', `${scored}, [cube.cube, z.data]`), 'nodes.z.config.num_channels (line 1)', /^The node z \(ZScoreNormalizerGlobal\) expects 50 channels at its input data, but cube.cube brings 8; set num_channels to 8 or leave it out\.$/],
    ['a band-pass that leaves no band', written('b: {type: BandpassByWavelength, config: {min_wavelength_nm: 1000, max_wavelength_nm: 2500}}', `${scored}, [cube.cube, b.data]`), 'nodes.b.config.min_wavelength_nm (line 1)', /The band-pass from 1000 nm to 2500 nm leaves no band of the cube, whose wavelengths run from 400 nm to 950 nm; choose a range inside\.$/],
    ['a band-pass on a cube without wavelengths', written('b: {type: BandpassByWavelength, config: {max_wavelength_nm: 700}}', `${scored}, [cube.cube, b.data]`), 'nodes.b.config.min_wavelength_nm (line 1)', /The band-pass to 700 nm needs wavelengths, and the cube states none; attach wavelengths to the cube or remove the limits\.$/, { channels: 8, wavelengthsNm: null }],
    ['a band-pass behind another', written('b: {type: BandpassByWavelength, config: {max_wavelength_nm: 700}}, c: {type: BandpassByWavelength, config: {min_wavelength_nm: 500}}', `${scored}, [cube.cube, b.data], [b.filtered, c.data]`), 'nodes.c (line 1)', /gets 6 channels but 8 wavelengths; it must come before any node that changes the bands\.$/],
    ['sizes of two inputs that differ', written('p: {type: DeepSVDDProjection, config: {rep_dim: 4}}, q: {type: DeepSVDDProjection, config: {rep_dim: 3}}, t: DeepSVDDCenterTracker, s: DeepSVDDScores', `${scored}, [cube.cube, p.data], [cube.cube, q.data], [q.embeddings, t.embeddings], [p.embeddings, s.embeddings], [t.center, s.center]`), 'nodes.s (line 1)', /^The inputs of s \(DeepSVDDScores\) must agree, but p.embeddings brings 4 values to embeddings and t.center brings 3 to center\.$/],
    ['a decider of many channels', written('d: QuantileBinaryDecider', `${scored}, [cube.cube, d.logits]`), 'nodes.d (line 1)', /^The output d.decisions \(QuantileBinaryDecider\) cannot be made of these inputs: axis 3 has the size 8, expected 1\.$/],
    ['classes that are normal and anomalous', 'nodes: {cube: {type: Cube, config: {normal_class_ids: [0, 2], anomaly_class_ids: [2]}}, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]', 'nodes.cube.config.anomaly_class_ids (line 1)', /Class 2 is listed as normal and as anomalous; list each class once\.$/],
    ['no scores at all', 'nodes: {cube: Cube, n: PerPixelUnitNorm}\nconnections: [[cube.cube, n.data]]', 'nodes (line 1)', /^No node of the pipeline makes scores/],
  ])('%s', (_what, text, where, message, facts = FACTS) => {
    const found = problems(text, facts)
    expect(found.map((problem) => problem.message)).toHaveLength(1)
    expect(found[0].message).toMatch(message)
    expect(found[0]).toMatchObject({ code: 'bad-pipeline', path: 'p.yaml', where })
  })

  it('the first one stops a run, and says how many more there are', async () => {
    const text = written('z: {type: ZScoreNormalizerGlobal, config: {num_channels: 50, eps: -1}}, n: PerPixelUnitNorm', `${scored}, [cube.cube, z.data]`)
    const error = await refusal(() => resolvePipeline(parsePipeline(text, 'p.yaml'), FACTS))
    expect(error.code).toBe('bad-pipeline')
    expect(error.message).toMatch(/^The node z .* \(and 2 more problems\)\.$/)
  })

  it('channels and wavelengths are left open while there is no cube', () => {
    expect(problems(written('z: {type: ZScoreNormalizerGlobal, config: {num_channels: 50}}, b: {type: BandpassByWavelength, config: {min_wavelength_nm: 5000}}', `${scored}, [cube.cube, z.data], [cube.cube, b.data]`), null)).toEqual([])
  })
})

describe('the summary', () => {
  it('shows nodes, parameters, connections and epochs', () => {
    const summary = describePipeline(DEEP_SVDD, 'p.yaml', FACTS)
    expect(summary).toMatchObject({ name: 'Deep SVDD', epochs: 4, problems: [] })
    expect(summary.nodes.find(({ name }) => name === 'encoder')).toEqual({ name: 'encoder', type: 'ZScoreNormalizerGlobal', known: true, parameters: { num_channels: 5, sample_n: 1000, seed: 0, eps: 1e-8, ddof: 1 }, problems: [] })
    expect(summary.connections).toContainEqual({ from: 'scores.scores', to: 'decider.logits' })
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
  })

  it('keeps "auto" while no cube is known', () => {
    expect(describePipeline(DEEP_SVDD, 'p.yaml', null).nodes.find(({ name }) => name === 'encoder')?.parameters.num_channels).toBe('auto')
  })

  it('shows an unknown node with its edges, and its problem on it', () => {
    const { nodes, connections, problems: all } = describePipeline('nodes: {cube: Cube, x: {type: lab.Thing, config: {a: 1, b: {c: 2}}}}\nconnections: [[cube.cube, x.anything], [x.out, x.in]]', 'p.yaml', null)
    const unknown = nodes.find(({ name }) => name === 'x')
    expect(unknown).toMatchObject({ type: 'lab.Thing', known: false, parameters: { a: 1 } })
    expect(unknown?.problems.map(({ message }) => message.slice(0, 20))).toEqual(['The node x has the t', 'The connections form'])
    expect(connections).toHaveLength(2)
    expect(all).toEqual(unknown?.problems)
  })

  it('never throws', () => {
    for (const text of ['', '[', 'nodes: 3', 'a: *b', '\u0000', 'nodes: {a: {type: 3, config: {x: 1}}}\nconnections: 7\ntrainer: 4']) {
      expect(describePipeline(text, 'p.yaml', null).problems.length, text).toBeGreaterThan(0)
    }
  })
})
