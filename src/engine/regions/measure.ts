import type { Connectivity, Labels } from './label'
import { labelRegions } from './label'

/** What is said of one detected region. Lines and samples are counted from 0 at the upper left pixel. */
export interface Region {
  /** From 1, in the order of the first pixels line by line. The same number as in `labels`. */
  id: number
  /** Pixels. */
  area: number
  /** Mean line and sample of its pixels: whole numbers are middles of pixels. */
  line: number
  sample: number
  /** The smallest window that holds it. */
  window: { line: number; sample: number; lines: number; samples: number }
  /** Over its pixels. */
  largestScore: number
  meanScore: number
}

export interface Regions extends Labels {
  lines: number
  samples: number
  connectivity: Connectivity
  regions: Region[]
}

export interface RegionOptions {
  /** Default 8. */
  connectivity?: Connectivity
  /** Regions of fewer pixels are left out; their pixels have no number. Default 1. */
  leastArea?: number
}

/** Measures regions while the scores of their image come in. */
export interface RegionMeter {
  /** The next scores; `first` is the index of the first pixel. */
  add(first: number, scores: Float32Array): void
  finish(): Regions
}

/** Finds the regions of flagged pixels in decisions [lines, samples]; sums in float64. Memory: 4 bytes a pixel for their numbers. */
export function startRegions(decisions: Uint8Array, lines: number, samples: number, { connectivity = 8, leastArea = 1 }: RegionOptions = {}): RegionMeter {
  const { labels, count } = labelRegions(decisions, lines, samples, connectivity)
  const areas = new Float64Array(count + 1)
  for (const label of labels) areas[label] += 1
  const kept = new Int32Array(count + 1)
  let left = 0
  for (let label = 1; label <= count; label += 1) if (areas[label] >= leastArea) kept[label] = left += 1
  for (let at = 0; at < labels.length; at += 1) labels[at] = kept[labels[at]]

  const regions: Region[] = []
  const sums = Array.from({ length: left }, () => ({ line: 0, sample: 0, score: 0, lastLine: 0, lastSample: 0 }))
  return {
    add(first, scores) {
      for (let index = 0; index < scores.length; index += 1) {
        const id = labels[first + index]
        if (id === 0) continue
        const line = Math.floor((first + index) / samples)
        const sample = (first + index) % samples
        const sum = sums[id - 1]
        const region = (regions[id - 1] ??= { id, area: 0, line: 0, sample: 0, window: { line, sample, lines: 0, samples: 0 }, largestScore: -Infinity, meanScore: 0 })
        region.area += 1
        region.largestScore = Math.max(region.largestScore, scores[index])
        region.window.sample = Math.min(region.window.sample, sample)
        sum.line += line
        sum.sample += sample
        sum.score += scores[index]
        sum.lastLine = line
        sum.lastSample = Math.max(sum.lastSample, sample)
      }
    },
    finish() {
      for (const [index, region] of regions.entries()) {
        const { line, sample, score, lastLine, lastSample } = sums[index]
        region.line = line / region.area
        region.sample = sample / region.area
        region.meanScore = score / region.area
        region.window.lines = lastLine - region.window.line + 1
        region.window.samples = lastSample - region.window.sample + 1
      }
      return { labels, count: left, lines, samples, connectivity, regions }
    },
  }
}
