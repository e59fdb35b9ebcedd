import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { contents, deepSVDD, observed, request, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

// Training with the concrete band selector: noise, a temperature, and a loss that looks at no pixel.

let folder: string
let cube: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterEach(() => rm(folder, { recursive: true }))

const selecting = (pairs: 'all' | 'nonzero', trainer: Record<string, unknown> = {}) => deepSVDD({ epochs: 6, unfreeze: ['bands', 'projection'], optimizer: { name: 'adamw', lr: 0.05 }, ...trainer }, ({ nodes, connections }) => {
  nodes.bands = { type: 'ConcreteBandSelector', config: { output_channels: 2, max_epochs: 6 } }
  nodes.distinct = { type: 'DistinctnessLoss', config: { pairs, weight: 1 } }
  connections.splice(1, 1, ['encoder.normalized', 'bands.data'], ['bands.rgb', 'projection.data'], ['bands.selection_weights', 'distinct.selection_weights'])
})

describe('training a band selector', () => {
  it('lowers the temperature, chooses bands, and resumes from any epoch to the same bytes', async () => {
    const whole = join(folder, 'whole')
    await fitPipeline(request(selecting('all'), [cube], whole), observed())
    const { record, state } = await openTrainedPipeline(whole)
    const temperatures = record.epochs.map(({ settings }) => settings?.['bands.tau'] ?? NaN)
    temperatures.forEach((temperature, epoch) => expect(temperature).toBeCloseTo(10 * (0.1 / 10) ** (epoch / 6), 10))
    expect((state.get('bands.logits')?.data as Float32Array).some((logit) => Math.abs(logit) > 0.1)).toBe(true)
    const expected = (await contents(whole))['state.safetensors']
    for (const epoch of [1, 4]) {
      const out = join(folder, `from-${epoch}`)
      await fitPipeline(request(selecting('all'), [cube], out), stopAfterEpoch(epoch))
      await fitPipeline(request(selecting('all'), [cube], out, { resume: true, seed: undefined }), observed())
      expect((await contents(out))['state.safetensors']).toBe(expected)
    }
  })

  it('goes on where a validation loss is not defined although there are scores, and says so', async () => {
    const report = await fitPipeline(request(selecting('nonzero'), [cube], join(folder, 'out')), observed())
    const { record } = await openTrainedPipeline(join(folder, 'out'))
    const undefinedIn = record.epochs.filter(({ validationLoss }) => validationLoss === null).length
    expect(undefinedIn).toBeGreaterThan(0)
    expect(report).toMatchObject({ stopped: false, phases: { gradient: { epochs: 6 } } })
    expect(report.warnings).toEqual([`The validation loss was not defined in ${undefinedIn} of 6 epochs, although every pixel had a score; watch a metric instead.`])
    expect(report.metrics?.auc).toBeGreaterThan(0.5)
  })
})
