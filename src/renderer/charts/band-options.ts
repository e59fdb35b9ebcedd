import { percent, significant, tickText } from '../format/numbers'
import { BANDS } from '../texts/bands'
import type { ChartColours } from '../theme/css-colour'
import { COLOUR_MAPS, colourTable } from '../../shared/colour-maps'
import { axisStyle, tooltipStyle } from './axes'

/** The numbers that the colours of weights [rows][columns] stand for, and the colours; around 0 where some are negative. */
export function weightsScale(weights: readonly (readonly number[])[], colours: ChartColours): { low: number; high: number; steps: string[] } {
  const all = weights.flat()
  const [least, most] = [Math.min(0, ...all), Math.max(...all)]
  const end = Math.max(-least, most)
  if (least < 0) return { low: -end, high: end, steps: ['#2166ac', '#67a9cf', colours.dark ? '#22262b' : '#f7f7f7', '#ef8a62', '#b2182b'] }
  return { low: 0, high: end === 0 ? 1 : end, steps: heatColours() }
}

/** Weights [rows][columns] as a heat map. */
export function weightsOption(weights: readonly (readonly number[])[], rowNames: readonly string[], columnNames: readonly string[], colours: ChartColours) {
  const style = axisStyle(colours)
  const { low, high, steps } = weightsScale(weights, colours)
  return {
    animation: false,
    // Cells end between pixels of the screen: what shines through there is the colour of 0, not the panel.
    grid: { left: 8, right: 12, top: 8, bottom: 8, containLabel: true, show: true, borderWidth: 0, backgroundColor: steps[low < 0 ? 2 : 0] },
    tooltip: {
      ...tooltipStyle(colours),
      formatter: (item: unknown) => {
        const [column, row, value] = (item as { value: [number, number, number] }).value
        return `${rowNames[row]}\n${columnNames[column]}  ${significant(value, 4)}`
      },
    },
    visualMap: { show: false, type: 'continuous' as const, min: low, max: high, inRange: { color: steps } },
    xAxis: { ...style, type: 'category' as const, data: [...columnNames], splitLine: { show: false }, axisLabel: { ...style.axisLabel, formatter: (name: string) => name.split(' · ').at(-1) ?? name } },
    yAxis: { ...style, type: 'category' as const, data: [...rowNames], inverse: true, splitLine: { show: false } },
    series: [{ type: 'heatmap' as const, data: weights.flatMap((row, y) => row.map((value, x) => [x, y, value])), emphasis: { disabled: true } }],
  }
}

/** Steps of the colour map that the viewer's heat map begins with. */
function heatColours(): string[] {
  const table = colourTable(COLOUR_MAPS[0].id)
  return [0, 64, 128, 192, 255].map((place) => `rgb(${table[4 * place]}, ${table[4 * place + 1]}, ${table[4 * place + 2]})`)
}

/** Share of the variance along each component, and of all up to it. */
export function screeOption(variance: readonly number[], colours: ChartColours) {
  const style = axisStyle(colours)
  let sum = 0
  const cumulative = variance.map((share) => (sum += share))
  const curve = (name: string, color: string, data: readonly number[]) => ({
    type: 'line' as const, name, color, data: data.map((share, index) => [index + 1, share]), symbol: 'circle', symbolSize: 5, showSymbol: true, lineStyle: { width: 1.75 }, emphasis: { disabled: true },
  })
  return {
    animation: false,
    grid: { left: 8, right: 14, top: 12, bottom: 22, containLabel: true },
    tooltip: {
      ...tooltipStyle(colours), trigger: 'axis' as const,
      formatter: (items: unknown) => {
        const list = items as { seriesName: string; value: [number, number] }[]
        return [`${BANDS.component} ${list[0].value[0]}`, ...list.map(({ seriesName, value }) => `${seriesName}  ${percent(value[1], 2)}`)].join('\n')
      },
    },
    xAxis: { ...style, type: 'value' as const, min: 1, max: Math.max(2, variance.length), minInterval: 1, name: BANDS.component, nameLocation: 'middle' as const, nameGap: 24, splitLine: { show: false } },
    yAxis: { ...style, type: 'value' as const, min: 0, max: 1, interval: 0.25, axisLabel: { ...style.axisLabel, formatter: tickText } },
    series: [curve(BANDS.each, colours.accent, variance), curve(BANDS.cumulative, colours.warning, cumulative)],
  }
}
