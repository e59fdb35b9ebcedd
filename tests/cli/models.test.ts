import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PipelineSummary } from '../../src/shared/nodes'
import { scorerFile, SMALL_SCORER } from '../onnx/transformer-scorer'
import { answer, built, refusal } from './cuvette'
import { writeSmallCube } from './small-cubes'

// Documents that name models, on the command line: `check` reads them as `fit` does.

let folder: string
let cube: string
beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-models-'))
  cube = await writeSmallCube(folder, 'scene', { lines: 16, samples: 16, header: { bbl: '{1, 1, 1, 0, 1, 1}' } })
  await mkdir(join(folder, 'models'))
  await writeFile(join(folder, 'models', 'scorer.onnx'), scorerFile())
  await writeFile(join(folder, 'models', 'four.onnx'), scorerFile({ ...SMALL_SCORER, channels: 4 }))
}, 180_000)
afterAll(() => rm(folder, { recursive: true }))

const TYPES = [['OnnxModel', 'data', {}], ['AdaCLIPDetector', 'rgb_image', { image_size: 16, gaussian_sigma: 0, enable_gradients: true }]] as const

async function write(type: string, port: string, config: object): Promise<string> {
  const path = join(folder, `${type}.yaml`)
  await writeFile(path, JSON.stringify({
    nodes: {
      cube: { type: 'Cube' }, bands: { type: 'ConcreteBandSelector', config: { input_channels: 5, output_channels: 3 } }, scorer: { type, config },
      loss: { type: 'IoULoss' },
    },
    connections: [['cube.cube', 'bands.data'], ['bands.rgb', `scorer.${port}`], ['scorer.scores', 'loss.predictions'], ['cube.mask', 'loss.targets']],
    trainer: { epochs: 1, unfreeze: ['bands'] },
  }))
  return path
}

describe.each(TYPES)('check of a document with %s', (type, port, config) => {
  it('reads the model beside it, and leaves out bad bands as a fit does', async () => {
    const path = await write(type, port, { ...config, model: 'models/scorer.onnx' })
    for (const more of [[], ['--data', cube]]) expect(await answer<PipelineSummary>(['check', path, ...more])).toMatchObject({ path, problems: [] })
  })

  it.each([
    ['a model that is not there', { model: 'models/none.onnx' }, 'missing-file', /^The node scorer \(\w+\): There is no model at .*none\.onnx; export the scorer to ONNX/],
    ['a model that takes other channels', { model: 'models/four.onnx' }, 'bad-pipeline', /takes 4 channels at its input image \[batch, 4, 16, 16\], but 3 arrive/],
    ['an output that the model lacks', { model: 'models/scorer.onnx', output: 'map' }, 'bad-pipeline', /has no output map; it has scores\.$/],
  ])('names %s', async (_what, parameters, code, message) => {
    const path = await write(type, port, { ...config, ...parameters })
    for (const more of [[], ['--data', cube]]) {
      const error = await refusal(['check', path, ...more])
      expect(error.code).toBe(code)
      expect(error.message).toMatch(message)
    }
  })
})
