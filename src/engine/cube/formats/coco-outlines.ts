// Outlines of COCO annotations drawn into a picture of classes.

/** A picture of classes under work. */
export interface Canvas {
  lines: number
  samples: number
  values: Uint8Array
}

/**
 * Fills a polygon x0, y0, x1, y1, ... in pixels from the upper left corner: a pixel belongs to it when its centre lies
 * inside by the even-odd rule. An edge is taken from its upper end to just above its lower one.
 */
export function fillPolygon({ lines, samples, values }: Canvas, points: readonly number[], id: number): void {
  const corners = points.length / 2
  const ys = points.filter((_, n) => n % 2 === 1)
  const first = Math.max(0, Math.floor(ys.reduce((a, b) => Math.min(a, b), Infinity)))
  const last = Math.min(lines - 1, Math.ceil(ys.reduce((a, b) => Math.max(a, b), -Infinity)))
  for (let line = first; line <= last; line += 1) {
    const y = line + 0.5
    const crossings: number[] = []
    for (let n = 0; n < corners; n += 1) {
      const next = (n + 1) % corners
      const [x0, y0, x1, y1] = [points[2 * n], points[2 * n + 1], points[2 * next], points[2 * next + 1]]
      if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0))
    }
    crossings.sort((a, b) => a - b)
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      const from = Math.max(0, Math.ceil(crossings[n] - 0.5))
      const to = Math.min(samples, Math.ceil(crossings[n + 1] - 0.5))
      if (to > from) values.fill(id, line * samples + from, line * samples + to)
    }
  }
}

/** Fills runs that go down the columns: off, on, off, ... False when they are not as many as there are pixels. */
export function fillRuns({ lines, samples, values }: Canvas, counts: readonly number[], id: number): boolean {
  if (counts.reduce((sum, count) => sum + count, 0) !== lines * samples || counts.some((count) => !Number.isInteger(count) || count < 0)) return false
  let at = 0
  counts.forEach((count, run) => {
    if (run % 2 === 1) for (let n = at; n < at + count; n += 1) values[(n % lines) * samples + Math.floor(n / lines)] = id
    at += count
  })
  return true
}

/**
 * Run lengths from their short text form: numbers in groups of five bits from the lowest, each group plus 48 as a
 * character, 32 more when another follows; from the fourth number on, the difference to the one before the last.
 */
export function runsOf(text: string): number[] {
  const counts: number[] = []
  for (let at = 0; at < text.length; ) {
    let value = 0
    for (let group = 0; ; group += 1) {
      const code = text.charCodeAt(at) - 48
      at += 1
      value += (code & 31) * 32 ** group
      if (code & 32 && at < text.length) continue
      if (code & 16) value -= 32 ** (group + 1)
      break
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value)
  }
  return counts
}
