import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runPipeline } from '../../src/engine/inference/run'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { compileInference } from '../../src/engine/pipeline/compile'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { writeRepositoryPipeline } from '../../src/engine/pipeline/write-repository'
import { fitPipeline } from '../../src/engine/training/fit'
import type { WorkProgress } from '../../src/shared/reports'
import { request, writeScene } from '../training/scene'
import { FACTS, pipelineFrom, refusal, someState } from './documents'

/** A scoring pipeline with more around it. */
const document = (nodes = '', connections = ''): string => `
nodes:
  cube: {type: Cube}
  rx: {type: RXGlobal}
  decider: {type: QuantileBinaryDecider}
  metrics: {type: AnomalyDetectionMetrics}
${nodes}
connections:
  - [cube.cube, rx.data]
  - [rx.scores, decider.logits]
  - [decider.decisions, metrics.decisions]
  - [cube.mask, metrics.targets]
${connections}`

const VIEWER = document(`
  board: {type: cuvis_ai.node.monitor.TensorBoardMonitorNode, config: {run_name: a}}
  picture: {type: cuvis_ai.node.anomaly_visualization.AnomalyMask, config: {channel: 30}, note: kept}
  norm: {type: PerPixelUnitNorm}
  plot: {type: lab.Plot}`, `
  - [metrics.metrics, board.metrics]
  - [cube.cube, picture.cube]
  - [picture.artifacts, board.artifacts]
  - [plot.artifacts, board.artifacts]
  - [picture.image, norm.data]
  - [norm.normalized, plot.data]`)

describe('nodes of unknown types', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cuvette-unknown-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('are left out, with those behind them, where nothing needs them', () => {
    const summary = describePipeline(VIEWER, 'p.yaml', FACTS)
    expect(summary.problems).toEqual([])
    expect(summary.nodes.filter(({ known }) => !known).map(({ name }) => name).sort()).toEqual(['board', 'picture', 'plot'])
    expect(summary.connections).toHaveLength(10)
    expect(summary.warnings?.map(({ message, where }) => [message, where])).toEqual([
      ['The node board has the type cuvis_ai.node.monitor.TensorBoardMonitorNode, which this version does not know; it is left out, because nothing that is scored, trained or measured needs it.', 'nodes.board (line 8)'],
      ['The node picture has the type cuvis_ai.node.anomaly_visualization.AnomalyMask, which this version does not know; it is left out, because nothing that is scored, trained or measured needs it.', 'nodes.picture (line 9)'],
      ['The node plot has the type lab.Plot, which this version does not know; it is left out, because nothing that is scored, trained or measured needs it.', 'nodes.plot (line 11)'],
      ['The node norm (PerPixelUnitNorm) is left out with the node before it, whose type is not known.', 'nodes.norm (line 10)'],
    ])
    const pipeline = pipelineFrom(VIEWER)
    expect(pipeline.nodes.map(({ name }) => name)).toEqual(['cube', 'rx', 'decider', 'metrics'])
    expect(pipeline.warnings).toHaveLength(4)
    expect(compileInference(pipeline, someState(pipeline)).decisions).toEqual({ node: 'decider', port: 'decisions' })
  })

  it('run: the fit and the run say what is left out, and the trained pipeline keeps it', async () => {
    const cube = await writeScene(folder, 'scene')
    const out = join(folder, 'fitted')
    const said: string[] = []
    const context = { signal: new AbortController().signal, onProgress: (progress: WorkProgress) => void (progress.kind === 'warning' && said.push(progress.message)) }
    const report = await fitPipeline(request({ text: VIEWER, path: 'viewer.yaml' }, [cube], out), context)
    expect(report.warnings.filter((warning) => warning.includes('is left out'))).toHaveLength(4)
    const { pipeline } = await openTrainedPipeline(out)
    expect(pipeline.document.nodes.find(({ name }) => name === 'picture')).toMatchObject({ type: 'cuvis_ai.node.anomaly_visualization.AnomalyMask', config: { channel: 30 }, extra: { note: 'kept' } })
    expect(pipeline.document.connections).toHaveLength(10)
    said.length = 0
    await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'run'), format: 'npy', device: 'cpu' }, context)
    expect(said.filter((warning) => warning.includes('is left out'))).toHaveLength(4)
    expect(await readFile(join(out, 'pipeline.yaml'), 'utf8')).toContain('run_name: a')
  })

  it.each([
    ['a decider', document('  better: {type: lab.Detector}\n  second: {type: QuantileBinaryDecider}', '  - [cube.cube, better.data]\n  - [better.scores, second.logits]'), /^The node better has the type lab\.Detector, which this version does not know, and second needs it/],
    ['a metric', document('  better: {type: lab.Decider}\n  second: {type: AnomalyDetectionMetrics}', '  - [rx.scores, better.data]\n  - [better.decisions, second.decisions]\n  - [cube.mask, second.targets]'), /and second needs it/],
    ['a decider and a metric', document('  labels: {type: lab.Mapper}\n  norm: {type: PerPixelUnitNorm}\n  second: {type: QuantileBinaryDecider}\n  third: {type: AnomalyDetectionMetrics}', '  - [cube.cube, labels.data]\n  - [labels.cube, norm.data]\n  - [norm.normalized, second.logits]\n  - [labels.x, third.decisions]\n  - [cube.mask, third.targets]'), /and second, third need it/],
    ['all scores', 'nodes: {cube: Cube, x: {type: lab.Detector}}\nconnections: [[cube.cube, x.data]]', /^The node x has the type lab\.Detector, which this version does not know; run "cuvette nodes"/],
    ['the last scores, where no decider chooses', 'nodes: {cube: Cube, rx: RXGlobal, x: {type: lab.Net}, other: RXGlobal}\nconnections: [[cube.cube, rx.data], [cube.cube, x.data], [x.out, other.data]]', /and other needs it/],
  ])('are a problem where %s would miss them', async (_what, text, message) => {
    const { problems } = describePipeline(text, 'p.yaml', null)
    expect(problems).toHaveLength(1)
    expect(problems[0].message).toMatch(message)
    expect((await refusal(() => pipelineFrom(text))).code).toBe('bad-pipeline')
  })

  it('are a problem when a known name was nearly written', () => {
    expect(describePipeline(document('  second: {type: QuantileBinaryDecidr}', '  - [rx.scores, second.logits]'), 'p.yaml', null).problems.map(({ message }) => message)).toEqual(['The node second has the type QuantileBinaryDecidr, which this version does not know; did you mean QuantileBinaryDecider?'])
  })

  it('keep their edges in both dialects', () => {
    const { text } = writeRepositoryPipeline(parsePipeline(VIEWER.replaceAll('AnomalyDetectionMetrics', 'lab.Metrics'), 'p.yaml'))
    const again = parsePipeline(text, 'p.yaml')
    expect(again.nodes.map(({ name }) => name)).toContain('plot')
    expect(again.connections.map(({ from, to }) => `${from.node}.${from.port} ${to.node}.${to.port}`)).toEqual(expect.arrayContaining(['picture.artifacts board.artifacts', 'norm.normalized plot.data', 'cube.mask metrics.targets']))
  })

  it('hundreds of them are judged in no time', () => {
    const count = 400
    const nodes = Array.from({ length: count }, (_, index) => `  n${index}: {type: ${index % 2 ? 'lab.Thing' : 'PerPixelUnitNorm'}}`).join('\n')
    const connections = Array.from({ length: count }, (_, index) => `  - [${index === 0 ? 'cube.cube' : `n${index - 1}.${index % 2 ? 'normalized' : 'out'}`}, n${index}.data]`).join('\n')
    const started = performance.now()
    expect(describePipeline(document(nodes, connections), 'p.yaml', FACTS).warnings).toHaveLength(count - 1)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})

describe('execution stages', () => {
  const repository = (className: string, stages: unknown): string => JSON.stringify({
    nodes: [
      { name: 'cube', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode' },
      { name: 'rx', class_name: 'cuvis_ai.anomaly.rx_detector.RXGlobal' },
      { name: 'decider', class_name: 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider' },
      { name: 'n', class_name: className, hparams: { execution_stages: stages } },
    ],
    connections: [
      { source: 'cube.outputs.cube', target: 'rx.inputs.data' }, { source: 'rx.outputs.scores', target: 'decider.inputs.logits' },
      ...(className.endsWith('Metrics') ? [{ source: 'decider.outputs.decisions', target: 'n.inputs.decisions' }, { source: 'cube.outputs.mask', target: 'n.inputs.targets' }] : [{ source: 'cube.outputs.cube', target: 'n.inputs.data' }]),
    ],
  })

  it.each([null, 'always', ['always'], ['train', 'val', 'test', 'inference'], ['always', 'train']])('%j of any node is what happens here', (stages) => {
    expect(describePipeline(repository('cuvis_ai.node.normalization.PerPixelUnitNorm', stages), 'p.yaml', FACTS).problems).toEqual([])
  })

  it.each([
    [['train'], /^The node n \(PerPixelUnitNorm\) is not to run in the stages val, test, inference, but here a transform runs wherever its outputs are needed; take execution_stages out of it\.$/],
    [['train', 'val', 'test'], /is not to run in the stage inference,/],
    [['training'], /names the stage training; the stages are always, train, val, test and inference\.$/],
  ])('%j of a transform is refused', (stages, message) => {
    const { problems } = describePipeline(repository('cuvis_ai.node.normalization.PerPixelUnitNorm', stages), 'p.yaml', FACTS)
    expect(problems.map((problem) => problem.message)).toEqual([expect.stringMatching(message)])
  })

  it('decide whether a metric is measured in validation', async () => {
    const { measuredNodes } = await import('../../src/engine/pipeline/compile')
    const measured = (stages: unknown): string[] => measuredNodes(pipelineFrom(repository('cuvis_ai.node.metrics.AnomalyDetectionMetrics', stages))).map(({ node }) => node.name)
    expect([measured(null), measured(['val']), measured(['test']), measured(['always'])]).toEqual([['n'], ['n'], [], ['n']])
  })
})
