import { CuvetteError } from '../../shared/problem'
import type { RandomSource } from './random'
import { gatherRows } from './sampling'
import { RunningStatistics, requirePixels } from './statistics'

// How well single bands tell anomalous pixels from the others, and how alike bands are.

/** Intervals of the mutual information; the largest value has one of its own. */
const INTERVALS = 9

export interface Separation {
  /** [C] each. */
  fisher: Float64Array
  auc: Float64Array
  mutualInformation: Float64Array
  /** |correlation| of bands [C, C] over all pixels. */
  correlation: Float64Array
}

/**
 * Gathers what the scores of bands are computed from while pixels stream by: Fisher ratio and correlation from all of
 * them, ranks and histograms from at most `kept` of each class, all subsets equally likely.
 */
export class BandSeparation {
  private readonly all = new RunningStatistics('full')
  private readonly classes: [ClassPixels, ClassPixels]

  constructor(private readonly node: string, kept: number, random: RandomSource) {
    this.classes = [new ClassPixels(kept, random), new ClassPixels(kept, random)]
  }

  /** pixels [count, channels]; targets [count]: 0 normal, 1 anomalous, others are passed over. */
  async add(pixels: Float32Array, count: number, channels: number, targets: Uint8Array): Promise<void> {
    for (const [label, of] of this.classes.entries()) {
      const rows = rowsOf(targets.subarray(0, count), label)
      const own = gatherRows(pixels, channels, rows)
      await of.add(own, rows.length, channels)
      await this.all.add(own, rows.length, channels)
    }
  }

  /** Throws CuvetteError('bad-data') unless both classes came. */
  finish(): Separation {
    const { node, all, classes: [normal, anomalous] } = this
    requirePixels(node, 2, all.count)
    if (normal.count === 0 || anomalous.count === 0) {
      throw new CuvetteError('bad-data', `The node ${node} compares anomalous pixels with the others, but the masks have no ${normal.count === 0 ? 'normal' : 'anomalous'} pixels; check the class ids of the Cube node.`, { where: node })
    }
    const bands = all.mean.length
    const each = (score: (band: number) => number): Float64Array => Float64Array.from({ length: bands }, (_, band) => score(band))
    return {
      fisher: each((band) => fisherRatio(normal, anomalous, band)),
      auc: each((band) => areaUnderCurve(normal.values(band), anomalous.values(band))),
      mutualInformation: each((band) => mutualInformation(normal, anomalous, band)),
      correlation: absoluteCorrelation(all),
    }
  }
}

/** Statistics of all pixels of a class, and some of the pixels themselves (Vitter, Random Sampling with a Reservoir, 1985, algorithm R). */
class ClassPixels {
  readonly statistics = new RunningStatistics('diagonal')
  private readonly kept: Float32Array[] = []

  constructor(private readonly limit: number, private readonly random: RandomSource) {}

  get count(): number {
    return this.statistics.count
  }

  async add(pixels: Float32Array, count: number, channels: number): Promise<void> {
    const before = this.count
    await this.statistics.add(pixels, count, channels)
    for (let row = 0; row < count; row += 1) {
      const place = this.kept.length < this.limit ? this.kept.length : Math.floor(this.random.uniform() * (before + row + 1))
      if (place < this.limit) this.kept[place] = pixels.slice(row * channels, (row + 1) * channels)
    }
  }

  /** Values of a band at the pixels that were kept. */
  values(band: number): Float32Array {
    return Float32Array.from(this.kept, (pixel) => pixel[band])
  }

  /** Variance of a band with divisor N. */
  variance(band: number): number {
    return this.statistics.scatter[band] / this.count
  }
}

function rowsOf(targets: Uint8Array, label: number): Uint32Array {
  const rows = new Uint32Array(targets.length)
  let count = 0
  targets.forEach((target, row) => {
    if (target !== label) return
    rows[count] = row
    count += 1
  })
  return rows.subarray(0, count)
}

/** (difference of the means)^2 / (sum of the variances); 0 without variance. */
function fisherRatio(normal: ClassPixels, anomalous: ClassPixels, band: number): number {
  const spread = normal.variance(band) + anomalous.variance(band)
  return spread < 1e-10 ? 0 : (anomalous.statistics.mean[band] - normal.statistics.mean[band]) ** 2 / spread
}

/** Probability that an anomalous value is above a normal one, equal ones counting half. Sorts both. */
export function areaUnderCurve(normal: Float32Array, anomalous: Float32Array): number {
  normal.sort()
  anomalous.sort()
  let [below, upTo, sum] = [0, 0, 0]
  for (const value of anomalous) {
    while (below < normal.length && normal[below] < value) below += 1
    while (upTo < normal.length && normal[upTo] <= value) upTo += 1
    sum += (below + upTo) / 2
  }
  return sum / (normal.length * anomalous.length)
}

/** Mutual information in bits of class and band, the values in equal intervals between their extremes. */
function mutualInformation(normal: ClassPixels, anomalous: ClassPixels, band: number): number {
  const values = [normal.values(band), anomalous.values(band)]
  const [least, most] = values.reduce(([low, high], some) => some.reduce<[number, number]>(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [low, high]), [Infinity, -Infinity])
  if (!(most > least) || !Number.isFinite(most - least)) return 0
  const joint = values.map((some, label) => {
    const counts = new Float64Array(INTERVALS + 1)
    // Each kept pixel stands for several of its class.
    const weight = [normal, anomalous][label].count / some.length
    for (const value of some) counts[Math.min(INTERVALS, Math.floor(((value - least) / (most - least)) * INTERVALS))] += weight
    return counts.map((count) => count + 1e-10)
  })
  const total = joint.reduce((sum, counts) => sum + counts.reduce((a, b) => a + b), 0)
  const ofClass = joint.map((counts) => counts.reduce((a, b) => a + b) / total)
  return joint.reduce((information, counts, label) => counts.reduce((sum, count, interval) => {
    const share = count / total
    return sum + share * Math.log2(share / (ofClass[label] * (joint[0][interval] + joint[1][interval]) / total))
  }, information), 0)
}

function absoluteCorrelation({ count, scatter, mean }: RunningStatistics): Float64Array {
  const bands = mean.length
  const deviations = Float64Array.from({ length: bands }, (_, band) => Math.max(Math.sqrt(scatter[band * (bands + 1)] / (count - 1)), 1e-12))
  return scatter.map((sum, at) => Math.abs(sum / (count - 1) / (deviations[Math.floor(at / bands)] * deviations[at % bands])))
}

/** Weighted sum of the scores, each at mean 0 and deviation 1 over the bands. */
export function combinedScores({ fisher, auc, mutualInformation: information }: Separation, weights: readonly number[]): Float64Array {
  const parts = [fisher, auc, information].map(standardised)
  return fisher.map((_, band) => parts.reduce((sum, part, at) => sum + weights[at] * part[band], 0))
}

function standardised(scores: Float64Array): Float64Array {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length)
  return scores.map((score) => (deviation < 1e-10 ? score - mean : (score - mean) / deviation))
}

/**
 * Three bands, one after the other, each with the largest score less `penalty` times its largest correlation with those
 * already chosen (Peng, Long and Ding, Feature Selection Based on Mutual Information, 2005); of equal ones the first.
 * `candidates`: from which bands the next choice is made.
 */
export function leastRedundant(scores: Float64Array, correlation: Float64Array, penalty: number, candidates: (chosen: readonly number[]) => readonly number[]): number[] {
  const chosen: number[] = []
  while (chosen.length < 3) {
    const likeness = (band: number): number => Math.max(0, ...chosen.map((one) => correlation[band * scores.length + one]))
    const adjusted = (band: number): number => scores[band] - penalty * likeness(band)
    chosen.push(candidates(chosen).reduce((best, band) => (adjusted(band) > adjusted(best) ? band : best)))
  }
  return chosen
}
