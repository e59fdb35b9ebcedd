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

  it('reads the next block while one is worked on, and never more than two', async () => {
    const [lines, samples] = [64, 1024]
    const inner = memoryCube([lines, samples, 2], ramp(lines * samples * 2))
    const told: string[] = []
    let held = 0
    const cube = { ...inner, reads: 0, readPixels: async (...args: Parameters<typeof inner.readPixels>) => {
      held = Math.max(held, args[0].lines * samples * 2 * 4)
      told.push(`begin ${args[0].line}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      told.push(`end ${args[0].line}`)
      return inner.readPixels(...args)
    } }
    for await (const block of scan(cube, { bytes: 2 * 16 * samples * 2 * 4 })) {
      await new Promise((resolve) => setTimeout(resolve, 15))
      told.push(`worked on ${block.first / samples}`)
    }
    expect(told).toEqual([0, 16, 32, 48].flatMap((line, index, all) => [
      ...(index === 0 ? ['begin 0', 'end 0'] : []),
      ...(index + 1 < all.length ? [`begin ${all[index + 1]}`, `end ${all[index + 1]}`] : []),
      `worked on ${line}`,
    ]))
    expect(2 * held).toBe(2 * 16 * samples * 2 * 4)
  })

  it('tells a read that failed in its turn, and leaves none under way when the walk is given up', async () => {
    const inner = memoryCube([64, 1024, 2], ramp(64 * 1024 * 2))
    let underWay = 0
    const cube = { ...inner, reads: 0, readPixels: async (...args: Parameters<typeof inner.readPixels>) => {
      underWay += 1
      await new Promise((resolve) => setTimeout(resolve, 10))
      underWay -= 1
      if (args[0].line === 32) throw new Error('the disk is gone')
      return inner.readPixels(...args)
    } }
    const seen: number[] = []
    const walk = async (until: number) => { for await (const { first } of scan(cube, { bytes: 2 * 16 * 1024 * 2 * 4 })) { seen.push(first / 1024); if (first / 1024 === until) return } }
    await expect(walk(64)).rejects.toThrow('the disk is gone')
    expect(seen).toEqual([0, 16])
    await walk(16)
    expect(underWay).toBe(0)
  })

  it('stops when asked to', async () => {
    const controller = new AbortController()
    controller.abort()
    const walk = async () => { for await (const block of scan(memoryCube([4, 4, 1], ramp(16)), { bytes: 1, signal: controller.signal })) void block }
    await expect(walk()).rejects.toMatchObject({ code: 'cancelled' })
  })
})
