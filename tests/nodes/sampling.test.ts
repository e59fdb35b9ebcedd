import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { choosePixels, gatherRows } from '../../src/engine/nodes/sampling'

function chosen(wanted: number, total: number, batches: readonly number[], seed: number): number[] {
  const choice = choosePixels(wanted, total, randomSource(seed, 'node'))
  const found: number[] = []
  let seen = 0
  for (const count of batches) {
    for (const row of choice.next(count)) found.push(seen + row)
    seen += count
  }
  return found
}

describe('the choice of pixels', () => {
  it('takes exactly as many as wanted, each once, however the stream is cut', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const whole = chosen(7, 50, [50], seed)
      expect(whole).toHaveLength(7)
      expect(new Set(whole).size).toBe(7)
      expect(chosen(7, 50, [1, 0, 30, 19], seed)).toEqual(whole)
    }
  })

  it('takes all of them when there are no more than wanted', () => {
    expect(chosen(50, 5, [2, 3], 1)).toEqual([0, 1, 2, 3, 4])
    expect(chosen(Infinity, 3, [3], 1)).toEqual([0, 1, 2])
  })

  it('gives each pixel the same chance', () => {
    const counts = new Array<number>(20).fill(0)
    for (let seed = 0; seed < 4000; seed += 1) for (const row of chosen(5, 20, [20], seed)) counts[row] += 1
    // Expected 1000 each, with a standard deviation of 27.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140)
  })

  it('depends on the seed alone', () => {
    expect(chosen(5, 100, [100], 1)).toEqual(chosen(5, 100, [100], 1))
    expect(chosen(5, 100, [100], 1)).not.toEqual(chosen(5, 100, [100], 2))
  })

  it('goes on when more pixels come than were announced, and when fewer come', () => {
    expect(chosen(3, 3, [5], 1)).toEqual([0, 1, 2])
    expect(chosen(5, 100, [50], 1).length).toBeLessThanOrEqual(5)
  })

  it('copies rows in their order', () => {
    expect([...gatherRows(Float32Array.of(0, 1, 10, 11, 20, 21), 2, Uint32Array.of(0, 2))]).toEqual([0, 1, 20, 21])
  })
})
