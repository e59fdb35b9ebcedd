import { describe, expect, it } from 'vitest'
import { curveGroups, epochOption } from '../../src/renderer/charts/epoch-option'
import { bestEpoch } from '../../src/renderer/panels/training/best-epoch'
import { differences, outcomes } from '../../src/renderer/panels/training/compare-runs'
import type { RunEntry } from '../../src/shared/contract'
import type { PipelineSummary } from '../../src/shared/nodes'
import type { EpochRecord } from '../../src/shared/reports'
import type { ChartColours } from '../../src/renderer/theme/css-colour'

const record = (epoch: number, change: Partial<EpochRecord> = {}): EpochRecord => ({ epoch, loss: 1 / epoch, validationLoss: null, learningRate: 0.01, gradientNorm: null, metrics: {}, ...change })

function run(change: Partial<RunEntry> = {}): RunEntry {
  return {
    id: 'a', name: 'A', pipelineId: 'template:x', pipelineName: 'X', cubeId: null, cubeName: 'farm.hdr', folder: '/p/runs/a', created: '2026-01-01T00:00:00Z', status: 'finished', problem: null,
    epochs: [], epochsPlanned: 3, seed: 0, device: null, metrics: null, fit: null, scored: false, ruleThreshold: null, threshold: null, note: '', starred: false, log: [], version: 1, ...change,
  }
}

describe('curves over epochs', () => {
  it('come in groups, and only where there is something', () => {
    expect(curveGroups([record(1), record(2)], ['red']).map(({ group }) => group)).toEqual(['loss', 'rate'])
    const groups = curveGroups([record(1, { metrics: { entropy: 2 }, validationLoss: 0.5 }), record(2, { metrics: { entropy: 1, iou: 0.4 }, gradientNorm: 0.1, settings: { 'selector.temperature': 8 } })], ['red', 'green'])
    expect(groups.map(({ group, curves }) => [group, curves.map(({ name }) => name)])).toEqual([
      ['loss', ['Training', 'Validation']], ['metrics', ['entropy', 'iou']], ['rate', ['Learning rate']], ['norm', ['Gradient norm']], ['settings', ['selector.temperature']],
    ])
    expect(groups[1].curves[1]).toEqual({ name: 'iou', colour: 'green', values: [[1, null], [2, 0.4]] })
  })

  it('mark the best epoch', () => {
    const curves = curveGroups([record(1), record(2)], ['red'])[0].curves
    const option = epochOption(curves, 9, false, 2, {} as ChartColours)
    expect(option.series[0]).toMatchObject({ markLine: { data: [{ xAxis: 2 }] } })
    expect(option.xAxis).toMatchObject({ min: 1, max: 9 })
  })
})

describe('the best epoch', () => {
  it('is the one that the trainer kept, else that of the lowest validation loss, else of the lowest loss', () => {
    const validated = [record(1, { validationLoss: 0.5 }), record(2, { validationLoss: 0.3 }), record(3, { validationLoss: 0.4 })]
    const fit = { checkpoints: { monitor: 'iou', mode: 'max', restored: 1, best: [], last: null } } as unknown as RunEntry['fit']
    expect(bestEpoch({ epochs: validated, fit })).toEqual({ epoch: 1, words: 'The pipeline holds epoch 1, the best by iou.' })
    expect(bestEpoch({ epochs: validated, fit: null })).toEqual({ epoch: 2, words: 'Epoch 2 has the lowest validation loss.' })
    expect(bestEpoch({ epochs: [record(1), record(2)], fit: null })).toEqual({ epoch: 2, words: 'Epoch 2 has the lowest training loss.' })
    expect(bestEpoch({ epochs: [record(1)], fit: null })).toBeNull()
  })
})

describe('compared runs', () => {
  const summary = (nu: number, weights: number[]): PipelineSummary => ({ name: 'X', connections: [], epochs: 3, problems: [], nodes: [{ name: 'loss', type: 'DeepSVDDSoftBoundaryLoss', known: true, problems: [], parameters: { nu, weights, kernel: 'rbf' } }] })

  it('are told apart by what they differ in alone', () => {
    const [a, b] = [run({ seed: 1, epochs: [record(1)] }), run({ id: 'b', name: 'B', seed: 2, epochs: [record(1)] })]
    expect(differences([a, b], [summary(0.1, [1]), summary(0.2, [1])], (id) => id)).toEqual([{ title: 'Seed', cells: ['1', '2'] }, { title: 'loss.nu', cells: ['0.1', '0.2'] }])
    expect(differences([a, a], [summary(0.1, [1]), summary(0.1, [1])], (id) => id)).toEqual([])
    expect(differences([a, a], [summary(0.1, [1]), undefined], (id) => id).map(({ cells }) => cells[1])).toEqual(['–', '–', '–'])
  })

  it('show what came of them, without rows of nothing', () => {
    const rows = outcomes([run({ epochs: [record(4)], threshold: 2.5 }), run({ metrics: { auc: 0.9, averagePrecision: null, precision: 1, recall: 0.5, f1: 2 / 3, iou: 0.5, threshold: 1, confusion: { truePositives: 1, falsePositives: 0, trueNegatives: 2, falseNegatives: 1 } } })])
    expect(rows.find(({ title }) => title === 'AUC')?.cells).toEqual(['–', '0.900'])
    expect(rows.find(({ title }) => title === 'Threshold')?.cells).toEqual(['2.500', '–'])
    expect(rows.map(({ title }) => title)).not.toContain('Average precision')
  })
})
