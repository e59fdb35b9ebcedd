import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runPipeline } from '../../src/engine/inference/run'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { writeRepositoryPipeline } from '../../src/engine/pipeline/write-repository'
import { fitPipeline } from '../../src/engine/training/fit'
import { ANOMALIES, observed, request, scenePixels, SHAPE, temporaryFolder, writeScene } from '../training/scene'

// Documents of the reference whose classes are listed by a node behind the one that brings the data.

const facts = { channels: 6, wavelengthsNm: null }

function saved(hparams: Record<string, unknown>, data: Record<string, unknown> = {}, maskFrom = 'data.outputs.mask') {
  return JSON.stringify({
    metadata: { name: 'Mapped' },
    nodes: [
      { name: 'data', class_name: 'cuvis_ai.node.data.CU3SDataNode', hparams: data },
      { name: 'labels', class_name: 'cuvis_ai.node.labels.BinaryAnomalyLabelMapper', hparams },
      { name: 'rx', class_name: 'cuvis_ai.anomaly.rx_detector.RXGlobal', hparams: { num_channels: 6 } },
      { name: 'decider', class_name: 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider', hparams: { quantile: 0.98 } },
      { name: 'metrics', class_name: 'cuvis_ai.node.metrics.AnomalyDetectionMetrics', hparams: {} },
    ],
    connections: [
      ['data.outputs.cube', 'labels.inputs.cube'], [maskFrom, 'labels.inputs.mask'], ['labels.outputs.cube', 'rx.inputs.data'], ['rx.outputs.scores', 'decider.inputs.logits'],
      ['decider.outputs.decisions', 'metrics.inputs.decisions'], ['labels.outputs.mask', 'metrics.inputs.targets'],
    ].map(([source, target]) => ({ source, target })),
  })
}

const resolved = (...args: Parameters<typeof saved>) => resolvePipeline(parsePipeline(saved(...args), 'mapped.yaml'), facts)
const targets = (...args: Parameters<typeof saved>) => Array.from(targetsOfClasses([0, 1, 2, 3, 4], resolved(...args).nodes[0].parameters))

let folder: string
beforeAll(async () => { folder = await temporaryFolder() })
afterAll(() => rm(folder, { recursive: true }))

describe('a label mapper', () => {
  it('gives its classes to the node that brings the data, and is not run', () => {
    const pipeline = resolved({ normal_class_ids: [0, 1] })
    expect(pipeline.nodes.map(({ name }) => name)).toEqual(['data', 'rx', 'decider', 'metrics'])
    expect(pipeline.nodes[1].inputs).toEqual({ data: { node: 'data', port: 'cube' } })
    expect(pipeline.nodes[3].inputs.targets).toEqual({ node: 'data', port: 'mask' })
    expect(targets({ normal_class_ids: [0, 1] })).toEqual([0, 0, 1, 1, 1])
    expect(pipeline.warnings).toEqual([])
  })

  it('says which classes are listed nowhere', () => {
    expect(resolved({ normal_class_ids: [0], anomaly_class_ids: [2] }).warnings).toEqual(['The node labels (BinaryAnomalyLabelMapper) lists the class 1 nowhere; it counts as normal.'])
    expect(resolved({ normal_class_ids: [0], anomaly_class_ids: [5] }).warnings).toEqual([expect.stringContaining('lists the classes 1, 2, 3, 4 nowhere; they count as normal.') as string])
    expect(targets({ normal_class_ids: [0], anomaly_class_ids: [3] })).toEqual([0, 0, 0, 1, 0])
  })

  it('takes no class as anomalous where the list is empty', () => {
    expect(targets({ normal_class_ids: [0, 1], anomaly_class_ids: [] })).toEqual([0, 0, 0, 0, 0])
  })

  it('takes single classes', () => {
    expect(targets({ normal_class_ids: [0], anomaly_class_ids: [1] })).toEqual([0, 1, 0, 0, 0])
    expect(resolved({ normal_class_ids: [0], anomaly_class_ids: [1] }).warnings).toEqual([])
    expect(resolved({ normal_class_ids: [0, 1], anomaly_class_ids: [2, 3] }).warnings).toEqual([])
  })

  it('is refused with a class in both lists, with other classes in front, and behind something else than the data', () => {
    expect(() => resolved({ normal_class_ids: [0, 1], anomaly_class_ids: [1] })).toThrow('Class 1 is listed as normal and as anomalous')
    expect(() => resolved({ normal_class_ids: [0] }, { normal_class_ids: [0, 2] })).toThrow('and the node data state different normal_class_ids; state the classes in one of them.')
    expect(resolved({ normal_class_ids: [2, 0] }, { normal_class_ids: [0, 2] }).nodes).toHaveLength(4)
    expect(() => resolved({ normal_class_ids: [0] }, {}, 'decider.outputs.decisions')).toThrow(/form a cycle|takes its mask from decider; the mask of the Cube node is expected/)
    expect(() => resolved({})).toThrow('normal_class_ids')
  })

  it('stays in the document that is written again', () => {
    const text = saved({ normal_class_ids: [0, 1], anomaly_class_ids: [3] })
    const again = parsePipeline(writeRepositoryPipeline(parsePipeline(text, 'a.yaml')).text, 'b.yaml')
    expect(again.nodes[1]).toMatchObject({ name: 'labels', config: { normal_class_ids: [0, 1], anomaly_class_ids: [3] } })
    expect(again.connections).toHaveLength(6)
  })

  it('is fitted and run with: metrics are those of its classes', async () => {
    // Class 1 is a material, 2 the anomalies: without the mapper, class 1 would be anomalous.
    const mask = Uint8Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, pixel) => (ANOMALIES.includes(pixel) ? 2 : pixel % SHAPE[1] < 10 ? 0 : 1))
    const cube = await writeScene(folder, 'mapped', scenePixels(), SHAPE, mask)
    const out = join(folder, 'fitted')
    const report = await fitPipeline(request({ text: saved({ normal_class_ids: [0, 1] }), path: 'mapped.yaml' }, [cube], out), observed())
    expect(report.metrics?.auc).toBe(1)
    const { cubes: [scene] } = await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'run'), format: 'envi', device: 'cpu' }, observed())
    expect(scene.metrics).toEqual(report.metrics)
    const { pipeline } = await openTrainedPipeline(out)
    expect(pipeline.nodes[0].parameters.normal_class_ids).toEqual([0, 1])
    expect(pipeline.document.nodes.map(({ name }) => name)).toContain('labels')
  })
})
