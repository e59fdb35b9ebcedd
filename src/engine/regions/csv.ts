import type { Regions } from './measure'

/** Map coordinates of a place in an image, in columns and rows from its upper left corner: the middle of the first pixel is (0.5, 0.5). */
export type ToMap = (column: number, row: number) => readonly [x: number, y: number]

export const CSV_COLUMNS = ['id', 'row', 'column', 'map_x', 'map_y', 'area', 'bbox_row', 'bbox_column', 'bbox_rows', 'bbox_columns', 'score_max', 'score_mean'] as const

/**
 * Regions as CSV (RFC 4180), a line each, in pieces of text. `row` and `column` are the mean of the pixels, counted from 0
 * at the middle of the upper left one; `map_x` and `map_y` the same place on the map, empty where that is not known.
 */
export function* csvText({ regions }: Regions, toMap: ToMap | null): Generator<string> {
  yield `${CSV_COLUMNS.join(',')}\r\n`
  for (const { id, line, sample, area, window, largestScore, meanScore } of regions) {
    const [x, y] = toMap?.(sample + 0.5, line + 0.5) ?? ['', '']
    yield `${[id, line, sample, x, y, area, window.line, window.sample, window.lines, window.samples, largestScore, meanScore].join(',')}\r\n`
  }
}
