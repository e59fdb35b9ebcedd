import type { CurveKind, OperatingPoints } from '../scores/operating-points'
import { overlapAt, placeOn } from '../scores/operating-points'
import type { ScoreAxis } from '../scores/histogram'
import { positionOf, scoreAt } from '../scores/histogram'
import { tickText } from '../format/numbers'
import type { ChartColours } from '../theme/css-colour'
import { CURVES, QUALITY } from '../texts/threshold'
import { axisStyle } from './axes'

/** Room around the plot, in CSS pixels: a handle over the chart must know where the plot is. */
export const PLOT_MARGIN = { left: 36, right: 12, top: 8, bottom: 36 }

/** ROC or precision over recall. */
export function operatingOption(points: OperatingPoints, kind: CurveKind, colours: ChartColours) {
  const style = axisStyle(colours)
  const places = Array.from(points.thresholds, (_, index) => placeOn(kind, points.truePositives[index], points.falsePositives[index], points)).filter((place) => place !== null)
  const share = { ...style, type: 'value' as const, min: 0, max: 1, interval: 0.25, nameLocation: 'middle' as const }
  // What a guess would give.
  const chance: [number, number][] = kind === 'roc' ? [[0, 0], [1, 1]] : [[0, points.positives / (points.positives + points.negatives)], [1, points.positives / (points.positives + points.negatives)]]
  return {
    animation: false,
    grid: { ...PLOT_MARGIN, containLabel: false },
    xAxis: { ...share, name: kind === 'roc' ? CURVES.falsePositiveRate : QUALITY.recall, nameGap: 20 },
    yAxis: { ...share, name: '', axisLabel: { ...style.axisLabel, formatter: tickText } },
    series: [
      line(chance, colours.strong, { type: 'dashed' as const, width: 1 }),
      line(places, colours.accent, { width: 1.75 }),
    ],
  }
}

/** F1 and IoU over the threshold, on the axis of the scores. */
export function overlapOption(points: OperatingPoints, axis: ScoreAxis, colours: ChartColours) {
  const style = axisStyle(colours)
  const curves: { f1: [number, number][]; iou: [number, number][] } = { f1: [], iou: [] }
  // The first is above every score.
  for (let index = points.thresholds.length - 1; index > 0; index -= 1) {
    const x = positionOf(axis, points.thresholds[index])
    const { f1, iou } = overlapAt(points, index)
    curves.f1.push([x, f1])
    curves.iou.push([x, iou])
  }
  return {
    animation: false,
    grid: { ...PLOT_MARGIN, containLabel: false },
    // Places along the axis of the scores, so that it is the one of the histogram.
    xAxis: {
      ...style, type: 'value' as const, min: 0, max: 1, interval: 0.25, name: CURVES.score, nameLocation: 'middle' as const, nameGap: 20, splitLine: { show: false },
      axisLabel: { ...style.axisLabel, formatter: (place: number) => tickText(Number(scoreAt(axis, place).toPrecision(3))) },
    },
    yAxis: { ...style, type: 'value' as const, min: 0, max: 1, interval: 0.25, axisLabel: { ...style.axisLabel, formatter: tickText } },
    series: [line(curves.f1, colours.accent, { width: 1.75 }), line(curves.iou, colours.warning, { width: 1.75 })],
  }
}

function line(data: [number, number][], color: string, lineStyle: { width: number; type?: 'dashed' }) {
  return { type: 'line' as const, data, color, lineStyle, showSymbol: false, silent: true, emphasis: { disabled: true } }
}
