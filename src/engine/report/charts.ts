import type { EpochRecord } from '../../shared/reports'
import { thresholdCurve } from '../../shared/threshold-curve'
import type { SceneContent, SpectrumContent } from './content'

// Curves as SVG text. ECharts draws them on the server side, as it draws those of the window; nothing of it is in the page.

const INK = '#262b31'
const SOFT = '#5d6773'
const LINE = '#d9dee4'
const NORMAL = '#2f6fab'
const ANOMALOUS = '#c2410c'
const THRESHOLD = '#a3005f'
const WIDTH = 460
const HEIGHT = 250

type Option = Record<string, unknown>

const LEGEND: Option = { top: 2, right: 4, itemWidth: 12, itemHeight: 8, itemGap: 14, textStyle: { color: SOFT, fontSize: 10 } }

async function draw(option: Option, width = WIDTH): Promise<string> {
  const [{ init, use }, { BarChart, LineChart }, { GridComponent, LegendComponent, MarkLineComponent, MarkAreaComponent }, { SVGRenderer }] =
    await Promise.all([import('echarts/core'), import('echarts/charts'), import('echarts/components'), import('echarts/renderers')])
  use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, MarkAreaComponent, SVGRenderer])
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height: HEIGHT })
  try {
    chart.setOption({
      animation: false, textStyle: { fontFamily: 'inherit' }, grid: { left: 34, right: 18, top: 34, bottom: 26, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      legend: LEGEND, ...option,
    })
    return chart.renderToSVGString({ useViewBox: true })
  } finally {
    chart.dispose()
  }
}

function axis(name: string, more: Option = {}): Option {
  return {
    type: 'value', name, nameLocation: 'middle', nameGap: 26, nameTextStyle: { color: SOFT, fontSize: 11 }, axisLine: { show: true, onZero: false, lineStyle: { color: SOFT } },
    axisLabel: { color: INK, fontSize: 10, hideOverlap: true }, splitLine: { lineStyle: { color: LINE } }, scale: true, ...more,
  }
}

const upright = (name: string, more: Option = {}): Option => axis(name, { nameGap: 40, ...more })

function line(name: string, data: readonly (readonly [number, number | null])[], colour: string, more: Option = {}): Option {
  return { type: 'line', name, data, color: colour, showSymbol: data.length < 2, symbol: 'circle', symbolSize: 5, lineStyle: { width: 1.6, color: colour }, ...more }
}

/** Loss of training and validation by epoch. */
export async function lossChart(epochs: readonly EpochRecord[]): Promise<string> {
  const series = [line('training', epochs.map(({ epoch, loss }) => [epoch, loss]), NORMAL)]
  if (epochs.some(({ validationLoss }) => validationLoss !== null)) series.push(line('validation', epochs.map(({ epoch, validationLoss }) => [epoch, validationLoss]), ANOMALOUS))
  return await draw({ xAxis: axis('epoch', { minInterval: 1 }), yAxis: upright('loss'), series })
}

/** A named number of the epochs. */
export async function epochChart(epochs: readonly EpochRecord[], names: readonly string[], title: string): Promise<string> {
  const colours = [NORMAL, ANOMALOUS, '#3d7a3a', '#7a5195']
  const series = names.map((name, index) => line(name.slice(name.lastIndexOf('/') + 1), epochs.map(({ epoch, metrics }) => [epoch, Number.isFinite(metrics[name]) ? metrics[name] : null]), colours[index % colours.length]))
  return await draw({ xAxis: axis('epoch', { minInterval: 1 }), yAxis: upright(title), series })
}

/** Points of a curve over the thresholds, thinned out evenly and towards the highest scores. */
function operatingPoints({ scores, targets }: SceneContent): { recall: number; precision: number; falseRate: number }[] | null {
  const curve = targets && thresholdCurve(scores, targets)
  if (!curve?.positivesBelow) return null
  const total = curve.sorted.length
  const positives = curve.positivesBelow[total]
  const negatives = total - positives
  if (positives === 0 || negatives === 0) return null
  const places = new Set<number>([0])
  for (let step = 0; step <= 200; step += 1) {
    places.add(Math.floor((total * step) / 201))
    places.add(total - Math.max(1, Math.round(total ** (step / 200))))
  }
  const points = [...places].sort((a, b) => b - a).flatMap((place) => {
    // Only where a threshold can lie: above all that are equal.
    if (place > 0 && curve.sorted[place - 1] === curve.sorted[place]) return []
    const caught = positives - (curve.positivesBelow?.[place] ?? 0)
    const above = total - place
    return [{ recall: caught / positives, precision: caught / above, falseRate: (above - caught) / negatives }]
  })
  return points
}

/** ROC and precision against recall; null without a mask that holds both classes. */
export async function curveCharts(scene: SceneContent): Promise<{ roc: string; precisionRecall: string } | null> {
  const points = operatingPoints(scene)
  if (!points) return null
  const unit = { min: 0, max: 1, scale: false }
  const confusion = scene.metrics?.confusion
  const at = (place: [number, number] | null): Option[] => (place ? [{ type: 'line', name: 'threshold', data: [place], color: THRESHOLD, symbol: 'circle', symbolSize: 9, showSymbol: true, lineStyle: { width: 0 } }] : [])
  const falseRate = confusion ? confusion.falsePositives / Math.max(1, confusion.falsePositives + confusion.trueNegatives) : 0
  const { recall = 0, precision = 0 } = scene.metrics ?? {}
  return {
    roc: await draw({
      xAxis: axis('false positive rate', unit), yAxis: upright('true positive rate', unit),
      series: [line('ROC', [[0, 0], ...points.map(({ falseRate: x, recall: y }): [number, number] => [x, y])], NORMAL), line('chance', [[0, 0], [1, 1]], SOFT, { lineStyle: { width: 1, type: 'dashed', color: SOFT } }), ...at(confusion ? [falseRate, recall] : null)],
    }),
    precisionRecall: await draw({
      xAxis: axis('recall', unit), yAxis: upright('precision', unit),
      series: [line('precision', points.map(({ recall: x, precision: y }) => [x, y]), NORMAL), ...at(confusion ? [recall, precision] : null)],
    }),
  }
}

const BINS = 60

/** Scores by class where there is a mask, counts on a logarithmic axis, with the threshold. */
export async function histogramChart({ scores, targets, threshold, scoreLimits: [, high] }: SceneContent): Promise<string> {
  let [least, most] = [Infinity, -Infinity]
  for (const score of scores) {
    least = Math.min(least, score)
    most = Math.max(most, score)
  }
  // A few far outliers would press everything else into one bar; they are counted in the last one.
  const end = Math.min(most, Math.max(high, threshold !== null && Number.isFinite(threshold) ? threshold : high) * 1.5)
  const top = end > least ? end : least + 1
  const width = (top - least) / BINS
  const counts = [new Array<number>(BINS).fill(0), new Array<number>(BINS).fill(0)]
  for (const [index, score] of scores.entries()) counts[targets?.[index] === 1 ? 1 : 0][Math.min(BINS - 1, Math.max(0, Math.floor((score - least) / width)))] += 1
  const middles = counts[0].map((_, bin) => least + (bin + 0.5) * width)
  // A logarithmic axis has no place for nothing.
  const bars = (name: string, values: readonly number[], colour: string, more: Option = {}): Option => ({
    type: 'line', name, step: 'middle', showSymbol: false, color: colour, lineStyle: { width: 1.3, color: colour }, areaStyle: { color: colour, opacity: 0.25, origin: 'start' },
    data: values.map((count, bin) => [middles[bin], count === 0 ? 0.5 : count]), ...more,
  })
  const mark = threshold !== null && Number.isFinite(threshold)
    ? { markLine: { symbol: 'none', silent: true, lineStyle: { color: THRESHOLD, width: 1.5, type: 'solid' }, label: { formatter: 'threshold', color: THRESHOLD, fontSize: 10 }, data: [{ xAxis: threshold }] } }
    : {}
  const series = [bars(targets ? 'normal' : 'pixels', counts[0], NORMAL, mark), ...(targets ? [bars('anomalous', counts[1], ANOMALOUS)] : [])]
  return await draw({ xAxis: axis('score', { min: least, max: top, axisLabel: { color: INK, fontSize: 10, hideOverlap: true, formatter: (value: number) => String(Number(value.toPrecision(3))) } }), yAxis: upright('pixels', { type: 'log', min: 0.5, scale: false, axisLabel: { color: INK, fontSize: 10, formatter: (value: number) => (value < 1 ? '' : String(value)) } }), series })
}

/** Mean spectrum with its deviation, and the chosen bands as lines. */
export async function spectrumChart({ wavelengthsNm, mean, deviation, anomalous, of, badBands }: SpectrumContent, chosen: readonly number[]): Promise<string> {
  const place = (band: number): number => wavelengthsNm?.[band] ?? band
  const curve = (values: ArrayLike<number>): [number, number | null][] => Array.from({ length: values.length }, (_, band) => [place(band), Number.isFinite(values[band]) && !badBands.includes(band) ? values[band] : null])
  const thin = { lineStyle: { width: 0.8, type: 'dashed', color: NORMAL } }
  return await draw({
    legend: { ...LEGEND, data: [of, ...(anomalous ? ['anomalous'] : [])] },
    xAxis: axis(wavelengthsNm ? 'wavelength in nm' : 'band', { splitLine: { show: false } }), yAxis: upright('value'),
    series: [
      line(of, curve(mean), NORMAL, { markLine: { symbol: 'none', silent: true, label: { show: false }, lineStyle: { color: THRESHOLD, width: 1.2, type: 'solid' }, data: chosen.map((band) => ({ xAxis: place(band) })) } }),
      line('one deviation below', curve(mean.map((value, band) => value - deviation[band])), NORMAL, thin),
      line('one deviation above', curve(mean.map((value, band) => value + deviation[band])), NORMAL, thin),
      ...(anomalous ? [line('anomalous', curve(anomalous), ANOMALOUS)] : []),
    ],
  }, 2 * WIDTH)
}
