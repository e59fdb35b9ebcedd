import { describe, expect, it } from 'vitest'
import { parseSavedRun } from '../../src/workbench/run-record'

describe('the record of a run', () => {
  it('gives back all that an epoch says, also the settings that follow the epochs', () => {
    const epochs = [
      { epoch: 1, loss: 0.5, validationLoss: null, learningRate: 0.01, gradientNorm: 0.2, metrics: { auc: 0.9 }, settings: { 'selector.temperature': 8.1 } },
      { epoch: 2, loss: 0.4, validationLoss: 0.3, learningRate: 0.01, gradientNorm: null, metrics: {} },
    ]
    const saved = {
      entry: {
        id: 'run-1', name: 'One', pipelineId: 'template:rx', pipelineName: 'RX', cubeId: null, cubeName: 'a.hdr', created: '2026-11-25T10:00:00Z', status: 'stopped', problem: null, epochs, epochsPlanned: 5, seed: 0,
        device: null, metrics: null, fit: null, scored: false, ruleThreshold: null, threshold: null, version: 1,
      },
      pipelineText: '', cubeReference: '/a.hdr', maskReference: null, epochs: null, seed: null, learningRate: null, device: 'auto', scoresFile: null,
    }
    expect(parseSavedRun(JSON.parse(JSON.stringify(saved))).entry.epochs).toEqual(epochs)
  })
})
