import { linkSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCube, writeCorrectedHeader, writeNpy } from '../../src/engine/cube'
import { writeCorrection } from '../../src/engine/cube/corrected-cube'
import type { CubeCorrections } from '../../src/shared/cube'
import { problemOf, temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const HEADER = [
  'ENVI', '; made by hand = yes', 'samples = 3', 'lines  =  2', 'bands = 4', 'data type = 1', 'interleave = bip', 'sensor type = {odd,', '  thing}',
  'Wavelength = {', '0.4, 0.5,', '0.6, 0.7}', 'data ignore value = 5', 'map info = {UTM, 1, 1}', '', '',
].join('\n')

async function corrected(name: string, corrections: CubeCorrections, text = HEADER): Promise<string> {
  scratch.file(`${name}.hdr`, text)
  const data = scratch.file(`${name}.img`, Uint8Array.from({ length: 24 }, (_, at) => at))
  const path = scratch.file(`${name}.cube.json`)
  await writeCorrection(path, data, corrections)
  return path
}

describe('a corrected header', () => {
  it('changes the keys that were corrected and leaves every other line as it is', async () => {
    const path = await corrected('some', { badBands: [1, 3], wavelengths: [1, 2, 3, 4], wavelengthUnit: 'nm', noData: null, scale: 100 })
    const out = scratch.file('some_corrected.hdr')
    expect(await writeCorrectedHeader(path, out, false)).toEqual({ path: out, dataToCopy: { from: scratch.file('some.img'), to: scratch.file('some_corrected.img') } })
    expect(readFileSync(out, 'utf8').split('\n')).toEqual([
      'ENVI', '; made by hand = yes', 'samples = 3', 'lines  =  2', 'bands = 4', 'data type = 1', 'interleave = bip', 'sensor type = {odd,', '  thing}',
      'wavelength = {1, 2, 3, 4}', 'map info = {UTM, 1, 1}', 'bbl = {1, 0, 1, 0}', 'wavelength units = Nanometers', 'reflectance scale factor = 100', '',
    ])
    expect(readFileSync(scratch.file('some.hdr'), 'utf8')).toBe(HEADER)
  })

  it('opens with the data beside it as the corrections said', async () => {
    const out = scratch.file('again_corrected.hdr')
    const { dataToCopy } = await writeCorrectedHeader(await corrected('again', { badBands: [], fwhm: [1, 1, 2, 2], noData: 7 }), out, false)
    await copyFile(dataToCopy!.from, dataToCopy!.to)
    const cube = await openCube(out)
    expect(cube.description).toMatchObject({ badBands: [], fwhm: [1, 1, 2, 2], noData: 7, wavelengths: [0.4, 0.5, 0.6, 0.7] })
    await cube.close()
    // The data lies there now.
    expect((await writeCorrectedHeader(scratch.file('again.cube.json'), out, true)).dataToCopy).toBeNull()
  })

  it('keeps line ends, and writes a key once that was there twice', async () => {
    const out = scratch.file('twice_corrected.hdr')
    await writeCorrectedHeader(await corrected('twice', { noData: 9 }, `${HEADER}data ignore value = 6\n`.replaceAll('\n', '\r\n')), out, false)
    const text = readFileSync(out, 'utf8')
    expect(text.match(/data ignore value = \d/g)).toEqual(['data ignore value = 9'])
    expect(text.replaceAll('\r\n', '')).not.toContain('\n')
  })

  it('is never written over a file of the cube, under whatever name', async () => {
    const path = await corrected('own', { noData: 1 })
    symlinkSync(scratch.file('own.hdr'), scratch.file('link.hdr'))
    for (const name of ['own.hdr', 'link.hdr', 'own.cube.json', 'own.img']) {
      expect((await problemOf(() => writeCorrectedHeader(path, scratch.file(name), true))).code).toBe('bad-argument')
    }
    // A second name of the same file becomes a file of its own.
    linkSync(scratch.file('own.hdr'), scratch.file('hard.hdr'))
    await writeCorrectedHeader(path, scratch.file('hard.hdr'), true)
    expect(readFileSync(scratch.file('own.hdr'), 'utf8')).toBe(HEADER)
  })

  it('is written over another file only when that is said', async () => {
    const path = await corrected('over', { noData: 1 })
    const out = scratch.file('there.hdr', 'mine')
    expect(await problemOf(() => writeCorrectedHeader(path, out, false))).toMatchObject({ code: 'cannot-write', message: expect.stringContaining('is there already') })
    expect(readFileSync(out, 'utf8')).toBe('mine')
    await writeCorrectedHeader(path, out, true)
    expect(readFileSync(out, 'utf8')).toContain('data ignore value = 1')
    mkdirSync(join(scratch.path, 'folder.hdr'))
    expect((await problemOf(() => writeCorrectedHeader(path, scratch.file('folder.hdr'), true))).code).toBe('cannot-write')
  })

  it('is refused for what is no ENVI file', async () => {
    const [data] = [await writeNpy(scratch.file('array.npy'), { shape: [2, 3, 4], dataType: 'float32', values: new Float32Array(24) })].flat()
    const path = scratch.file('array.cube.json')
    await writeCorrection(path, data, { badBands: [1] })
    expect(await problemOf(() => writeCorrectedHeader(path, scratch.file('array_corrected.hdr'), false))).toMatchObject({ code: 'unsupported', message: expect.stringContaining('is no ENVI file') })
  })
})
