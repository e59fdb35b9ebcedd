import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { WorkContext } from '../../engine/inference/work'
import { REPORT_FILE, writeReport } from '../../engine/report/report'
import { fitPipeline } from '../../engine/training/fit'
import type { DeviceChoice } from '../../shared/device'
import { CuvetteError } from '../../shared/problem'
import type { FitReport } from '../../shared/reports'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { readPipelineFile } from '../pipeline-file'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'
import { counted, duration, facts, figures, qualityWords } from '../words'

export interface FitOptions {
  artifacts?: string
  batch?: number
  input?: Record<string, number>
  data?: string[]
  mask?: string[]
  val?: string[]
  valMask?: string[]
  test?: string[]
  testMask?: string[]
  out: string
  epochs?: number
  seed?: number
  learningRate?: number
  memory?: number
  device: DeviceChoice
  from?: string
  resume?: boolean
  report?: boolean
}

/** cuvette fit PIPELINE: both training phases, into a trained-pipeline folder. */
export async function fit(file: string, options: FitOptions, terminal: Terminal): Promise<Outcome> {
  const pipeline = await readPipelineFile(file)
  const request = {
    pipeline,
    data: options.data ?? [],
    masks: options.mask ?? [],
    validation: options.val ?? [],
    validationMasks: options.valMask ?? [],
    test: options.test ?? [],
    testMasks: options.testMask ?? [],
    dataOfDocument: true,
    out: resolve(options.out),
    ...(options.from !== undefined && { from: resolve(options.from) }),
    epochs: options.epochs,
    seed: options.seed,
    learningRate: options.learningRate,
    memoryMB: options.memory,
    device: options.device,
    resume: options.resume ?? false,
  }
  const report = await stoppable(terminal, 'Stopping: the state so far is being saved.', async (signal) => {
    const context = { signal, onProgress: progressOn(terminal) }
    const fitted = await fitPipeline(request, context)
    const page = join(request.out, REPORT_FILE)
    // One that is there tells of the pipeline that was there before.
    return !fitted.stopped && (options.report || existsSync(page)) ? await withReport(fitted, page, context) : fitted
  })
  const outcome: Outcome = { document: report, text: fitText(report) }
  if (report.stopped) {
    outcome.failure = `The training was stopped after ${counted(report.phases.gradient?.epochs ?? 0, 'epoch')}; ${report.out} holds that state, and --resume continues from it.`
  }
  return outcome
}

/** The pipeline is there; that nothing could be told about it is no failure of the fit. */
async function withReport(fitted: FitReport, page: string, context: WorkContext): Promise<FitReport> {
  try {
    const notes = await writeReport(fitted.out, page, context)
    return { ...fitted, files: [...fitted.files, REPORT_FILE], warnings: [...fitted.warnings, ...notes] }
  } catch (error) {
    if (!(error instanceof CuvetteError)) throw error
    return { ...fitted, warnings: [...fitted.warnings, `The report was not written: ${error.message}`] }
  }
}

export function fitText(report: FitReport): string {
  const { statistical, gradient } = report.phases
  const rows: [string, string][] = [
    ['seed', String(report.seed)],
    ['device', report.deviceReason],
    ['statistics', `${counted(statistical.nodes.length, 'node')} from ${counted(statistical.pixels, 'pixel')} in ${duration(statistical.seconds)}`],
  ]
  if (report.from) {
    const { path, taken, anew } = report.from
    rows.push(['from', [`${path}: ${taken.join(', ')}`, ...anew.map(({ reason }) => reason)].join('\n')])
  }
  if (gradient) {
    const losses = gradient.loss.length === 0 ? '' : `, loss ${figures(gradient.loss[0])} to ${figures(gradient.loss[gradient.loss.length - 1])}`
    rows.push(['training', `${counted(gradient.epochs, 'epoch')} in ${duration(gradient.seconds)}${losses}`])
  }
  rows.push(['quality', report.metrics ? qualityWords(report.metrics) : 'not known: no mask'])
  if (report.checkpoints) {
    const { restored, monitor, best } = report.checkpoints
    const value = best.find(({ epoch }) => epoch === restored)?.value
    rows.push(['kept', `epoch ${restored}${value === undefined ? '' : `, ${monitor} ${figures(value)}`}`])
  }
  if (report.test) rows.push(['test', report.test.metrics ? qualityWords(report.test.metrics) : 'not known: no mask'])
  for (const warning of report.warnings) rows.push(['warning', warning])
  rows.push(['files', report.files.join('\n')])
  return `${report.stopped ? 'Stopped' : 'Fitted'} in ${duration(report.seconds)}: ${report.out}\n${facts(rows)}`
}

