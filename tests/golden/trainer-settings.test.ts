import { describe, expect, it } from 'vitest'
import { checkDocument } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { CuvetteError } from '../../src/shared/problem'
import type { NodeCase } from './read-vectors'
import { goldenCases } from './read-vectors'
import { expectErrors, runsCase } from './suite'

interface SettingsCase extends NodeCase {
  training_config_defaults: object
}

function trainingRun(training: object) {
  return checkDocument(parsePipeline(JSON.stringify({ pipeline: {
    nodes: [
      { name: 'data', class_name: 'LentilsAnomalyDataNode' }, { name: 'projection', class_name: 'DeepSVDDProjection' }, { name: 'tracker', class_name: 'DeepSVDDCenterTracker' },
      { name: 'loss', class_name: 'DeepSVDDSoftBoundaryLoss' }, { name: 'scores', class_name: 'DeepSVDDScores' },
    ],
    connections: [
      ['data.outputs.cube', 'projection.inputs.data'], ['projection.outputs.embeddings', 'tracker.inputs.embeddings'], ['projection.outputs.embeddings', 'loss.inputs.embeddings'],
      ['projection.outputs.embeddings', 'scores.inputs.embeddings'], ['tracker.outputs.center', 'loss.inputs.center'], ['tracker.outputs.center', 'scores.inputs.center'],
    ].map(([source, target]) => ({ source, target })),
  }, training }), 'run.yaml'), null)
}

function refuse(training: object): void {
  const [finding] = trainingRun(training).findings
  if (finding) throw new CuvetteError(finding.problem.code, finding.problem.message, finding.problem)
}

describe('reference vectors: schedulers (settings)', () => {
  const errors = goldenCases<SettingsCase>('schedulers').find(({ name }) => name === 'errors') as SettingsCase

  it('refuses and accepts what the reference does', async () => {
    runsCase('schedulers', errors.name)
    await expectErrors('schedulers', errors, {
      unknown_optimizer: () => refuse({ optimizer: { name: 'rmsprop' } }),
      unknown_scheduler: () => refuse({ scheduler: { name: 'onecycle' } }),
      none_name_returns_none: () => expect(trainingRun({ scheduler: null }).trainer?.scheduler).toEqual({ name: 'fixed' }),
    })
  })

  it('has its defaults, flat or nested', () => {
    const expected = {
      epochs: 100, seed: 42, accumulate: 1, gradientClip: null, scheduler: { name: 'fixed' }, earlyStopping: null, parameters: 'all', losses: ['loss'],
      optimizer: { name: 'adamw', learningRate: 0.001, weightDecay: 0, betas: [0.9, 0.999], momentum: 0.9 },
    }
    expect(trainingRun(errors.training_config_defaults)).toMatchObject({ findings: [], trainer: expected })
    const { optimizer, seed, ...trainer } = errors.training_config_defaults as Record<string, unknown>
    expect(trainingRun({ optimizer, seed, trainer })).toMatchObject({ findings: [], trainer: expected })
  })
})
