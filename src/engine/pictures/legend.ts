import { colourTable } from '../../shared/colour-maps'
import type { Canvas, Colour } from './canvas'
import { blankCanvas, fillBox, INK, place, WHITE } from './canvas'
import { drawText, textHeight, textWidth } from './lettering'

/** Below this a legend is not readable; a narrower picture gets white beside it. */
const LEAST_WIDTH = 264

/** What a colour bar says. */
export interface ScaleLegend {
  title: string
  /** Values at the ends of the colour map. */
  low: number
  high: number
  /** A place that is marked on the bar, with a word; null: none. */
  mark: { value: number; label: string } | null
  colourMap: string
}

/** A picture with a colour bar, its range and a mark below. The picture itself keeps its place in the upper left corner. */
export function withScale(picture: Canvas, { title, low, high, mark, colourMap }: ScaleLegend): Canvas {
  const { canvas, scale, top, left, right } = withStrip(picture, 5)
  const line = textHeight(scale)
  drawText(canvas, title, left, top, scale, INK)
  const barTop = top + line + 4 * scale
  const barHeight = 8 * scale
  const table = colourTable(colourMap)
  const width = right - left
  for (let x = 0; x < width; x += 1) {
    const index = Math.round((x / Math.max(1, width - 1)) * 255) * 4
    fillBox(canvas, left + x, barTop, 1, barHeight, [table[index], table[index + 1], table[index + 2]])
  }
  const below = barTop + barHeight + 3 * scale
  drawText(canvas, shortNumber(low), left, below, scale, INK)
  drawText(canvas, shortNumber(high), right - textWidth(shortNumber(high), scale), below, scale, INK)
  if (mark && Number.isFinite(mark.value)) {
    const words = `${mark.label} ${shortNumber(mark.value)}`
    const share = (mark.value - low) / (high - low)
    if (share >= 0 && share <= 1) fillBox(canvas, left + Math.round(share * (width - scale)), barTop - 2 * scale, scale, barHeight + 4 * scale, INK)
    const centre = left + Math.round(Math.min(1, Math.max(0, share)) * width) - Math.round(textWidth(words, scale) / 2)
    drawText(canvas, words, Math.min(right - textWidth(words, scale), Math.max(left, centre)), below + line + 3 * scale, scale, INK)
  }
  return canvas
}

/** A picture with swatches and words below. */
export function withKey(picture: Canvas, entries: readonly { colour: Colour; words: string }[]): Canvas {
  const { canvas, scale, top, left } = withStrip(picture, entries.length * 1.4)
  const line = textHeight(scale)
  entries.forEach(({ colour, words }, index) => {
    const y = top + index * (line + 4 * scale)
    fillBox(canvas, left, y, line, line, INK)
    fillBox(canvas, left + scale, y + scale, line - 2 * scale, line - 2 * scale, colour)
    drawText(canvas, words, left + line + 4 * scale, y, scale, INK)
  })
  return canvas
}

interface Strip {
  canvas: Canvas
  /** Pixels of a dot of a letter. */
  scale: number
  top: number
  left: number
  right: number
}

/** The picture on white, with room for so many lines of text below. */
function withStrip(picture: Canvas, textLines: number): Strip {
  const width = Math.max(picture.width, LEAST_WIDTH)
  const scale = Math.max(1, Math.round(width / 480))
  const margin = 6 * scale
  const height = picture.height + Math.ceil(textLines * (textHeight(scale) + scale)) + 2 * margin
  const canvas = blankCanvas(width, height, WHITE)
  place(canvas, picture, 0, 0)
  return { canvas, scale, top: picture.height + margin, left: margin, right: width - margin }
}

/** Four significant figures, short. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return String(Number(value.toPrecision(4)))
}
