import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeEnvi } from '../../src/engine/cube'
import { runPipeline } from '../../src/engine/inference/run'
import { checkPipeline, resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { enteringBands, enteringWavelengths } from '../../src/engine/pipeline/pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { deepSVDD, observed, request, rx, scenePixels, SHAPE, temporaryFolder } from './scene'

const [lines, samples, bands] = SHAPE
const WAVELENGTHS = Array.from({ length: bands }, (_, band) => 500 + 50 * band)
const facts = (badBands: number[]) => ({ channels: bands, wavelengthsNm: WAVELENGTHS, badBands })

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => rm(folder, { recursive: true }))

/** The scene of the tests; `kept` takes some bands of it, `spoilt` makes others NaN. */
async function write(name: string, { kept = WAVELENGTHS.map((_, band) => band), spoilt = [] as number[], badBands = [] as number[] } = {}): Promise<string> {
  const all = scenePixels(4, SHAPE)
  const values = new Float32Array(lines * samples * kept.length)
  for (let pixel = 0; pixel < lines * samples; pixel += 1) {
    kept.forEach((band, at) => {
      values[pixel * kept.length + at] = spoilt.includes(band) ? Number.NaN : all[pixel * bands + band]
    })
  }
  const [data] = await writeEnvi(join(folder, name), {
    lines, samples, bands: kept.length, dataType: 'float32', values, header: { wavelengths: kept.map((band) => WAVELENGTHS[band]), wavelengthUnit: 'nm', badBands },
  })
  return data
}

async function scoresOf(pipeline: string, data: string, name: string): Promise<Uint8Array> {
  const out = join(folder, `${name}-scores`)
  const report = await runPipeline({ pipelineFolder: pipeline, data: [data], masks: [], out, format: 'envi', device: 'cpu' }, observed())
  return readFile(join(out, report.cubes[0].files.find((file) => file.endsWith('_scores.img')) as string))
}

describe('bad bands of a cube', () => {
  it.each([['rx', rx()], ['deep-svdd', deepSVDD()]])('are left out of a fit: %s gives what it gives on a cube without them', async (name, document) => {
    const marked = await write(`${name}-marked`, { spoilt: [1, 4], badBands: [1, 4] })
    const cut = await write(`${name}-cut`, { kept: [0, 2, 3, 5] })
    const [a, b] = [join(folder, `${name}-a`), join(folder, `${name}-b`)]
    await fitPipeline(request(document, [marked], a), observed())
    await fitPipeline(request(document, [cut], b), observed())
    expect(await scoresOf(a, marked, `${name}-a`)).toEqual(await scoresOf(b, cut, `${name}-b`))
    // The trained pipeline says which, so that it leaves out the same bands of every other cube.
    expect(await readFile(join(a, 'pipeline.yaml'), 'utf8')).toMatch(/drop_bands:\s*(\[\s*1,\s*4\s*\]|- 1\s+- 4)/)
    const unmarked = await write(`${name}-unmarked`, { spoilt: [1, 4] })
    expect(await scoresOf(a, unmarked, `${name}-c`)).toEqual(await scoresOf(a, marked, `${name}-d`))
  })

  it('stay when the document says so', () => {
    const document = parsePipeline('nodes: {cube: {type: Cube, config: {drop_bands: []}}, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]', 'x.yaml')
    const pipeline = resolvePipeline(document, facts([1]))
    expect(enteringBands(pipeline)).toEqual([0, 1, 2, 3, 4, 5])
    expect(pipeline.nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(6)
  })

  it('take their wavelengths with them', () => {
    const document = parsePipeline('nodes: {cube: Cube, pass: {type: BandpassByWavelength, config: {max_wavelength_nm: 650}}, rx: RXGlobal}\nconnections: [[cube.cube, pass.data], [pass.filtered, rx.data]]', 'x.yaml')
    const pipeline = resolvePipeline(document, facts([1, 5]))
    expect(enteringWavelengths(pipeline)).toEqual([500, 600, 650, 700])
    // 500, 600 and 650 nm.
    expect(pipeline.nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(3)
  })

  it('all of them, or one that is not there: a sentence', () => {
    const document = (drop: string) => parsePipeline(`nodes: {cube: {type: Cube, config: {drop_bands: ${drop}}}, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]`, 'x.yaml')
    expect(checkPipeline(document('null'), facts([0, 1, 2, 3, 4, 5]))[0].message).toBe('The node cube (Cube): All 6 bands of the cube are left out as bad; list those that are really bad in drop_bands, or [] to keep all.')
    expect(checkPipeline(document('[6]'), facts([]))[0].message).toBe('The node cube (Cube): The band 6 is to be left out, but the cube has 6 bands, 0 to 5; correct drop_bands.')
  })
})
