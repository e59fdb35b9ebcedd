import { describe, expect, it } from 'vitest'
import { haloOf } from '../../src/engine/inference/scene'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import { pipelineOf } from '../golden/documents'
import { scenePixels } from '../training/scene'
import { everyBand, memoryCube, scoresOfCube as scoreCube } from './cubes'

const pipelineWith = (type: string, config: Record<string, unknown> = {}) =>
  pipelineOf({ nodes: { cube: { type: 'Cube' }, node: { type, config }, decider: { type: 'QuantileBinaryDecider' } }, connections: [['cube.cube', 'node.data'], ['node.scores', 'decider.logits']] }, { channels: 6, wavelengthsNm: null })

describe('scoring in tiles that overlap', () => {
  it('knows how far the nodes look, and which need the whole image', () => {
    expect(haloOf(pipelineWith('RXLocal', { inner_window: 3, outer_window: 7 }))).toBe(6)
    expect(haloOf(pipelineWith('RXPerBatch'))).toBeNull()
  })

  it('gives the scores of the whole image, at the edges of the image and of the tiles, the last ones of any size', async () => {
    const pipeline = pipelineWith('RXLocal', { inner_window: 3, outer_window: 7 })
    const shape: [number, number, number] = [23, 31, 6]
    const session = await openSession(encodeModel(compileInference(pipeline, initialState(pipeline, 0), { decisions: false }).graph), 'cpu', { threads: 1 })
    const cube = memoryCube(shape, scenePixels(4, shape))
    const options = { bytes: 1e9, local: false, usable: everyBand }
    const whole = await scoreCube(session, cube, options)
    for (const tile of [5, 11, 22, 40]) {
      let told = 0
      const tiled = await scoreCube(session, cube, { ...options, halo: haloOf(pipeline), tile, onPixels: (count) => { told += count } })
      expect(told).toBe(23 * 31)
      tiled.values.forEach((score, pixel) => expect(Math.abs(score / whole.values[pixel] - 1), `tile ${tile}, pixel ${pixel}`).toBeLessThan(1e-5))
    }
    await session.release()
  })

  it('reads tiles that fit into its budget, margin and the next tile included, with the same scores, and says what it needs at least', async () => {
    const pipeline = pipelineWith('RXLocal', { inner_window: 3, outer_window: 7 })
    const shape: [number, number, number] = [70, 90, 6]
    const session = await openSession(encodeModel(compileInference(pipeline, initialState(pipeline, 0), { decisions: false }).graph), 'cpu', { threads: 1 })
    const cube = memoryCube(shape, scenePixels(4, shape))
    let largest = 0
    const watched = { ...cube, readPixels: (...args: Parameters<typeof cube.readPixels>) => {
      largest = Math.max(largest, args[0].lines * args[0].samples * shape[2] * 4)
      return cube.readPixels(...args)
    } }
    const options = { local: false, halo: haloOf(pipeline), usable: everyBand }
    const whole = await scoreCube(session, cube, { ...options, bytes: 1e9 })
    for (const bytes of [40_000, 100_000, 250_000]) {
      largest = 0
      expect((await scoreCube(session, watched, { ...options, bytes })).values).toEqual(whole.values)
      expect(2 * largest).toBeLessThanOrEqual(bytes)
      expect(2 * largest).toBeGreaterThan(bytes / 2)
    }
    await expect(scoreCube(session, cube, { ...options, bytes: 30_000 })).rejects.toThrow('looks 6 pixels around each pixel of')
    await session.release()
  })
})
