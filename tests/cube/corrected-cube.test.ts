import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeCorrection } from '../../src/engine/cube/corrected-cube'
import { filesOf, openCube } from '../../src/engine/cube'
import { problemOf, temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const [lines, samples, bands] = [2, 3, 4]

/** Numbers 0 to 23, bip; 5 stands for no data. */
function scene(name: string): string {
  scratch.file(`${name}.hdr`, `ENVI\nsamples = ${samples}\nlines = ${lines}\nbands = ${bands}\ndata type = 2\ninterleave = bip\nbyte order = 0\nwavelength = {0.4, 0.5, 0.6, 0.7}\nbbl = {1, 1, 0, 1}\ndata ignore value = 5\n`)
  return scratch.file(`${name}.img`, new Uint8Array(Int16Array.from({ length: lines * samples * bands }, (_, at) => at).buffer))
}

const whole = { line: 0, sample: 0, lines, samples }

async function corrected(name: string, corrections: Parameters<typeof writeCorrection>[2]) {
  const path = scratch.file(`${name}.cube.json`)
  await writeCorrection(path, scene(name), corrections)
  return openCube(path)
}

describe('a cube with corrections', () => {
  it('is the cube, with what was corrected and the rest as the file says', async () => {
    const cube = await corrected('some', { badBands: [3, 0, 3], wavelengthUnit: 'Micrometers', scale: 10_000 })
    expect(cube.description).toMatchObject({
      path: scratch.file('some.img'), badBands: [0, 3], wavelengths: [0.4, 0.5, 0.6, 0.7], wavelengthUnit: 'µm', noData: 5, scale: 10_000, correctedBy: scratch.file('some.cube.json'),
      corrections: { badBands: [3, 0, 3], wavelengthUnit: 'Micrometers', scale: 10_000 },
    })
    expect(cube.description.fileSays).toEqual({ badBands: [2], wavelengths: [0.4, 0.5, 0.6, 0.7], wavelengthUnit: 'µm', wavelengthUnitGuessed: true, fwhm: null, noData: 5, scale: null })
    expect((await cube.readBand(0, whole))[0]).toBe(0)
    await cube.close()
  })

  it('has the no-data value that is said, and no longer that of the file', async () => {
    const cube = await corrected('blank', { noData: 8 })
    const pixels = await cube.readPixels(whole)
    expect([pixels[5], pixels[8], pixels[9]]).toEqual([5, Number.NaN, 9])
    await cube.close()
    const none = await corrected('none', { noData: null, wavelengths: null })
    expect((await none.readPixels(whole))[5]).toBe(5)
    expect(none.description).toMatchObject({ noData: null, wavelengths: null })
    await none.close()
  })

  it('is made of the files of the cube and its own', async () => {
    const cube = await corrected('files', {})
    await cube.close()
    expect(await filesOf(scratch.file('files.cube.json'))).toEqual([scratch.file('files.img'), scratch.file('files.hdr'), scratch.file('files.cube.json')])
  })

  it('moves together with the cube', async () => {
    mkdirSync(join(scratch.path, 'project'), { recursive: true })
    const path = join(scratch.path, 'project', 'moved.cube.json')
    await writeCorrection(path, scene('moved'), { badBands: [1] })
    const cube = await openCube(path)
    expect(cube.description.badBands).toEqual([1])
    await cube.close()
  })

  it.each<[string, string, string]>([
    ['not JSON', '{"cuvetteCube": 1', 'it is not JSON'],
    ['another version', '{"cuvetteCube": 2, "cube": "bad.img", "corrections": {}}', 'cuvetteCube is 2, expected 1'],
    ['no cube', '{"cuvetteCube": 1, "corrections": {}}', 'the key cube is missing'],
    ['unknown key', '{"cuvetteCube": 1, "cube": "bad.img", "corrections": {"bands": 3}}', 'the key corrections.bands is not known'],
    ['a band beyond', '{"cuvetteCube": 1, "cube": "bad.img", "corrections": {"badBands": [4]}}', `band 4 is marked as bad, but ${join(scratch.path, 'bad.img')} has 4 bands, 0 to 3`],
    ['too few wavelengths', '{"cuvetteCube": 1, "cube": "bad.img", "corrections": {"wavelengths": [1, 2]}}', `2 wavelengths are given, but ${join(scratch.path, 'bad.img')} has 4 bands`],
    ['itself', '{"cuvetteCube": 1, "cube": "bad.cube.json", "corrections": {}}', 'it names itself as the cube'],
  ])('%s: a sentence', async (_what, text, found) => {
    scene('bad')
    const path = scratch.file('bad.cube.json', text)
    expect((await problemOf(() => openCube(path))).message).toBe(`The corrections in ${path} cannot be used: ${found}; correct the file or open the cube itself.`)
  })

  it('a correction of a correction is refused, and so is a cube that is gone', async () => {
    await (await corrected('inner', {})).close()
    const outer = scratch.file('outer.cube.json', '{"cuvetteCube": 1, "cube": "inner.cube.json", "corrections": {}}')
    expect((await problemOf(() => openCube(outer))).code).toBe('not-a-cube')
    expect((await problemOf(() => filesOf(outer))).code).toBe('not-a-cube')
    const gone = scratch.file('gone.cube.json', '{"cuvetteCube": 1, "cube": "nowhere.img", "corrections": {}}')
    expect((await problemOf(() => openCube(gone))).code).toBe('missing-file')
  })
})
