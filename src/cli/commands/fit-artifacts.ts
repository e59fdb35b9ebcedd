import { resolve } from 'node:path'
import { trainArtifacts } from '../../engine/training/given-artifacts'
import type { FitReport } from '../../shared/reports'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'
import { counted, duration, facts, figures } from '../words'
import type { FitOptions } from './fit'

/** cuvette fit --artifacts: trains artifacts that were made elsewhere. */
export async function fitArtifacts(options: FitOptions, terminal: Terminal): Promise<Outcome> {
  const request = {
    artifacts: resolve(options.artifacts ?? ''),
    data: options.data ?? [],
    masks: options.mask ?? [],
    validation: options.val ?? [],
    validationMasks: options.valMask ?? [],
    out: resolve(options.out),
    epochs: options.epochs ?? 1,
    seed: options.seed,
    learningRate: options.learningRate,
    batch: options.batch,
    inputs: options.input,
    memoryMB: options.memory,
    device: options.device,
  }
  const report = await stoppable(terminal, 'Stopping: the last finished epoch is kept.', (signal) => trainArtifacts(request, { signal, onProgress: progressOn(terminal) }))
  const outcome: Outcome = { document: report, text: artifactsText(report) }
  if (report.stopped) outcome.failure = `The training was stopped after ${counted(report.phases.gradient?.epochs ?? 0, 'epoch')}; ${report.out} holds that state, and --artifacts goes on from it.`
  return outcome
}

function artifactsText({ phases: { gradient }, ...report }: FitReport): string {
  const losses = gradient?.loss ?? []
  const rows: [string, string][] = [
    ['seed', String(report.seed)],
    ['device', report.deviceReason],
    ['training', `${counted(losses.length, 'epoch')} in ${duration(gradient?.seconds ?? 0)}, loss ${figures(losses[0])} to ${figures(losses[losses.length - 1])}`],
    ...report.warnings.map((warning): [string, string] => ['warning', warning]),
    ['files', report.files.join('\n')],
  ]
  return `${report.stopped ? 'Stopped' : 'Trained'} in ${duration(report.seconds)}: ${report.out}\n${facts(rows)}`
}
