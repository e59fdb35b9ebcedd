import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { localityOf } from '../../src/engine/nodes/node'
import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState, setNodeState } from '../../src/engine/pipeline/state'
import { bandWidths, colorMatching } from '../../src/engine/nodes/color-matching'
import { oneNode, pipelineOf, refuseIfBad } from '../golden/documents'
import { fitted, repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const wavelengthsNm = [450, 500, 550, 600, 650, 700, 750, 800, 850, 900]
const [height, width, bands] = [6, 5, wavelengthsNm.length]

/** A cube whose bands differ in level and spread: band c holds (c + 1) times a pattern of 30 levels. */
const cube = float32([1, height, width, bands], Float32Array.from({ length: height * width * bands }, (_, at) => (1 + (at % bands)) * (((Math.floor(at / bands) * 7) % 30) / 30)))

interface Picture {
  shape: readonly number[]
  rgb: number[][]
  info: Record<string, number>
  outputs: Record<string, Tensor>
}

async function picture(name: string, hparams: Record<string, unknown> = {}, more: { cube?: Tensor; wavelengths?: readonly number[]; state?: Record<string, Tensor> } = {}): Promise<Picture> {
  const type = typeNamed(name)
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, hparams), inputs: { cube: more.cube ?? cube }, wavelengthsNm: more.wavelengths ?? wavelengthsNm, state: more.state })
  const { shape, data } = outputs.rgb_image
  const rgb = Array.from({ length: data.length / 3 }, (_, at) => [0, 1, 2].map((color) => Number(data[at * 3 + color])))
  return { shape, rgb, outputs, info: type.measurement?.measure({}, outputs) ?? {} }
}

const bandsOf = ({ info }: Picture, rows = ['red', 'green', 'blue']): number[] => rows.map((row) => info[`${row}/band`])
const column = ({ rgb }: Picture, color: number): number[] => rgb.map((pixel) => pixel[color])
const band = (index: number, of: Tensor = cube): number[] => Array.from({ length: of.data.length / bands }, (_, at) => Number(of.data[at * bands + index]))

const all = [
  'FixedWavelengthSelector', 'CIRSelector', 'RangeAverageFalseRGBSelector', 'FastRGBSelector', 'CIETristimulusFalseRGBSelector',
  'CameraEmulationFalseRGBSelector', 'HighContrastSelector', 'NDVISelector',
]

describe('every selector of bands by wavelength', () => {
  it.each(all)('%s makes a picture from 0 to 1 of any size in a pipeline', async (type) => {
    const pipeline = pipelineOf({
      nodes: { cube: { type: 'Cube' }, colors: { type }, rx: { type: 'RXGlobal' } },
      connections: [['cube.cube', 'colors.cube'], ['cube.wavelengths', 'colors.wavelengths'], ['colors.rgb_image', 'rx.data']],
    }, { channels: bands, wavelengthsNm })
    expect(pipeline.nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(3)
    const state = initialState(pipeline, 0)
    setNodeState(state, 'rx', { mu: float32([3], [0, 0, 0]), cov: float32([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]), whitening: float32([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]) })
    const ports = ['rgb_image', 'selection_weights', 'band_wavelengths_nm'].map((port) => `colors.${port}`)
    const session = await openSession(encodeModel(compileInference(pipeline, state, { ports }).graph), 'cpu', { threads: 1 })
    for (const shape of [[1, 6, 5, bands], [2, 3, 5, bands], [1, 1, 1, bands]]) {
      const count = shape.reduce((product, size) => product * size, 1)
      const results = await session.run({ cube: float32(shape, Float32Array.from({ length: count }, (_, at) => 1 + Math.sin(at))) })
      const { shape: found, data } = results['colors.rgb_image']
      expect(found).toEqual([...shape.slice(0, 3), 3])
      expect([...data].every((value) => Number(value) >= 0 && Number(value) <= 1)).toBe(true)
      expect(results['colors.selection_weights'].shape[1]).toBe(bands)
    }
    await session.release()
  })

  it.each(all)('%s says so when the cube has no wavelengths, or others', (type) => {
    expect(() => refuseIfBad(oneNode(type, {}, 'cube'), { channels: bands, wavelengthsNm: null })).toThrow(/the cube states none; attach wavelengths to the cube\./)
    const after = { nodes: { cube: { type: 'Cube' }, band: { type: 'BandpassByWavelength', config: { min_wavelength_nm: 500 } }, colors: { type } }, connections: [['cube.cube', 'band.data'], ['band.filtered', 'colors.cube']] as [string, string][] }
    expect(() => refuseIfBad(after, { channels: bands, wavelengthsNm })).toThrow(/gets 9 channels but 10 wavelengths/)
  })
})

describe('fixed wavelengths', () => {
  it('are those of the nearest bands, in their order', async () => {
    const found = await picture('FixedWavelengthSelector', { target_wavelengths: [640, 555, 300], normalize_output: false })
    expect(found.shape).toEqual([1, height, width, 3])
    expect(bandsOf(found)).toEqual([4, 2, 0])
    expect(found.info).toMatchObject({ 'red/nm': 650, 'green/nm': 550, 'blue/nm': 450, 'red/bands': 1 })
    expect([0, 1, 2].map((color) => column(found, color))).toEqual([4, 2, 0].map((index) => band(index)))
    expect(localityOf(typeNamed('FixedWavelengthSelector'), repositoryParameters(typeNamed('FixedWavelengthSelector'), { normalize_output: false }), 'inference')).toBe('pixel')
  })

  it('take bands in any order, and need three', async () => {
    const found = await picture('FixedWavelengthSelector', {}, { wavelengths: [...wavelengthsNm].reverse() })
    expect(bandsOf(found)).toEqual([5, 7, 9])
    expect(() => refuseIfBad(oneNode('FixedWavelengthSelector', { target_wavelengths: [650, 550] }, 'cube'), { channels: bands, wavelengthsNm })).toThrow(/has 2 numbers; 3 are expected/)
  })

  it('may be shown by colour infrared', async () => {
    const found = await picture('CIRSelector')
    expect(bandsOf(found)).toEqual([8, 4, 2])
    expect(found.rgb.flat().every((value) => value >= 0 && value <= 1)).toBe(true)
  })
})

describe('rendering', () => {
  const plain = { target_wavelengths: [650, 550, 450], apply_gamma: false }

  it('runs from the 0.5 to the 99.5 percentile of each colour', async () => {
    const found = await picture('FixedWavelengthSelector', plain)
    const values = band(4)
    const sorted = [...values].sort((a, b) => a - b)
    const quantile = (share: number): number => {
      const rank = share * (sorted.length - 1)
      return sorted[Math.floor(rank)] + (sorted[Math.ceil(rank)] - sorted[Math.floor(rank)]) * (rank - Math.floor(rank))
    }
    const [low, high] = [quantile(0.005), quantile(0.995)]
    column(found, 0).forEach((value, at) => expect(value).toBeCloseTo(Math.min(1, Math.max(0, (values[at] - low) / (high - low))), 4))
  })

  it('runs from the smallest to the largest value per frame, whatever pixels are missing', async () => {
    const holed = float32(cube.shape, cube.data.map((value, at) => (at < bands ? NaN : value)))
    const found = await picture('FixedWavelengthSelector', { ...plain, norm_mode: 'per_frame' }, { cube: holed })
    expect(found.rgb[0].every(Number.isNaN)).toBe(true)
    const values = band(4, holed).slice(1)
    const [low, high] = [Math.min(...values), Math.max(...values)]
    column(found, 0).slice(1).forEach((value, at) => expect(value).toBeCloseTo((values[at] - low) / (high - low), 5))
  })

  it('lifts the middle tones by the curve of sRGB', async () => {
    const [linear, curved] = [await picture('FixedWavelengthSelector', plain), await picture('FixedWavelengthSelector', { ...plain, apply_gamma: true })]
    linear.rgb.flat().forEach((value, at) => {
      const expected = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055
      expect(curved.rgb.flat()[at]).toBeCloseTo(expected, 5)
    })
  })

  it('uses bounds of the training pixels in mode statistical, the same for every image', async () => {
    const type = typeNamed('RangeAverageFalseRGBSelector')
    const parameters = repositoryParameters(type, { norm_mode: 'statistical', apply_gamma: false, red_range: [600, 650], green_range: [500, 550], blue_range: [450, 450] })
    expect(type.fit?.needed?.(parameters)).toBe(true)
    expect(type.fit?.needed?.(repositoryParameters(type))).toBe(false)
    const train = float32([1, 1, 201, bands], Float32Array.from({ length: 201 * bands }, (_, at) => Math.floor(at / bands)))
    const state = await fitted(type, parameters, [train], { wavelengthsNm })
    expect([...state.running_min.data].map(Number)).toEqual([1, 1, 1])
    expect([...state.running_max.data].map(Number)).toEqual([199, 199, 199])
    const { outputs } = await runNode({ type, parameters, inputs: { cube: float32([1, 1, 2, bands], [...new Array<number>(bands).fill(100), ...new Array<number>(bands).fill(400)]) }, state, wavelengthsNm })
    expect([...outputs.rgb_image.data].map(Number)).toEqual([0.5, 0.5, 0.5, 1, 1, 1])
    expect(localityOf(type, parameters, 'inference')).toBe('pixel')
    await expect(fitted(type, parameters, [], { wavelengthsNm })).rejects.toThrow(/received no pixels/)
  })

  it('stays dark where an image is constant', async () => {
    const found = await picture('FixedWavelengthSelector', {}, { cube: float32([1, 2, 2, bands], new Float32Array(4 * bands).fill(3)) })
    expect(found.rgb.flat()).toEqual(new Array(12).fill(0))
  })
})

describe('ranges of wavelengths', () => {
  it('are averaged, bounds included; an empty one is black', async () => {
    const found = await picture('RangeAverageFalseRGBSelector', { red_range: [600, 700], green_range: [500, 550], blue_range: [100, 200], apply_gamma: false, norm_mode: 'per_frame' })
    expect(found.info).toMatchObject({ 'red/bands': 3, 'red/nm': 650, 'green/bands': 2, 'green/nm': 525, 'blue/bands': 0 })
    expect(found.info['blue/band']).toBeNaN()
    expect(column(found, 2).every((value) => value === 0)).toBe(true)
    expect(Array.from(found.outputs.selection_weights.data as Float32Array).slice(0, bands)).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0].map((value) => Math.fround(value / 3)))
  })

  it('are refused when none has a band, or when one is upside down', () => {
    const facts = { channels: bands, wavelengthsNm }
    expect(() => refuseIfBad(oneNode('RangeAverageFalseRGBSelector', {}, 'cube'), { channels: 2, wavelengthsNm: [1000, 1100] })).toThrow(/from 1000 nm to 1100 nm, lies in the ranges of red, green and blue/)
    expect(() => refuseIfBad(oneNode('RangeAverageFalseRGBSelector', { red_range: [650, 580] }, 'cube'), facts)).toThrow(/starts at 650 nm and ends at 580 nm/)
    expect(() => refuseIfBad(oneNode('FastRGBSelector', { blue_range: [1] }, 'cube'), facts)).toThrow(/has 1 numbers; 2 are expected/)
  })

  it('are scaled by the mean of the image and put into 256 steps (fast)', async () => {
    const ranges = { red_range: [600, 700], green_range: [500, 550], blue_range: [450, 450] }
    const found = await picture('FastRGBSelector', ranges)
    const means = [[3, 4, 5], [1, 2], [0]].map((some) => band(0).map((_, at) => some.reduce((sum, index) => sum + band(index)[at], 0) / some.length))
    const mean = means.flat().reduce((sum, value) => sum + value, 0) / means.flat().length
    found.rgb.forEach((pixel, at) => pixel.forEach((value, color) => expect(Math.abs(value * 255 - Math.min(255, means[color][at] * 0.75 * 128 / mean))).toBeLessThanOrEqual(0.5001)))
    expect(found.rgb.flat().every((value) => Math.abs(value * 255 - Math.round(value * 255)) < 1e-4)).toBe(true)
  })

  it('are scaled as reflectances up to 10000 without strength, and dark images stay dark (fast)', async () => {
    const reflectance = float32([1, 1, 2, bands], [...new Array<number>(bands).fill(10_000), ...new Array<number>(bands).fill(5_000)])
    expect((await picture('FastRGBSelector', { normalization_strength: 0 }, { cube: reflectance })).rgb).toEqual([[1, 1, 1], [128, 128, 128].map((value) => Math.fround(value / 255))])
    expect((await picture('FastRGBSelector', {}, { cube: float32([1, 1, 2, bands], new Float32Array(2 * bands)) })).rgb.flat()).toEqual([0, 0, 0, 0, 0, 0])
  })
})

describe('the standard observer', () => {
  it('has the published values, and none outside of the visible range', () => {
    // The tabulated observer at some wavelengths; the fit is within two hundredths of it.
    const table: Record<number, number[]> = { 450: [0.3362, 0.038, 1.7721], 500: [0.0049, 0.323, 0.272], 555: [0.5121, 1, 0.0057], 600: [1.0622, 0.631, 0.0008], 650: [0.2835, 0.107, 0] }
    for (const [wavelength, expected] of Object.entries(table)) colorMatching(Number(wavelength)).forEach((value, at) => expect(Math.abs(value - expected[at])).toBeLessThan(0.03))
    expect([colorMatching(379), colorMatching(781)]).toEqual([[0, 0, 0], [0, 0, 0]])
  })

  it('gives every band the width between its neighbours, in any order', () => {
    expect(bandWidths([400, 410, 430])).toEqual([10, 15, 20])
    expect(bandWidths([430, 400, 410])).toEqual([20, 10, 15])
    expect(bandWidths([500])).toEqual([1])
  })

  it('shows light of one wavelength in its colour, and near infrared not at all', async () => {
    const fine = Array.from({ length: 81 }, (_, at) => 380 + 10 * at)
    const lit = [450, 540, 620, 1000].flatMap((nm) => fine.map((wavelength) => (wavelength === nm ? 1 : 0)))
    const found = await picture('CIETristimulusFalseRGBSelector', { norm_mode: 'per_frame', apply_gamma: false }, { cube: float32([1, 1, 4, fine.length], lit), wavelengths: fine })
    expect(found.rgb.map((pixel) => pixel.indexOf(Math.max(...pixel)))).toEqual([2, 1, 0, 0])
    expect(found.rgb[3]).toEqual([0, 0, 0])
    expect(() => refuseIfBad(oneNode('CIETristimulusFalseRGBSelector', {}, 'cube'), { channels: 2, wavelengthsNm: [1000, 1100] })).toThrow(/visible range from 380 nm to 780 nm/)
  })
})

describe('camera filters', () => {
  it('pass a constant spectrum unchanged and peak where they are told to', async () => {
    const found = await picture('CameraEmulationFalseRGBSelector', { r_peak: 700, g_peak: 550, b_peak: 450 })
    expect(bandsOf(found)).toEqual([5, 2, 0])
    const weights = Array.from(found.outputs.selection_weights.data as Float32Array)
    for (const row of [0, 1, 2]) expect(weights.slice(row * bands, (row + 1) * bands).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6)
    expect(weights.every((value) => value >= 0)).toBe(true)
  })
})

describe('bands of high contrast', () => {
  const flat = (edit: (values: Float32Array) => void): Tensor => {
    const values = new Float32Array(height * width * bands).fill(1)
    edit(values)
    return float32([1, height, width, bands], values)
  }
  const windows = [[600, 700], [500, 550], [450, 450]]

  it('are found inside of each window by variance', async () => {
    const spread = flat((values) => {
      for (let pixel = 0; pixel < height * width; pixel += 1) {
        values[pixel * bands + 4] = pixel
        values[pixel * bands + 1] = pixel % 3
        // The most contrast of all, but in no window.
        values[pixel * bands + 9] = 100 * pixel
      }
    })
    const found = await picture('HighContrastSelector', { windows: windows.flat() }, { cube: spread })
    expect(bandsOf(found)).toEqual([4, 1, 0])
    expect(found.info).toMatchObject({ 'red/nm': 650, 'green/nm': 500, 'blue/nm': 450 })
  })

  it('are told by edges where the variance is equal', async () => {
    const checked = flat((values) => {
      for (let pixel = 0; pixel < height * width; pixel += 1) {
        const [line, sample] = [Math.floor(pixel / width), pixel % width]
        values[pixel * bands + 3] = line < height / 2 ? 0 : 1
        values[pixel * bands + 5] = (line + sample) % 2
      }
    })
    expect(bandsOf(await picture('HighContrastSelector', { windows: windows.flat(), alpha: 1 }, { cube: checked }))[0]).toBe(5)
  })

  it('agree with the scores computed one by one', async () => {
    const random = flat((values) => values.forEach((_, at) => {
      values[at] = Math.sin(at * 78.233) * (1 + (at % bands))
    }))
    const alpha = 3
    const score = (index: number): number => {
      const values = band(index, random)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const at = (line: number, sample: number): number => values[Math.min(Math.max(line, 0), height - 1) * width + Math.min(Math.max(sample, 0), width - 1)]
      const edges = values.map((value, pixel) => {
        const [line, sample] = [Math.floor(pixel / width), pixel % width]
        return Math.abs(at(line - 1, sample) + at(line + 1, sample) + at(line, sample - 1) + at(line, sample + 1) - 4 * value)
      })
      return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length + alpha * edges.reduce((sum, value) => sum + value, 0) / values.length
    }
    const best = (some: number[]): number => some.reduce((a, b) => (score(b) > score(a) ? b : a))
    const found = await picture('HighContrastSelector', { windows: [450, 550, 600, 700, 750, 900], alpha }, { cube: random })
    expect(bandsOf(found)).toEqual([best([0, 1, 2]), best([3, 4, 5]), best([6, 7, 8, 9])])
  })

  it('fall back to the nearest wavelength in an empty window, and pass over missing pixels', async () => {
    const holed = float32(cube.shape, cube.data.map((value, at) => (at < bands ? NaN : value)))
    expect(bandsOf(await picture('HighContrastSelector', { windows: [601, 648, 500, 550, 1000, 1200] }, { cube: holed }))).toEqual([3, 2, 9])
  })

  it('take windows as pairs or as one list, three of them', () => {
    const facts = { channels: bands, wavelengthsNm }
    expect(() => refuseIfBad(oneNode('HighContrastSelector', { windows: [1, 2] }, 'cube'), facts)).toThrow(/has 2 numbers; three pairs/)
    expect(() => refuseIfBad(oneNode('HighContrastSelector', { windows: [[700, 600], [500, 550], [450, 450]] }, 'cube'), facts)).toThrow(/starts at 700 nm and ends at 600 nm/)
    const pipeline = pipelineOf({ nodes: { cube: { type: 'Cube' }, colors: { type: 'HighContrastSelector', config: { windows } }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'colors.cube'], ['colors.rgb_image', 'rx.data']] }, facts)
    expect(pipeline.nodes.find(({ name }) => name === 'colors')?.parameters.windows).toEqual(windows.flat())
  })
})

describe('the vegetation index', () => {
  it('is that of two bands, 0 where both are nothing', async () => {
    const values = new Float32Array(4 * bands)
    const pixels = [[3, 1], [1, 3], [0, 0], [2, 2]]
    pixels.forEach(([nir, red], at) => values.set([red, nir], at * bands + 5))
    const found = await picture('NDVISelector', { nir_nm: 740, red_nm: 690 }, { cube: float32([1, 2, 2, bands], values) })
    expect(found.outputs.index_image.shape).toEqual([1, 2, 2, 1])
    expect([...found.outputs.index_image.data].map(Number)).toEqual([0.5, -0.5, 0, 0])
    expect(bandsOf(found, ['nir', 'red'])).toEqual([6, 5])
    expect(found.info).toMatchObject({ 'nir/nm': 750, 'red/nm': 700 })
  })

  it('is shown on the colour wheel', async () => {
    const positions = [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1 / 12, 2]
    const values = new Float32Array(positions.length * bands)
    // nir + red = 1, so that the index is nir - red.
    positions.forEach((position, at) => values.set([0.5 - position / 4, 0.5 + position / 4], at * bands + 5))
    const found = await picture('NDVISelector', { nir_nm: 750, red_nm: 700, colormap_min: 0, colormap_max: 0.5 }, { cube: float32([1, 1, positions.length, bands], values) })
    const expected = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0], [1, 0.5, 0], [1, 0, 0]]
    found.rgb.forEach((pixel, at) => pixel.forEach((value, color) => expect(value).toBeCloseTo(expected[at][color], 5)))
    expect(() => refuseIfBad(oneNode('NDVISelector', { colormap_min: 1 }, 'cube'), { channels: bands, wavelengthsNm })).toThrow(/the end must be above the start/)
  })

  it('is a score that a pipeline can decide by', () => {
    expect(() => pipelineOf({ nodes: { cube: { type: 'Cube' }, ndvi: { type: 'NDVISelector' }, decider: { type: 'QuantileBinaryDecider' } }, connections: [['cube.cube', 'ndvi.cube'], ['ndvi.index_image', 'decider.scores']] }, { channels: bands, wavelengthsNm })).not.toThrow()
  })
})
