import type { Histogram } from '../scores/histogram'
import type { ChartColours } from '../theme/css-colour'

export interface HistogramStyle {
  /** CSS pixels. */
  width: number
  height: number
  pixelRatio: number
  logarithmicCounts: boolean
  /** 0 to 1 along the axis. */
  threshold: number
  colours: ChartColours
}

/** Bars of normal scores with those of anomalous ones before them; fainter below the threshold. */
export function paintHistogram(canvas: HTMLCanvasElement, counts: Histogram, style: HistogramStyle): void {
  const { width, height, pixelRatio, threshold, colours } = style
  canvas.width = Math.round(width * pixelRatio)
  canvas.height = Math.round(height * pixelRatio)
  const context = canvas.getContext('2d')
  if (!context) return
  context.scale(pixelRatio, pixelRatio)
  const normal = colours.dark ? '#7d8790' : '#8a949d'
  const anomalous = colours.dark ? '#22d3ee' : '#0891a8'
  for (const [from, to, opacity] of [[0, threshold, 0.5], [threshold, 1, 1]]) {
    context.save()
    context.beginPath()
    context.rect(from * width, 0, (to - from) * width, height)
    context.clip()
    context.globalAlpha = opacity
    paintBars(context, counts.normal, counts.largest, normal, style)
    paintBars(context, counts.anomalous, counts.largest, anomalous, style)
    context.restore()
  }
}

function paintBars(context: CanvasRenderingContext2D, bars: Float64Array, largest: number, colour: string, style: HistogramStyle): void {
  const step = style.width / bars.length
  const gap = step > 2.5 ? 0.5 : 0
  context.fillStyle = colour
  for (let bin = 0; bin < bars.length; bin += 1) {
    if (bars[bin] === 0) continue
    const share = style.logarithmicCounts ? Math.log1p(bars[bin]) / Math.log1p(largest) : bars[bin] / largest
    // One pixel is worth seeing among thousands.
    const tall = Math.max(1.5, share * (style.height - 4))
    context.fillRect(bin * step, style.height - tall, step - gap, tall)
  }
}
