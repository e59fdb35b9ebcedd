import type { CubeDescription } from '../../shared/cube'
import { unitSymbol, wavelengthText } from '../format/bands'
import { significant, tickText } from '../format/numbers'
import type { ChartColours } from '../theme/css-colour'
import { axisStyle, tooltipStyle } from './axes'

export interface SpectrumCurve {
  name: string
  colour: string
  values: (number | null)[]
  /** The pixel under the cursor is drawn thinner. */
  passing: boolean
  /** From a library, and not from the cube: long dashes. */
  library?: boolean
}

/** A band on the screen, with the colour of its channel. */
export interface BandMark {
  band: number
  colour: string
  label: string
}

type Spectral = Pick<CubeDescription, 'shape' | 'wavelengths' | 'wavelengthUnit' | 'badBands' | 'bandNames'>

/** Where each band lies on the axis: its wavelength, or its number from 1. */
export function bandPositions(cube: Spectral): number[] {
  return cube.wavelengths ?? Array.from({ length: cube.shape[2] }, (_, band) => band + 1)
}

/** Bands in the order of the axis; files do not always sort their wavelengths. */
export function bandOrder(cube: Spectral): number[] {
  const positions = bandPositions(cube)
  return positions.map((_, band) => band).sort((a, b) => positions[a] - positions[b])
}

/** Runs of bad bands as intervals of the axis that reach half way to their neighbours. */
export function badIntervals(cube: Spectral): [number, number][] {
  const positions = bandPositions(cube)
  const order = bandOrder(cube)
  const bad = new Set(cube.badBands)
  const intervals: [number, number][] = []
  for (let start = 0; start < order.length; start += 1) {
    if (!bad.has(order[start])) continue
    let end = start
    while (end + 1 < order.length && bad.has(order[end + 1])) end += 1
    intervals.push([edge(positions, order, start, start - 1), edge(positions, order, end, end + 1)])
    start = end
  }
  return intervals
}

function edge(positions: number[], order: number[], inner: number, outer: number): number {
  const here = positions[order[inner]]
  return outer < 0 || outer >= order.length ? here : (here + positions[order[outer]]) / 2
}

/** Curves over the bands; gaps where there is no number; shaded where bands are bad. */
export function spectrumOption(cube: Spectral, curves: SpectrumCurve[], marks: BandMark[], colours: ChartColours) {
  const positions = bandPositions(cube)
  const order = bandOrder(cube)
  const style = axisStyle(colours)
  const unit = unitSymbol(cube.wavelengthUnit)
  const frame = {
    type: 'line' as const,
    name: '',
    data: [],
    silent: true,
    markLine: {
      symbol: 'none',
      animation: false,
      label: { show: marks.length > 1, formatter: '{b}', color: colours.soft, fontSize: 10, distance: 2 },
      data: marks.map((mark) => ({ name: mark.label, xAxis: positions[mark.band], lineStyle: { color: mark.colour, type: 'solid' as const, width: 1.25 } })),
    },
    markArea: {
      itemStyle: { color: colours.dark ? 'rgba(240, 184, 96, 0.13)' : 'rgba(138, 82, 0, 0.10)' },
      data: badIntervals(cube).map(([from, to]) => [{ xAxis: from }, { xAxis: to }] as [{ xAxis: number }, { xAxis: number }]),
    },
  }
  return {
    animation: false,
    grid: { left: 12, right: 18, top: 16, bottom: 24, containLabel: true },
    tooltip: {
      ...tooltipStyle(colours),
      trigger: 'axis' as const,
      formatter: (items: unknown) => spectrumTip(items, cube, positions),
    },
    xAxis: {
      ...style,
      type: 'value' as const,
      name: cube.wavelengths ? `Wavelength${unit ? ` (${unit})` : ''}` : 'Band',
      nameLocation: 'middle' as const,
      nameGap: 26,
      min: positions.length > 0 ? positions[order[0]] : 0,
      max: positions.length > 0 ? positions[order[order.length - 1]] : 1,
      splitLine: { show: false },
      axisLabel: { ...style.axisLabel, showMinLabel: true, showMaxLabel: true },
    },
    yAxis: { ...style, type: 'value' as const, scale: true, splitNumber: 4, axisLabel: { ...style.axisLabel, formatter: tickText } },
    series: [
      frame,
      ...curves.map((curve) => ({
        type: 'line' as const,
        name: curve.name,
        data: order.map((band) => [positions[band], curve.values[band] ?? null]),
        showSymbol: false,
        connectNulls: false,
        color: curve.colour,
        lineStyle: { width: curve.passing ? 1 : 1.75, type: curve.library ? [8, 4] : curve.passing ? ('dashed' as const) : ('solid' as const) },
        emphasis: { disabled: true },
      })),
    ],
  }
}

interface TipItem {
  seriesName: string
  value: [number, number | null]
}

function spectrumTip(items: unknown, cube: Spectral, positions: number[]): string {
  const list = (Array.isArray(items) ? items : [items]) as TipItem[]
  if (list.length === 0) return ''
  const band = positions.indexOf(list[0].value[0])
  const where = wavelengthText(cube, band)
  const head = `Band ${band + 1}${where ? ` · ${where}` : ''}${cube.badBands.includes(band) ? ' · bad' : ''}`
  return [head, ...list.map((item) => `${item.seriesName}  ${item.value[1] === null ? 'no data' : significant(item.value[1], 5)}`)].join('\n')
}
