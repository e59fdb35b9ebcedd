import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { DEEP_SVDD, refusal } from './documents'

describe('the short dialect', () => {
  it('reads nodes, connections, trainer and unknown keys', () => {
    const document = parsePipeline(`${DEEP_SVDD}\nauthor: someone\n`, '/data/my-pipeline.yaml')
    expect(document).toMatchObject({ dialect: 'short', name: 'Deep SVDD', description: 'A test', trainer: { epochs: 4 }, extra: { author: 'someone' }, problems: [] })
    expect(document.nodes.map(({ name }) => name)).toEqual(['cube', 'bandpass', 'unit', 'encoder', 'projection', 'center', 'loss', 'scores', 'decider', 'metrics'])
    expect(document.nodes[1]).toMatchObject({ type: 'BandpassByWavelength', config: { min_wavelength_nm: 450, max_wavelength_nm: 900 }, place: { key: 'nodes.bandpass', line: 6 } })
    expect(document.connections[0]).toEqual({ from: { node: 'cube', port: 'cube' }, to: { node: 'bandpass', port: 'data' }, place: { key: 'connections.0', line: 16 } })
    expect(document.lineOf('trainer.unfreeze')).toBe(32)
  })

  it('names a document without a name after its file', () => {
    expect(parsePipeline('nodes: {cube: Cube}', '/data/my-pipeline.yaml').name).toBe('my-pipeline')
  })

  it('knows types by their class paths and aliases, and ports by the names of the published examples', () => {
    const { nodes, connections } = parsePipeline(`
      nodes:
        data: {type: cuvis_ai.node.data.LentilsAnomalyDataNode}
        preprocessor: {type: BandpassByWavelength}
        normalizer: {type: PerPixelUnitNorm}
        encoder: {type: DeepSVDDEncoder}
        rx: RXGlobal
        decider: QuantileBinaryDecider
      connections:
        - [data.cube, preprocessor.data]
        - [preprocessor.output, normalizer.data]
        - [normalizer.output, encoder.data]
        - [encoder.normalized, rx.data]
        - [rx.scores, decider.scores]`, 'p.yaml')
    expect(nodes.map(({ type }) => type)).toEqual(['Cube', 'BandpassByWavelength', 'PerPixelUnitNorm', 'ZScoreNormalizerGlobal', 'RXGlobal', 'QuantileBinaryDecider'])
    expect(connections.map(({ from, to }) => `${from.port} -> ${to.port}`)).toEqual(['cube -> data', 'filtered -> data', 'normalized -> data', 'normalized -> data', 'scores -> logits'])
  })

  it('keeps nodes of unknown types with all their edges', () => {
    const { nodes, connections, problems } = parsePipeline(`
      nodes:
        cube: {type: Cube}
        detector: {type: lab.Detector9000, config: {nested: {deep: [1, {a: b}]}}, position: [10, 20]}
      connections: [[cube.cube, detector.rgb], [detector.heat, cube.nothing]]`, 'p.yaml')
    expect(nodes[1]).toMatchObject({ type: 'lab.Detector9000', config: { nested: { deep: [1, { a: 'b' }] } }, extra: { position: [10, 20] } })
    expect(connections).toHaveLength(2)
    expect(problems).toEqual([])
  })

  it('follows anchors and merges', () => {
    const { nodes } = parsePipeline('base: &base {quantile: 0.9}\nnodes:\n  a: {type: QuantileBinaryDecider, config: {<<: *base, nan_policy: omit}}\n  b: {type: QuantileBinaryDecider, config: *base}', 'p.yaml')
    expect(nodes.map(({ config }) => config)).toEqual([{ quantile: 0.9, nan_policy: 'omit' }, { quantile: 0.9 }])
  })

  it.each([
    ['no nodes', 'connections: []', 'nodes', /^The document has no nodes/],
    ['nodes that are a text', 'nodes: all', 'nodes (line 1)', /^The nodes are the text "all"; a mapping/],
    ['a node that is a list', 'nodes:\n  a: [1]', 'nodes.a (line 2)', /^The node a is the list \[1\]; \{type/],
    ['a node without a type', 'nodes:\n  a: {config: {}}', 'nodes.a (line 2)', /^The node a states no type; the name of a node type is expected\.$/],
    ['a config that is a number', 'nodes:\n  a:\n    type: Cube\n    config: 3', 'nodes.a.config (line 4)', /^The config of a is 3; a mapping/],
    ['connections that are a mapping', 'nodes: {a: Cube}\nconnections: {a: b}', 'connections (line 2)', /^The connections are a mapping; a list of pairs/],
    ['a connection of three', 'nodes: {a: Cube}\nconnections:\n  - [a.b, c.d, e.f]', 'connections.0 (line 3)', /^Connection 1 is the list \[a.b, c.d, e.f\]; a pair/],
    ['a connection without a port', 'nodes: {a: Cube}\nconnections:\n  - [a, c.d]', 'connections.0 (line 3)', /^Connection 1 is the list \[a, c.d\]; a pair/],
    ['two nodes of one name', 'nodes:\n  a: Cube\n  b: Cube\n  a: RXGlobal', 'nodes.a (line 4)', /^The key a stands twice, in lines 2 and 4; keep one/],
    ['a trainer that is a list', 'nodes: {a: Cube}\ntrainer: [1]', 'trainer (line 2)', /^The trainer section is the list \[1\]; a mapping/],
    ['a name that is a list', 'name: [1]\nnodes: {a: Cube}', 'name (line 1)', /^The name is the list \[1\]; a text is expected\.$/],
    ['a key that is a list', 'nodes:\n  ? [1]\n  : Cube', 'nodes (line 2)', /^A key of the document is a list/],
  ])('opens a document with %s and says so', (_what, text, where, message) => {
    const { problems } = parsePipeline(text, 'p.yaml')
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ code: 'bad-pipeline', path: 'p.yaml', where })
    expect(problems[0].message).toMatch(message)
  })

  it.each([
    ['text that is not YAML', 'nodes: [1,', /^The document is not valid YAML: .*\.$/, 'line 1'],
    ['an empty text', '', /^The document is nothing; a pipeline is a mapping/, undefined],
    ['a list', '- 1\n- 2', /^The document is the list \[1, 2\]; a pipeline is a mapping/, undefined],
    ['a sentence', 'hello there', /^The document is the text "hello there"/, undefined],
    ['two documents', 'nodes: {}\n---\nnodes: {}', /^The text holds 2 YAML documents/, undefined],
    ['nesting without end', `nodes: ${'['.repeat(20_000)}`, /^The document is not valid YAML: it is nested too deeply\.$|^The document is not valid YAML: /, 'line 1'],
    ['anchors that stand for billions', Array.from({ length: 12 }, (_, level) => `a${level}: &a${level} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*a${level - 1}`)).join(', ')}]`).join('\n'), /^The document is larger or deeper than a pipeline can be/, undefined],
    ['an anchor inside itself', 'nodes: &a {b: *a}', /^The document is larger or deeper than a pipeline can be/, undefined],
    ['megabytes', `# ${'x'.repeat(5_000_000)}`, /^The document has 5000002 characters/, undefined],
  ])('refuses %s in one sentence', async (_what, text, message, where) => {
    const error = await refusal(() => parsePipeline(text, 'p.yaml'))
    expect(error.code).toBe('bad-pipeline')
    expect(error.path).toBe('p.yaml')
    expect(error.message).toMatch(message)
    if (where) expect(error.where).toBe(where)
  })

  it('is not fooled by names that objects already have', () => {
    const { nodes, problems } = parsePipeline('nodes:\n  __proto__: {type: Cube}\n  constructor: {type: toString, config: {__proto__: 3}}', 'p.yaml')
    expect(problems).toEqual([])
    expect(nodes.map(({ name, type }) => [name, type])).toEqual([['__proto__', 'Cube'], ['constructor', 'toString']])
  })
})

describe('the repository dialect', () => {
  const text = `
metadata: {name: From the repository, description: As saved, cuvis_ai_version: 0.5.0}
plugins: null
nodes:
  - name: data
    class_name: cuvis_ai.node.data.LentilsAnomalyDataNode
    hparams: {normal_class_ids: [0, 1]}
  - name: z
    class_name: cuvis_ai.anomaly.deep_svdd.ZScoreNormalizerGlobal
    hparams: {num_channels: 6, eps: 1.0e-08, sample_n: 10, hidden: 128}
  - class_name: cuvis_ai.anomaly.rx_detector.RXGlobal
  - class_name: cuvis_ai.anomaly.rx_detector.RXGlobal
  - name: unknown
    class_name: cuvis_ai.node.video.ToVideoNode
    hparams: {fps: 3}
connections:
  - {source: data.outputs.cube, target: z.inputs.data}
  - {source: z.outputs.normalized, target: RXGlobal.inputs.data}
  - {source: RXGlobal-1.outputs.scores, target: unknown.inputs.rgb_image}
`

  it('reads nodes with the parameters that reproduce the reference', () => {
    const document = parsePipeline(text, 'saved.yaml')
    expect(document).toMatchObject({ dialect: 'repository', name: 'From the repository', description: 'As saved', trainer: null, problems: [] })
    expect(document.nodes.map(({ name, type }) => [name, type])).toEqual([
      ['data', 'Cube'], ['z', 'ZScoreNormalizerGlobal'], ['RXGlobal', 'RXGlobal'], ['RXGlobal-1', 'RXGlobal'], ['unknown', 'cuvis_ai.node.video.ToVideoNode'],
    ])
    // The reference ignores sample_n and hidden: the first is ours and says "all pixels", the second is kept aside.
    expect(document.nodes[1]).toMatchObject({ config: { num_channels: 6, eps: 1e-8, sample_n: null, ddof: 1 }, extra: { ignored_hparams: { sample_n: 10, hidden: 128 } } })
    expect(document.nodes[2].config).toEqual({ form: 'inverse' })
    expect(document.nodes[4].config).toEqual({ fps: 3 })
    expect(document.connections.map(({ from, to }) => `${from.node}.${from.port} -> ${to.node}.${to.port}`)).toEqual([
      'data.cube -> z.data', 'z.normalized -> RXGlobal.data', 'RXGlobal-1.scores -> unknown.rgb_image',
    ])
  })

  it('reads a training run, flat or nested', () => {
    const run = (training: string): string => `pipeline:\n  nodes:\n    - {name: n, class_name: PerPixelUnitNorm}\n${training}\nunfreeze_nodes: [n]\nloss_nodes: []\ndata: {batch_size: 4}\n`
    const expected = { epochs: 7, seed: 42, parameters: 'all', shuffle: false, batch: { frames: 4 }, gradient_clip: 1, unfreeze: ['n'], losses: [], optimizer: { lr: 0.01, weight_decay: 0 } }
    expect(parsePipeline(run('training: {max_epochs: 7, gradient_clip_val: 1.0, optimizer: {lr: 0.01}}'), 'p').trainer).toMatchObject(expected)
    expect(parsePipeline(run('training: {trainer: {max_epochs: 7, gradient_clip_val: 1.0}, optimizer: {lr: 0.01}}'), 'p').trainer).toMatchObject(expected)
    const { trainer } = parsePipeline(run('training: {scheduler: {name: reduce_on_plateau, monitor: x/iou, mode: max, warmup_epochs: 3, verbose: true}, callbacks: {early_stopping: [{monitor: val_loss, patience: 2, verbose: true}]}}'), 'p')
    expect(trainer).toMatchObject({ scheduler: { name: 'reduce_on_plateau', monitor: 'x/iou', mode: 'max' }, early_stopping: { monitor: 'val_loss', patience: 2 } })
    expect(trainer).not.toHaveProperty('scheduler.warmup_epochs')
  })

  it.each([
    ['a node without a class', 'nodes: [{name: a}]', 'nodes.0 (line 1)', /^This node is without a class_name/],
    ['a node that is a text', 'nodes: [a]', 'nodes.0 (line 1)', /^This node is the text "a"/],
    ['hparams that are a list', 'nodes: [{name: a, class_name: PerPixelUnitNorm, hparams: [1]}]', 'nodes.0.hparams (line 1)', /^The hparams are the list \[1\]/],
    ['a source without "outputs"', 'nodes: []\nconnections:\n  - {source: n.normalized, target: r.inputs.data}', 'connections.0 (line 3)', /^The source of connection 1 is the text "n.normalized"; the form node\.outputs\.port is expected/],
    ['a target without "inputs"', 'nodes: []\nconnections:\n  - {source: n.outputs.normalized, target: r.data}', 'connections.0 (line 3)', /^The target of connection 1 is the text "r.data"; the form node\.inputs\.port is expected/],
    ['a run that names its pipeline by path', 'pipeline: configs/p.yaml\ntraining: {}', 'pipeline (line 1)', /^The pipeline of this training run is the text "configs\/p.yaml"; open the pipeline document itself/],
  ])('opens a document with %s and says so', (_what, source, where, message) => {
    const [problem] = parsePipeline(source, 'p.yaml').problems
    expect(problem).toMatchObject({ code: 'bad-pipeline', where })
    expect(problem.message).toMatch(message)
  })
})
