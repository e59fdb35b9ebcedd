import type { EpochRecord } from '../../shared/reports'
import { significant, tickText } from '../format/numbers'
import type { ChartColours } from '../theme/css-colour'
import { axisStyle, tooltipStyle } from './axes'

/** Loss by epoch: of the training, and of the validation where there is one. */
export function lossOption(records: EpochRecord[], epochsPlanned: number, logarithmic: boolean, colours: ChartColours) {
  const style = axisStyle(colours)
  const validated = records.some((record) => record.validationLoss !== null)
  const curve = (name: string, colour: string, values: [number, number | null][]) => ({
    type: 'line' as const,
    name,
    data: values,
    color: colour,
    symbol: 'circle',
    symbolSize: 4,
    showSymbol: values.length < 40,
    lineStyle: { width: 1.75 },
    emphasis: { disabled: true },
  })
  const series = [curve('Training', colours.accent, records.map((record) => [record.epoch, record.loss]))]
  if (validated) series.push(curve('Validation', colours.warning, records.map((record) => [record.epoch, record.validationLoss])))
  return {
    animation: false,
    grid: { left: 8, right: 14, top: 12, bottom: 22, containLabel: true },
    tooltip: {
      ...tooltipStyle(colours),
      trigger: 'axis' as const,
      formatter: (items: unknown) => lossTip(items, records),
    },
    xAxis: {
      ...style, type: 'value' as const, name: 'Epoch', nameLocation: 'middle' as const, nameGap: 24, minInterval: 1,
      min: records.length > 0 ? Math.min(1, records[0].epoch) : 1, max: Math.max(epochsPlanned, 2), splitLine: { show: false },
    },
    yAxis: {
      ...style, type: logarithmic ? ('log' as const) : ('value' as const), scale: true, splitNumber: 4,
      axisLabel: { ...style.axisLabel, formatter: tickText },
    },
    series,
  }
}

interface TipItem {
  seriesName: string
  value: [number, number | null]
}

function lossTip(items: unknown, records: EpochRecord[]): string {
  const list = (Array.isArray(items) ? items : [items]) as TipItem[]
  const record = records.find((each) => each.epoch === list[0]?.value[0])
  if (!record) return ''
  return [
    `Epoch ${record.epoch}`,
    ...list.map((item) => `${item.seriesName}  ${significant(item.value[1], 5)}`),
    `Learning rate  ${tickText(record.learningRate)}`,
    ...(record.gradientNorm === null ? [] : [`Gradient norm  ${significant(record.gradientNorm)}`]),
  ].join('\n')
}
