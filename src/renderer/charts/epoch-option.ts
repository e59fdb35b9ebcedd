import type { EpochRecord } from '../../shared/reports'
import { significant, tickText } from '../format/numbers'
import type { ChartColours } from '../theme/css-colour'
import { EPOCH_CURVES } from '../texts/training'
import { axisStyle, tooltipStyle } from './axes'

/** One number by epoch; null where an epoch has none. */
export interface EpochCurve {
  name: string
  colour: string
  values: [epoch: number, value: number | null][]
}

export type CurveGroup = 'loss' | 'metrics' | 'rate' | 'norm' | 'settings'

/** What epochs tell of themselves, in groups that share an axis; only groups that have something. */
export function curveGroups(records: readonly EpochRecord[], colours: readonly string[]): { group: CurveGroup; curves: EpochCurve[] }[] {
  const of = (name: string, index: number, read: (record: EpochRecord) => number | null | undefined): EpochCurve => ({
    name, colour: colours[index % colours.length], values: records.map((record) => [record.epoch, read(record) ?? null]),
  })
  const named = (read: (record: EpochRecord) => Record<string, number> | undefined): EpochCurve[] =>
    [...new Set(records.flatMap((record) => Object.keys(read(record) ?? {})))].map((name, index) => of(name, index, (record) => read(record)?.[name]))
  const groups: { group: CurveGroup; curves: EpochCurve[] }[] = [
    { group: 'loss', curves: [of(EPOCH_CURVES.training, 0, ({ loss }) => loss), of(EPOCH_CURVES.validation, 1, ({ validationLoss }) => validationLoss)] },
    { group: 'metrics', curves: named(({ metrics }) => metrics) },
    { group: 'rate', curves: [of(EPOCH_CURVES.groups.rate, 0, ({ learningRate }) => learningRate)] },
    { group: 'norm', curves: [of(EPOCH_CURVES.groups.norm, 0, ({ gradientNorm }) => gradientNorm)] },
    { group: 'settings', curves: named(({ settings }) => settings) },
  ]
  return groups
    .map(({ group, curves }) => ({ group, curves: curves.filter(({ values }) => values.some(([, value]) => value !== null)) }))
    .filter(({ curves }) => curves.length > 0)
}

/** Curves over the epochs, with the best one marked. */
export function epochOption(curves: readonly EpochCurve[], epochsPlanned: number, logarithmic: boolean, best: number | null, colours: ChartColours) {
  const style = axisStyle(colours)
  const first = Math.min(1, ...curves.map(({ values }) => values[0]?.[0] ?? 1))
  const mark = best === null ? {} : {
    markLine: {
      symbol: 'none', animation: false, silent: true, lineStyle: { color: colours.strong, type: 'dashed' as const, width: 1 },
      label: { formatter: EPOCH_CURVES.best(best), color: colours.soft, fontSize: 10, distance: 2 }, data: [{ xAxis: best }],
    },
  }
  return {
    animation: false,
    grid: { left: 8, right: 16, top: best === null ? 12 : 20, bottom: 22, containLabel: true },
    tooltip: { ...tooltipStyle(colours), trigger: 'axis' as const, formatter: epochTip },
    xAxis: {
      ...style, type: 'value' as const, name: EPOCH_CURVES.epoch, nameLocation: 'middle' as const, nameGap: 24, minInterval: 1, min: first, max: Math.max(epochsPlanned, 2), splitLine: { show: false },
    },
    yAxis: { ...style, type: logarithmic ? ('log' as const) : ('value' as const), scale: true, splitNumber: 4, axisLabel: { ...style.axisLabel, formatter: tickText } },
    series: curves.map(({ name, colour, values }, index) => ({
      type: 'line' as const, name, data: values, color: colour, symbol: 'circle', symbolSize: 4, showSymbol: values.length < 40, connectNulls: false, lineStyle: { width: 1.75 }, emphasis: { disabled: true },
      ...(index === 0 && mark),
    })),
  }
}

interface TipItem {
  seriesName: string
  value: [number, number | null]
}

function epochTip(items: unknown): string {
  const list = (Array.isArray(items) ? items : [items]) as TipItem[]
  if (list.length === 0) return ''
  return [`${EPOCH_CURVES.epoch} ${list[0].value[0]}`, ...list.map(({ seriesName, value }) => `${seriesName}  ${significant(value[1], 5)}`)].join('\n')
}
