import type { Pipeline } from '../pipeline/pipeline'
import { escaped } from './text'

const BOX = { width: 150, height: 40, across: 46, down: 16 }
const FILL: Readonly<Record<string, string>> = { source: '#e8eef5', decider: '#fbe9f3', loss: '#fdf0e6', metric: '#f1f3f5' }

/**
 * The pipeline as SVG text: every node one column right of the last that feeds it, connections as curves. A library for
 * graphs would bring a layout of its own that is not this one, for two dozen boxes.
 */
export function pipelinePicture({ nodes }: Pipeline): string {
  const columns = new Map<string, number>()
  const rows: string[][] = []
  for (const { name, inputs } of nodes) {
    const column = Object.values(inputs).reduce((most, { node }) => Math.max(most, (columns.get(node) ?? -1) + 1), 0)
    columns.set(name, column)
    ;(rows[column] ??= []).push(name)
  }
  const tallest = Math.max(...rows.map((column) => column.length))
  const height = tallest * (BOX.height + BOX.down) + BOX.down
  const width = rows.length * (BOX.width + BOX.across) - BOX.across + 2
  const placeOf = (name: string): { x: number; y: number } => {
    const column = columns.get(name) ?? 0
    const row = rows[column].indexOf(name)
    const free = height - rows[column].length * (BOX.height + BOX.down) + BOX.down
    return { x: 1 + column * (BOX.width + BOX.across), y: free / 2 + row * (BOX.height + BOX.down) }
  }
  const curves = nodes.flatMap(({ name, inputs }) => [...new Set(Object.values(inputs).map(({ node }) => node))].map((from) => {
    const [a, b] = [placeOf(from), placeOf(name)]
    const [x0, y0, x1, y1] = [a.x + BOX.width, a.y + BOX.height / 2, b.x, b.y + BOX.height / 2]
    const bend = Math.max(BOX.across / 2, (x1 - x0) / 2)
    return `<path d="M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}" fill="none" stroke="#8b96a3" stroke-width="1.3"/>`
  }))
  const boxes = nodes.map(({ name, type: { description: { type, role } } }) => {
    const { x, y } = placeOf(name)
    return `<g><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="5" fill="${FILL[role] ?? '#ffffff'}" stroke="#8b96a3"/>`
      + `<text x="${x + BOX.width / 2}" y="${y + 17}" text-anchor="middle" font-size="12" font-weight="600" fill="#262b31">${escaped(shortened(name, 20))}</text>`
      + `<text x="${x + BOX.width / 2}" y="${y + 31}" text-anchor="middle" font-size="10" fill="#5d6773">${escaped(shortened(type, 26))}</text></g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="Pipeline">${curves.join('')}${boxes.join('')}</svg>`
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
