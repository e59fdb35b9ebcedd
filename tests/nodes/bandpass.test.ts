import { describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import { documentOf, oneNode, pipelineOf, refuseIfBad } from '../golden/documents'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { writePipeline } from '../../src/engine/pipeline/write-document'

const type = typeNamed('BandpassByWavelength')
const wavelengthsNm = Array.from({ length: 61 }, (_, band) => 430 + 10 * band)

/** Every pixel holds its own number plus the wavelength of each band. */
async function passed(hparams: Record<string, unknown>, given: readonly number[] = wavelengthsNm, pixels = 4): Promise<{ shape: readonly number[]; spectra: number[][] }> {
  const cube = float32([1, 2, pixels / 2, given.length], Array.from({ length: pixels }, (_, pixel) => given.map((wavelength) => pixel + wavelength)).flat())
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, hparams), inputs: { data: cube }, wavelengthsNm: given })
  const { shape, data } = outputs.filtered
  return { shape, spectra: Array.from({ length: pixels }, (_, pixel) => Array.from((data as Float32Array).subarray(pixel * shape[3], (pixel + 1) * shape[3]), (value) => value - pixel)) }
}

describe('a band-pass', () => {
  it.each([
    ['two bounds, included', { min_wavelength_nm: 500, max_wavelength_nm: 650 }, (nm: number) => nm >= 500 && nm <= 650],
    ['a lower bound alone', { min_wavelength_nm: 655.5 }, (nm: number) => nm >= 655.5],
    ['an upper bound alone', { max_wavelength_nm: 499.9 }, (nm: number) => nm <= 499.9],
    ['no bounds', {}, () => true],
    ['a range around one band', { min_wavelength_nm: 549, max_wavelength_nm: 551 }, (nm: number) => nm === 550],
  ])('keeps the spectra of %s', async (_name, hparams, keeps) => {
    const { shape, spectra } = await passed(hparams)
    const expected = wavelengthsNm.filter(keeps)
    expect(shape).toEqual([1, 2, 2, expected.length])
    for (const spectrum of spectra) expect(spectrum).toEqual(expected)
  })

  it('gives the same for one bound and for a second one at the end of the cube', async () => {
    expect(await passed({ min_wavelength_nm: 600 })).toEqual(await passed({ min_wavelength_nm: 600, max_wavelength_nm: wavelengthsNm[60] }))
  })

  it('keeps the order of bands that are not sorted', async () => {
    const { spectra } = await passed({ min_wavelength_nm: 500, max_wavelength_nm: 650 }, [700, 450, 600, 500, 650, 550])
    expect(spectra[3]).toEqual([600, 500, 650, 550])
  })

  it('states how many bands are left, and refuses when none is', () => {
    const facts = { channels: 61, wavelengthsNm }
    const written = { nodes: { cube: { type: 'Cube' }, band: { type: 'BandpassByWavelength', config: { min_wavelength_nm: 600, max_wavelength_nm: 640 } }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'band.data'], ['band.filtered', 'rx.data']] as [string, string][] }
    expect(pipelineOf(written, facts).nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(5)
    expect(() => refuseIfBad(oneNode('BandpassByWavelength', { min_wavelength_nm: 431, max_wavelength_nm: 439 }), facts)).toThrow(/leaves no band of the cube, whose wavelengths run from 430 nm to 1030 nm/)
    expect(() => refuseIfBad(oneNode('BandpassByWavelength', { min_wavelength_nm: 700, max_wavelength_nm: 600 }), facts)).toThrow(/start must not be above the end/)
  })

  it('is written and read back with its bounds', () => {
    const document = documentOf(oneNode('BandpassByWavelength', { min_wavelength_nm: 499.5, max_wavelength_nm: 650 }))
    const again = parsePipeline(writePipeline(document), 'again.yaml')
    expect(again.nodes.find(({ name }) => name === 'node')?.config).toEqual({ min_wavelength_nm: 499.5, max_wavelength_nm: 650 })
  })
})
