import { describe, expect, it } from 'vitest'
import { chunksOf, scan } from '../../src/engine/inference/scan'
import { memoryCube } from './cubes'

const ramp = (count: number) => Float32Array.from({ length: count }, (_, index) => index)

async function cuts(lines: number, samples: number, bytes: number): Promise<{ chunks: number[]; reads: number; blocks: number }> {
  const cube = memoryCube([lines, samples, 2], ramp(lines * samples * 2))
  const chunks: number[] = []
  let blocks = 0
  let next = 0
  for await (const block of scan(cube, { bytes })) {
    blocks += 1
    expect(block.first).toBe(next)
    expect(block.pixels[0]).toBe(next * 2)
    expect(block.pixels).toHaveLength(block.count * 2)
    let end = 0
    for (const [from, to] of chunksOf(block, samples)) {
      expect(from).toBe(end)
      end = to
      chunks.push(block.first + from)
    }
    expect(end).toBe(block.count)
    next += block.count
  }
  expect(next).toBe(lines * samples)
  return { chunks, reads: cube.reads, blocks }
}

describe('scanning a cube', () => {
  it('reads every pixel once, in order, whatever the budget', async () => {
    for (const bytes of [1, 3000, 1e6, 1e9]) expect((await cuts(37, 111, bytes)).reads).toBe(37 * 111)
  })

  it('cuts chunks at the same pixels whatever the budget', async () => {
    for (const [lines, samples] of [[200, 50], [7, 5000], [3, 4096], [1, 1]]) {
      const small = await cuts(lines, samples, 1)
      const large = await cuts(lines, samples, 1e9)
      expect(small.chunks).toEqual(large.chunks)
      expect(large.blocks).toBe(1)
    }
  })

  it('stops when asked to', async () => {
    const controller = new AbortController()
    controller.abort()
    const walk = async () => { for await (const block of scan(memoryCube([4, 4, 1], ramp(16)), { bytes: 1, signal: controller.signal })) void block }
    await expect(walk()).rejects.toMatchObject({ code: 'cancelled' })
  })
})
