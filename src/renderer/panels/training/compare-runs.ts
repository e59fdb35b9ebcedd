import type { RunEntry } from '../../../shared/contract'
import type { ParameterValue, PipelineSummary } from '../../../shared/nodes'
import { ratio, significant, tickText } from '../../format/numbers'
import { duration } from '../../format/times'
import { COMPARE } from '../../texts/training'
import { runIdOf } from './run-words'

export interface ComparedRow {
  title: string
  /** One for each run. */
  cells: string[]
}

const NOTHING = '–'

/** What the runs were started with and differ in: settings, and parameters of nodes by "node.parameter". */
export function differences(runs: readonly RunEntry[], summaries: readonly (PipelineSummary | undefined)[], nameOf: (runId: string) => string): ComparedRow[] {
  const { rows } = COMPARE
  const settings: ComparedRow[] = [
    { title: rows.pipeline, cells: runs.map(({ pipelineName }) => pipelineName) },
    { title: rows.cube, cells: runs.map(({ cubeName }) => cubeName) },
    { title: rows.epochs, cells: runs.map(({ epochsPlanned }) => String(epochsPlanned)) },
    { title: rows.seed, cells: runs.map(({ seed }) => String(seed)) },
    { title: rows.learningRate, cells: runs.map(({ epochs }) => (epochs.length > 0 ? tickText(epochs[0].learningRate) : NOTHING)) },
    { title: rows.from, cells: runs.map(({ fit }) => (fit?.from ? nameOf(runIdOf(fit.from.path)) : NOTHING)) },
    { title: rows.device, cells: runs.map(({ device }) => device?.device ?? NOTHING) },
  ]
  const parameters = summaries.map((summary) => new Map(summary?.nodes.flatMap((node) => Object.entries(node.parameters).map(([name, value]) => [`${node.name}.${name}`, shown(value)]))))
  const names = [...new Set(parameters.flatMap((each) => [...each.keys()]))]
  return [...settings, ...names.map((title) => ({ title, cells: parameters.map((each) => each.get(title) ?? NOTHING) }))].filter(({ cells }) => new Set(cells).size > 1)
}

/** What came of them; rows in which none has a number are left out. */
export function outcomes(runs: readonly RunEntry[]): ComparedRow[] {
  const { rows } = COMPARE
  const row = (title: string, read: (run: RunEntry) => string): ComparedRow => ({ title, cells: runs.map(read) })
  return [
    row(rows.auc, ({ metrics }) => ratio(metrics?.auc ?? null)),
    row(rows.averagePrecision, ({ metrics }) => ratio(metrics?.averagePrecision ?? null)),
    row(rows.f1, ({ metrics }) => ratio(metrics?.f1 ?? null)),
    row(rows.precision, ({ metrics }) => ratio(metrics?.precision ?? null)),
    row(rows.recall, ({ metrics }) => ratio(metrics?.recall ?? null)),
    row(rows.iou, ({ metrics }) => ratio(metrics?.iou ?? null)),
    row(rows.threshold, ({ threshold, ruleThreshold }) => significant(threshold ?? ruleThreshold)),
    row(rows.lastLoss, ({ epochs }) => significant(epochs.at(-1)?.loss ?? null)),
    row(rows.validationLoss, ({ epochs }) => significant(epochs.at(-1)?.validationLoss ?? null)),
    row(rows.time, ({ fit }) => (fit ? duration(fit.seconds) : NOTHING)),
  ].filter(({ cells }) => cells.some((cell) => cell !== NOTHING))
}

function shown(value: ParameterValue): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? tickText(value) : JSON.stringify(value)
}
