import { describe, expect, it } from 'vitest'
import type { TileBatch } from '../../src/engine/pipeline/trainer'
import type { Frame } from '../../src/engine/training/frame'
import { gridTiles, tileBatches } from '../../src/engine/training/tiles'
import { memoryCube } from '../inference/cubes'
import { sceneMask, scenePixels, SHAPE } from './scene'

// Every pixel says where it is.
const [lines, samples] = SHAPE
const numbered = scenePixels().map((_, index) => Math.floor(index / SHAPE[2]))
const frame = (): Frame => ({ cube: memoryCube(SHAPE, numbered), targets: sceneMask().map((value) => (value > 0 ? 1 : 0)) })
const tile = (more: Partial<TileBatch> = {}): TileBatch => ({ unit: 'tiles', size: 4, lines: 6, samples: 7, overlap: 0, place: 'grid', ...more })
const frames = [frame(), frame()]

function holesAt(...places: number[]): Uint8Array {
  const holes = new Uint8Array(lines * samples)
  for (const place of places) holes[place] = 1
  return holes
}

async function walked(of: Frame[], size: TileBatch, epoch: number, holes: (Uint8Array | null)[] = [null, null], order = { seed: 1, shuffle: true }) {
  const { tiles } = gridTiles(of, holes, size)
  const data = tileBatches(of, holes, tiles, size, order)
  const batches = [...data.batches(epoch)]
  expect(batches).toHaveLength(data.batchesPerEpoch)
  const found = []
  for (const batch of batches) for await (const piece of batch.pieces()) found.push(piece)
  return found
}

describe('tiles', () => {
  it('cover a cube, pushed back to its border, and overlap as asked', () => {
    const places = (size: TileBatch) => gridTiles([frame()], [null], size).tiles.map(({ line, sample }) => [line, sample])
    expect(places(tile())).toEqual([0, 6, 12].flatMap((line) => [0, 7, 13].map((sample) => [line, sample])))
    expect(places(tile({ lines: 18, samples: 20 }))).toEqual([[0, 0]])
    expect(places(tile({ lines: 10, samples: 20, overlap: 3 }))).toEqual([[0, 0], [7, 0], [8, 0]])
  })

  it('are refused when they are larger than a cube', () => {
    expect(() => gridTiles([frame()], [null], tile({ lines: 19 }))).toThrow('/memory/cube has 18 lines x 20 samples, less than a tile of 19 x 7; set trainer.batch.size to at most [18, 20].')
  })

  it('leave out those with pixels that cannot be used', () => {
    const { tiles, leftOut } = gridTiles(frames, [null, holesAt(0, 5 * samples + 6, 17 * samples + 19)], tile())
    expect({ tiles: tiles.length, leftOut }).toEqual({ tiles: 16, leftOut: 2 })
    expect(tiles.some(({ frame: of, line, sample }) => of === 1 && line === 0 && sample === 0)).toBe(false)
  })

  it('come as images with their masks, in an order that seed and epoch decide', async () => {
    const found = await walked(frames, tile(), 1)
    expect(found.map(({ cube: { shape } }) => shape)).toEqual([4, 4, 4, 4, 2].map((count) => [count, 6, 7, 6]))
    expect(found.map(({ pixels }) => pixels)).toEqual([4, 4, 4, 4, 2].map((count) => count * 42))
    for (const { cube, targets } of found) {
      for (let pixel = 0; pixel < cube.shape[0] * 42; pixel += 1) {
        const place = cube.data[pixel * 6]
        expect(place).toBe(cube.data[(pixel - (pixel % 42)) * 6] + Math.floor((pixel % 42) / 7) * samples + (pixel % 7))
        expect(targets?.data[pixel]).toBe(frames[0].targets?.[place])
      }
    }
    expect(await walked(frames, tile(), 1)).toEqual(found)
    expect(await walked(frames, tile(), 2)).not.toEqual(found)
    expect(await walked(frames, tile(), 1, undefined, { seed: 2, shuffle: true })).not.toEqual(found)
    const inOrder = await walked(frames, tile(), 2, undefined, { seed: 2, shuffle: false })
    expect(inOrder[0].cube.data[42 * 6]).toBe(7)
    const bare = await walked([frame(), { ...frame(), targets: null }], tile(), 1)
    expect(bare.every(({ targets }) => targets === null)).toBe(true)
  })

  it('lie anywhere when that is asked for, but never over pixels that cannot be used', async () => {
    const random = tile({ place: 'random' })
    const holes = [holesAt(9 * samples + 10), null]
    const first = await walked(frames, random, 1, holes)
    expect(await walked(frames, random, 1, holes)).toEqual(first)
    expect(await walked(frames, random, 2, holes)).not.toEqual(first)
    const starts = (await Promise.all([1, 2, 3].map((epoch) => walked([frame()], random, epoch, [holes[0]])))).flat()
      .flatMap(({ cube }) => Array.from({ length: cube.shape[0] }, (_, index) => cube.data[index * 42 * 6]))
    expect(new Set(starts).size).toBeGreaterThan(12)
    for (const start of starts) {
      const [line, sample] = [Math.floor(start / samples), start % samples]
      expect(line <= 9 && 9 < line + 6 && sample <= 10 && 10 < sample + 7).toBe(false)
    }
  })
})
