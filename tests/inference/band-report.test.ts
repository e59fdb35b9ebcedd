import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bandReport } from '../../src/engine/inference/band-report'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import type { BandNode } from '../../src/shared/reports'
import { observed, request, temporaryFolder, writeScene } from '../training/scene'

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterAll(() => rm(folder, { recursive: true }))

/** Fits a node between the cube and RX, and reports of it. */
async function reportOf(type: string, config: Record<string, unknown>, output: string, kept?: Record<string, unknown>): Promise<BandNode[]> {
  const out = join(folder, `${type}-${output}`)
  const text = JSON.stringify({
    nodes: { cube: { type: 'Cube', config: kept ?? {} }, node: { type, config }, rx: { type: 'RXGlobal', config: { eps: 0.01 } }, decider: { type: 'QuantileBinaryDecider' } },
    connections: [['cube.cube', 'node.data'], [`node.${output}`, 'rx.data'], ['rx.scores', 'decider.logits']],
  })
  await fitPipeline(request({ text, path: 'bands.yaml' }, [cube], out), observed())
  return await bandReport(out)
}

describe('what a trained pipeline learned about the bands', () => {
  it('are the loadings and the shares of the variance of a PCA', async () => {
    const [report, ...others] = await reportOf('TrainablePCA', { n_components: 2 }, 'projected')
    expect(others).toEqual([])
    expect(report).toMatchObject({ node: 'node', type: 'TrainablePCA', kind: 'components', chosen: null, layers: [{ bands: [0, 1, 2, 3, 4, 5] }] })
    const { state } = await openTrainedPipeline(join(folder, 'TrainablePCA-projected'))
    expect(report.layers[0].weights.flat()).toEqual([...(state.get('node._components')!.data as Float32Array)])
    expect(report.variance).toHaveLength(2)
    expect(report.variance![0]).toBeGreaterThan(report.variance![1])
    expect(report.variance![0] + report.variance![1]).toBeLessThanOrEqual(1 + 1e-6)
  }, 60_000)

  it('are the shares of a selector, not only what it picks', async () => {
    const [report] = await reportOf('ConcreteBandSelector', { output_channels: 3 }, 'rgb')
    expect(report).toMatchObject({ kind: 'selection', chosen: [0, 0, 0] })
    // Untrained, every band has the same share; the hard choice would show the first alone.
    for (const share of report.layers[0].weights.flat()) expect(share).toBeCloseTo(1 / 6, 6)
  }, 60_000)

  it('are the layers of a mixer', async () => {
    const [report] = await reportOf('LearnableChannelMixer', { output_channels: 3, reduction_scheme: [6, 4, 3] }, 'rgb')
    expect(report.layers.map(({ weights, bands }) => [weights.length, weights[0].length, bands])).toEqual([[4, 6, [0, 1, 2, 3, 4, 5]], [3, 4, null]])
    expect(report).toMatchObject({ kind: 'mixer', chosen: null, variance: null })
  }, 60_000)
})
