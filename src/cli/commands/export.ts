import { resolve } from 'node:path'
import { exportPipeline } from '../../engine/export/export'
import type { ExportReport } from '../../shared/reports'
import type { EXPORT_TARGETS } from '../arguments'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'
import { facts } from '../words'

export interface ExportOptions {
  to: (typeof EXPORT_TARGETS)[number]
  out: string
  threshold?: number
  port?: string[]
  data?: string
}

/** cuvette export DIR, or X.yaml with X.pt beside it: a trained pipeline for other places. */
export async function exportTo(folder: string, options: ExportOptions, terminal: Terminal): Promise<Outcome> {
  const report = await stoppable(terminal, 'Stopping.', (signal) =>
    exportPipeline({ pipelineFolder: resolve(folder), to: options.to, out: resolve(options.out), threshold: options.threshold, ports: options.port, data: options.data }, { signal, onProgress: progressOn(terminal) }),
  )
  return { document: report, text: exportText(report) }
}

export function exportText(report: ExportReport): string {
  const { maxDifference, tolerance } = report.verified
  const rows: [string, string][] = [
    ['checked', `largest difference from the app's own numbers ${maxDifference.toExponential(1)}, allowed ${tolerance.toExponential(1)}`],
    ...(report.warnings ?? []).map((warning): [string, string] => ['warning', warning]),
    ['files', report.files.join('\n')],
  ]
  return `Exported as ${report.to}: ${report.out}\n${facts(rows)}`
}
