import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { localContrast } from '../../scripts/scorer/local-contrast'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { compileInference, compileTraining } from '../../src/engine/pipeline/compile'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { withNodeFiles } from '../../src/engine/pipeline/node-files'
import { trainedNames } from '../../src/engine/pipeline/state'
import { writePipeline } from '../../src/engine/pipeline/write-document'
import { someState } from './documents'

const folder = resolve(import.meta.dirname, '../../resources/pipelines')
const visible = { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 430 + 8 * band) }

describe('the pipelines that come with Cuvette', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s', async (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    expect(describePipeline(text, name, null).problems).toEqual([])
    expect(describePipeline(text, name, visible).problems).toEqual([])
    expect(describePipeline(writePipeline(parsePipeline(text, name)), name, visible)).toEqual(describePipeline(text, name, visible))
    const pipeline = resolvePipeline(await withNodeFiles(parsePipeline(text, join(folder, name)), null), visible)
    const state = someState(pipeline)
    expect(compileInference(pipeline, state).decisions).not.toBeNull()
    if (pipeline.trainer) {
      const trained = trainedNames(pipeline, pipeline.trainer)
      expect(compileTraining(pipeline, state, { trained, losses: pipeline.trainer.losses }).parameters.map((parameter) => parameter.name)).toEqual(trained)
    }
  })
})

describe('the scorer that comes with them', () => {
  const bytes = readFileSync(join(folder, 'local-contrast.onnx'))

  it('is what its script writes', () => {
    expect(Buffer.from(localContrast()).equals(bytes)).toBe(true)
  })

  it('measures how far the neighbourhood of a pixel is from its surroundings, in their standard deviations', async () => {
    const size = 41
    const values = Float32Array.from({ length: 3 * size * size }, (_, at) => Math.sin(at * 12.9898) + (at % (size * size) === 20 * size + 20 ? 40 : 0))
    const session = await openSession(bytes, 'cpu')
    const { scores } = await session.run({ image: float32([1, 3, size, size], values) }).finally(() => session.release())
    expect(scores.shape).toEqual([1, 1, size, size])
    // By the definition, in float64, at a pixel in the middle and at a corner, whose squares are cut.
    const expected = (line: number, sample: number): number => {
      const square = (channel: number, side: number, of: (value: number, l: number, s: number) => number, at: [number, number]): number => {
        let [sum, count] = [0, 0]
        for (let l = Math.max(0, at[0] - (side >> 1)); l <= Math.min(size - 1, at[0] + (side >> 1)); l += 1) {
          for (let s = Math.max(0, at[1] - (side >> 1)); s <= Math.min(size - 1, at[1] + (side >> 1)); s += 1) {
            sum += of(values[channel * size * size + l * size + s], l, s)
            count += 1
          }
        }
        return sum / count
      }
      const ratios = [0, 1, 2].map((channel) => {
        const around = (l: number, s: number) => square(channel, 31, (value) => value, [l, s])
        const variance = square(channel, 31, (value, l, s) => (value - around(l, s)) ** 2, [line, sample])
        return (square(channel, 3, (value) => value, [line, sample]) - around(line, sample)) ** 2 / (variance + 1e-6)
      })
      return Math.sqrt((ratios[0] + ratios[1] + ratios[2]) / 3 + 1e-12)
    }
    for (const [line, sample] of [[20, 20], [0, 0], [7, 33]]) {
      expect(Math.abs((scores.data[line * size + sample] as number) / expected(line, sample) - 1)).toBeLessThan(1e-4)
    }
  })
})
