import type { DetectionMetrics } from '../shared/metrics'

// How numbers and lists read in the plain answers.

/** 40000 -> "40,000". */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** "1 pixel", "2 pixels". */
export function counted(value: number, singular: string, plural = `${singular}s`): string {
  return `${whole(value)} ${value === 1 ? singular : plural}`
}

/** Four significant figures, without a tail of zeros. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return String(Number(value.toPrecision(4)))
}

/** 0.4 -> "0.4 s", 75 -> "1 min 15 s". */
export function duration(seconds: number, decimals = 1): string {
  if (seconds < 10) return `${seconds.toFixed(decimals)} s`
  const rounded = Math.round(seconds)
  if (rounded < 60) return `${rounded} s`
  const minutes = Math.floor(rounded / 60)
  return minutes < 60 ? `${minutes} min ${rounded % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function share(part: number, total: number): string {
  return total === 0 ? '0 %' : `${figures((100 * part) / total)} %`
}

/** "AUC 0.9526, average precision 0.21, ...": what a mask says about scores. */
export function qualityWords(metrics: DetectionMetrics): string {
  const parts = [
    metrics.auc === null ? 'AUC not defined (the mask holds one class only)' : `AUC ${metrics.auc.toFixed(4)}`,
    ...(metrics.averagePrecision === null ? [] : [`average precision ${metrics.averagePrecision.toFixed(4)}`]),
    `precision ${metrics.precision.toFixed(3)}`,
    `recall ${metrics.recall.toFixed(3)}`,
    `F1 ${metrics.f1.toFixed(3)}`,
    `IoU ${metrics.iou.toFixed(3)}`,
  ]
  return parts.join(', ')
}

/** Names and values under each other, indented by two. Values may hold several lines. */
export function facts(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, value]) => `  ${name.padEnd(width)}  ${value.split('\n').join(`\n${' '.repeat(width + 4)}`)}`)
    .join('\n')
}

/** A table with a header. Columns of numbers are aligned to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const numeric = header.map((_, column) => rows.length > 0 && rows.every((row) => /^[-\d.,%\s]*$/.test(row[column])))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (numeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ').trimEnd()
  return [header, ...rows].map((row) => `  ${line(row)}`).join('\n')
}
