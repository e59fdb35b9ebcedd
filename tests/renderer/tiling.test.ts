import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bandStride } from '../../src/shared/band-stride'
import { tilesOf } from '../../src/renderer/viewer/tiling'

describe('tiles', () => {
  it('are one where the plane fits', () => {
    expect(tilesOf(90, 120, 120)).toEqual([
      { x: 0, y: 0, width: 120, height: 90, textureX: 0, textureY: 0, textureWidth: 120, textureHeight: 90 },
    ])
  })

  it('cover every pixel once, keep to the limit and hold the neighbours of their content', () => {
    const size = fc.integer({ min: 1, max: 70 })
    fc.assert(
      fc.property(size, size, fc.integer({ min: 3, max: 40 }), (height, width, limit) => {
        const covered = new Uint8Array(height * width)
        for (const tile of tilesOf(height, width, limit)) {
          expect(Math.max(tile.textureWidth, tile.textureHeight)).toBeLessThanOrEqual(limit)
          expect(tile.textureX).toBe(Math.max(0, tile.x - (width > limit ? 1 : 0)))
          expect(tile.textureY).toBe(Math.max(0, tile.y - (height > limit ? 1 : 0)))
          expect(tile.textureX + tile.textureWidth).toBeGreaterThanOrEqual(Math.min(width, tile.x + tile.width + (width > limit ? 1 : 0)))
          expect(tile.textureY + tile.textureHeight).toBeGreaterThanOrEqual(Math.min(height, tile.y + tile.height + (height > limit ? 1 : 0)))
          expect(tile.textureX + tile.textureWidth).toBeLessThanOrEqual(width)
          for (let y = tile.y; y < tile.y + tile.height; y += 1) for (let x = tile.x; x < tile.x + tile.width; x += 1) covered[y * width + x] += 1
        }
        expect(covered.every((times) => times === 1)).toBe(true)
      }),
    )
  })
})

describe('stride of a band', () => {
  it('is the smallest whose answer stays within 16 MB', () => {
    expect(bandStride(200, 200)).toBe(1)
    expect(bandStride(2048, 2048)).toBe(1)
    expect(bandStride(2048, 2049)).toBe(2)
    for (const [lines, samples] of [[10_000, 8000], [1, 5_000_000], [40_000, 1000]]) {
      const stride = bandStride(lines, samples)
      const bytes = (each: number) => Math.ceil(lines / each) * Math.ceil(samples / each) * 4
      expect(bytes(stride)).toBeLessThanOrEqual(16 * 2 ** 20)
      expect(bytes(stride - 1)).toBeGreaterThan(16 * 2 ** 20)
    }
  })
})
