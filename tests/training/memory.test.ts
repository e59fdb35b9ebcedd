import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Cube } from '../../src/engine/cube'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { fitMemory } from '../../src/engine/training/memory'
import { FIT_MEMORY_MB } from '../../src/shared/memory'
import { contents, deepSVDD, observed, request, rx, scenePixels, temporaryFolder, writeScene } from './scene'

vi.mock('../../src/engine/nodes/registry', async (original) => {
  const registry = await original<typeof import('../../src/engine/nodes/registry')>()
  const { imageNodes } = await import('./image-nodes')
  return { ...registry, nodeType: (name: string) => imageNodes.find(({ description }) => description.type === name) ?? registry.nodeType(name) }
})

/** Bytes of the largest window that was read of any cube. */
const { reads } = vi.hoisted(() => ({ reads: { largest: 0 } }))
vi.mock('../../src/engine/cube', async (original) => {
  const cubes = await original<typeof import('../../src/engine/cube')>()
  return {
    ...cubes,
    async openCube(...args: Parameters<typeof cubes.openCube>): Promise<Cube> {
      const cube = await cubes.openCube(...args)
      return new Proxy(cube, {
        get(target, key) {
          if (key !== 'readPixels') return Reflect.get(target, key, target) as unknown
          return async (...read: Parameters<Cube['readPixels']>) => {
            const pixels = await target.readPixels(...read)
            reads.largest = Math.max(reads.largest, read[0].lines * read[0].samples * (read[1]?.length ?? target.description.shape[2]) * 4)
            return pixels
          }
        },
      })
    },
  }
})

/** 2.7 MB of float32. */
const SHAPE: [number, number, number] = [900, 125, 6]
const WHOLE = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]

let folder: string
let cube: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'large', scenePixels(1, SHAPE), SHAPE)
  reads.largest = 0
})
afterEach(() => rm(folder, { recursive: true }))

const mean = (trainer: Record<string, unknown>) => deepSVDD({ batch: undefined, ...trainer }, ({ nodes, connections }) => {
  nodes.extra = { type: 'Centred' }
  connections.splice(0, 1, ['cube.cube', 'extra.data'], ['extra.out', 'encoder.data'])
})

describe('the shares of a memory budget', () => {
  it.each([1, 16, 64, FIT_MEMORY_MB, 4096])('of %i MB are at most that', (megabytes) => {
    const { training, validation, read, gathered, image } = fitMemory(megabytes)
    expect(training + validation + read + gathered).toBeLessThanOrEqual(megabytes * 2 ** 20)
    // Images go through instead of loose pixels.
    expect(image + read + gathered).toBeLessThanOrEqual(megabytes * 2 ** 20)
    expect(Math.min(training, validation, read, gathered, image)).toBeGreaterThan(0)
  })
})

describe('a fit within a budget that its cubes exceed', () => {
  it('reads in windows of its share, and finds the statistics of all pixels', async () => {
    const [small, plain] = [join(folder, 'small'), join(folder, 'plain')]
    await fitPipeline(request(rx(), [cube], plain), observed())
    expect(reads.largest).toBe(WHOLE)
    reads.largest = 0
    await fitPipeline(request(rx(), [cube], small, { memoryMB: 2 }), observed())
    expect(reads.largest).toBeLessThanOrEqual(fitMemory(2).read)
    const [found, expected] = await Promise.all([small, plain].map(contents))
    expect(found['state.safetensors']).toBe(expected['state.safetensors'])
    const [a, b] = await Promise.all([small, plain].map(openTrainedPipeline))
    expect(a.record.metrics).toEqual(b.record.metrics)
  })

  it.each([['loose pixels', { pixels: 5000 }], ['frames as loose pixels', { frames: 1 }]])('trains on %s in windows of its share', async (_what, batch) => {
    const report = await fitPipeline(request(deepSVDD({ batch, epochs: 1 }), [cube], join(folder, 'out'), { memoryMB: 2, validation: [cube] }), observed())
    expect(report.phases.gradient?.epochs).toBe(1)
    expect(reads.largest).toBeLessThanOrEqual(fitMemory(2).read)
  })

  it('refuses images that do not fit before it reads any', async () => {
    const refused = async (trainer: Record<string, unknown>, memoryMB: number): Promise<string> => {
      const context = observed()
      const error = await fitPipeline(request(mean(trainer), [cube], join(folder, 'out'), { memoryMB }), context).then(() => null, (reason: Error & { code: string }) => reason)
      expect(error).toMatchObject({ code: 'bad-argument' })
      expect(context.told).toEqual([])
      expect(await contents(join(folder, 'out'))).toEqual({})
      return error?.message ?? ''
    }
    expect(await refused({ epochs: 1 }, 2)).toBe('The statistics of encoder are of whole images, which need 3 MB at once, and the fit may use 1 MB for images; cut the cubes, or raise --memory.')
    const behind = (batch: object) => deepSVDD({ batch, epochs: 1 }, ({ nodes, connections }) => {
      nodes.extra = { type: 'Centred' }
      connections.splice(connections.findIndex(([, to]) => to === 'scores.embeddings'), 1, ['projection.embeddings', 'extra.data'], ['extra.out', 'scores.embeddings'])
    })
    const message = async (batch: object) => await fitPipeline(request(behind(batch), [cube], join(folder, 'out'), { memoryMB: 2 }), observed()).then(() => '', ({ message: said }: Error) => said)
    expect(await message({ frames: 1 })).toBe('The node extra looks at images, so whole frames go through, which need 3 MB at once, and the fit may use 1 MB for images; set trainer.batch to {tiles: 8, size: [64, 64]}, or raise --memory.')
    expect(await message({ tiles: 20, size: [64, 64] })).toBe('A batch of 20 tiles of 64 x 64 pixels needs 2 MB at once, and the fit may use 1 MB for images; set a smaller trainer.batch, or raise --memory.')
    expect(reads.largest).toBeLessThanOrEqual(fitMemory(2).image)
  })

  it('trains on tiles, validates on them, and keeps the pipeline although the cube cannot be scored whole', async () => {
    const behind = deepSVDD({ batch: { tiles: 4, size: [30, 30] }, epochs: 2 }, ({ nodes, connections }) => {
      nodes.extra = { type: 'Centred' }
      connections.splice(connections.findIndex(([, to]) => to === 'scores.embeddings'), 1, ['projection.embeddings', 'extra.data'], ['extra.out', 'scores.embeddings'])
    })
    const report = await fitPipeline(request(behind, [cube], join(folder, 'out'), { memoryMB: 2 }), observed())
    expect(report.phases.gradient?.epochs).toBe(2)
    expect(report.metrics).toBeNull()
    expect(report.warnings).toContain(`The training cubes were not scored: the scores need the whole image ${cube} at once, 3 MB, and the fit may use 1 MB for images; raise --memory, or score with "cuvette run --memory".`)
    expect(reads.largest).toBeLessThanOrEqual(fitMemory(2).image)
    expect((await openTrainedPipeline(join(folder, 'out'))).record.epochs).toHaveLength(2)
  })
})
