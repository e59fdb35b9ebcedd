import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fillPolygon } from '../../src/engine/cube/formats/coco-outlines'
import type { Connectivity, RegionOptions, Regions } from '../../src/engine/regions'
import { csvText, startRegions, traceRegion, withoutHoles } from '../../src/engine/regions'

/** 1 where a row of the picture has a #. */
function picture(...rows: string[]): { decisions: Uint8Array; lines: number; samples: number } {
  const text = rows.join('')
  return { decisions: Uint8Array.from(text, (character) => (character === '#' ? 1 : 0)), lines: rows.length, samples: rows[0].length }
}

/** The scores come in two parts, cut anywhere. */
function measureRegions(decisions: Uint8Array, scores: Float32Array, lines: number, samples: number, options: RegionOptions): Regions {
  const meter = startRegions(decisions, lines, samples, options)
  const cut = Math.floor(scores.length / 3)
  meter.add(0, scores.subarray(0, cut))
  meter.add(cut, scores.subarray(cut))
  return meter.finish()
}

function regionsOf(rows: string[], connectivity: Connectivity = 8, leastArea = 1): Regions {
  const { decisions, lines, samples } = picture(...rows)
  return measureRegions(decisions, Float32Array.from(decisions, (_, at) => at), lines, samples, { connectivity, leastArea })
}

/** Twice the signed area; positive for clockwise as seen, where y goes down. */
function doubleArea(ring: readonly number[]): number {
  let sum = 0
  for (let at = 0; at < ring.length; at += 2) {
    const next = (at + 2) % ring.length
    sum += ring[at] * ring[next + 1] - ring[next] * ring[at + 1]
  }
  return sum
}

/** Numbers by flooding, one pixel after the other: slow and plain. */
function flooded(decisions: Uint8Array, lines: number, samples: number, connectivity: Connectivity): number[] {
  const labels = new Array<number>(lines * samples).fill(0)
  let count = 0
  for (let start = 0; start < labels.length; start += 1) {
    if (decisions[start] === 0 || labels[start] !== 0) continue
    count += 1
    const waiting = [start]
    labels[start] = count
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const [line, sample] = [Math.floor(at / samples), at % samples]
      for (let down = -1; down <= 1; down += 1) {
        for (let across = -1; across <= 1; across += 1) {
          if (connectivity === 4 && down !== 0 && across !== 0) continue
          const [y, x] = [line + down, sample + across]
          if (y < 0 || x < 0 || y >= lines || x >= samples || decisions[y * samples + x] === 0 || labels[y * samples + x] !== 0) continue
          labels[y * samples + x] = count
          waiting.push(y * samples + x)
        }
      }
    }
  }
  return labels
}

const images = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom<Connectivity>(4, 8)).chain(([lines, samples, connectivity]) =>
  fc.record({ lines: fc.constant(lines), samples: fc.constant(samples), connectivity: fc.constant(connectivity), decisions: fc.uint8Array({ minLength: lines * samples, maxLength: lines * samples, max: 1 }) }))

describe('regions', () => {
  it('joins corners with 8 neighbours, and does not with 4', () => {
    const rows = ['##..', '..#.', '...#']
    expect(regionsOf(rows, 8).regions.map(({ area }) => area)).toEqual([4])
    expect(regionsOf(rows, 4).regions.map(({ area }) => area)).toEqual([2, 1, 1])
  })

  it('measures area, middle, window and scores', () => {
    const { regions } = regionsOf(['.....', '.###.', '...#.'])
    // Scores count the pixels: 6, 7, 8 and 13.
    expect(regions).toEqual([{ id: 1, area: 4, line: 1.25, sample: 2.25, window: { line: 1, sample: 1, lines: 2, samples: 3 }, largestScore: 13, meanScore: 8.5 }])
  })

  it('leaves small ones out and numbers the others anew', () => {
    const found = regionsOf(['#.##', '#..#', '..#.'], 4, 2)
    expect(found.regions.map(({ id, area }) => [id, area])).toEqual([[1, 2], [2, 3]])
    expect([...found.labels]).toEqual([1, 0, 2, 2, 1, 0, 0, 2, 0, 0, 0, 0])
  })

  it('numbers like flooding, for any image', () => {
    fc.assert(fc.property(images, ({ decisions, lines, samples, connectivity }) => {
      const found = measureRegions(decisions, new Float32Array(decisions.length), lines, samples, { connectivity })
      expect([...found.labels]).toEqual(flooded(decisions, lines, samples, connectivity))
    }), { seed: 11, numRuns: 400 })
  })
})

describe('outlines', () => {
  it('go around the sides of the pixels, with a corner where they turn', () => {
    const found = regionsOf(['....', '.##.', '.#..'])
    expect(traceRegion(found, found.regions[0])).toEqual({ outer: [1, 1, 3, 1, 3, 2, 2, 2, 2, 3, 1, 3], holes: [] })
  })

  it('know holes, and say them in one polygon', () => {
    const found = regionsOf(['#####', '#.#.#', '#####'])
    const outline = traceRegion(found, found.regions[0])
    expect(outline.outer).toEqual([0, 0, 5, 0, 5, 3, 0, 3])
    expect(outline.holes).toEqual([[1, 1, 1, 2, 2, 2, 2, 1], [3, 1, 3, 2, 4, 2, 4, 1]])
    expect(withoutHoles(outline)).toEqual([0, 0, 5, 0, 5, 3, 0, 3, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 3, 1, 3, 2, 4, 2, 4, 1, 3, 1, 2, 1, 1, 1, 0, 1])
  })

  it('give exactly the pixels of each region when they are filled, for any image', () => {
    fc.assert(fc.property(images, ({ decisions, lines, samples, connectivity }) => {
      const found = measureRegions(decisions, new Float32Array(decisions.length), lines, samples, { connectivity })
      for (const region of found.regions) {
        const { outer, holes } = traceRegion(found, region)
        expect(doubleArea(outer)).toBeGreaterThan(0)
        for (const hole of holes) expect(doubleArea(hole)).toBeLessThan(0)
        const ring = withoutHoles({ outer, holes })
        expect(doubleArea(ring)).toBe(2 * region.area)
        const values = new Uint8Array(lines * samples)
        fillPolygon({ lines, samples, values }, ring, 1)
        expect([...values]).toEqual([...found.labels].map((label) => (label === region.id ? 1 : 0)))
      }
    }), { seed: 12, numRuns: 600 })
  })
})

describe('CSV', () => {
  it('has a line for each region, with its place on the map where that is known', () => {
    const found = regionsOf(['##', '..', '.#'])
    const toMap = (column: number, row: number): readonly [number, number] => [500_000 + 2 * column, 4_000_000 - 2 * row]
    const rows = [...csvText(found, toMap)].join('').trimEnd().split('\r\n')
    expect(rows).toEqual([
      'id,row,column,map_x,map_y,area,bbox_row,bbox_column,bbox_rows,bbox_columns,score_max,score_mean',
      '1,0,0.5,500002,3999999,2,0,0,1,2,1,0.5',
      '2,2,1,500003,3999995,1,2,1,1,1,5,5',
    ])
    expect([...csvText(found, null)][1]).toBe('1,0,0.5,,,2,0,0,1,2,1,0.5\r\n')
  })
})
