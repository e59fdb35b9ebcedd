import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CubeDataType } from '../../src/shared/cube'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { readMask } from '../../src/engine/cube/mask'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'
import type { TiffPage } from './support/tiff-writer'
import { tiffBytes } from './support/tiff-writer'

const folder = temporaryFolder()
const value = (line: number, sample: number, band: number) => 20 * line + 3 * sample + band
const page: TiffPage = { lines: 7, samples: 5, bands: 4, dtype: 'uint16', value }
const whole = { line: 0, sample: 0, lines: 7, samples: 5 }

async function everything(path: string): Promise<Float32Array> {
  const cube = await openCube(path, { mask: false })
  try {
    return await cube.readPixels({ line: 0, sample: 0, lines: cube.description.shape[0], samples: cube.description.shape[1] })
  } finally {
    await cube.close()
  }
}

const layouts: [string, Partial<TiffPage>][] = [
  ['strips', { rowsPerStrip: 2 }], ['one strip', {}], ['planar strips', { planar: true, rowsPerStrip: 3 }], ['scattered strips', { rowsPerStrip: 2, gaps: true }],
  ['tiles', { tile: [16, 16] }], ['small tiles', { tile: [3, 2] }], ['planar tiles', { tile: [3, 2], planar: true, gaps: true }],
]

describe('TIFF', () => {
  it.each(layouts)('reads any window of %s as a plain loop does, with any compression and piece size', async (name, layout) => {
    for (const compression of ['none', 'lzw', 'deflate', 'packbits'] as const) {
      const path = folder.file(`${name}-${compression}.tif`, tiffBytes([{ ...page, ...layout, compression }]))
      const request = fc.record({
        line: fc.nat(6), sample: fc.nat(4), lines: fc.nat(6), samples: fc.nat(4),
        bands: fc.option(fc.array(fc.nat(3), { maxLength: 6 })), band: fc.nat(3), stride: fc.integer({ min: 1, max: 4 }), pieceBytes: fc.constantFrom(1, 16, 4096),
      })
      await fc.assert(
        fc.asyncProperty(request, async ({ bands, band, stride, pieceBytes, ...box }) => {
          const window = { line: box.line, sample: box.sample, lines: 1 + (box.lines % (7 - box.line)), samples: 1 + (box.samples % (5 - box.sample)) }
          const cube = await openCube(path, { pieceBytes, mask: false })
          try {
            expect(await cube.readPixels(window, bands)).toEqual(expectedPixels(value, window, bands ?? range(4)))
            expect(await cube.readBand(band, window, stride)).toEqual(expectedBand(value, band, window, stride))
          } finally {
            await cube.close()
          }
        }),
        { seed: 20261123, numRuns: 25 },
      )
    }
  })

  const types: CubeDataType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64']
  it.each(types)('reads %s in both byte orders, with and without differences, as TIFF and BigTIFF', async (dtype) => {
    const signed = dtype.startsWith('u') ? 1 : -1
    const small = (line: number, sample: number, band: number) => (signed * (10 * line + 2 * sample + band)) / (dtype.startsWith('float') ? 4 : 1) || 0
    for (const little of [true, false]) {
      for (const big of [false, true]) {
        for (const predictor of [1, 2, 3] as const) {
          if (predictor === 3 && !dtype.startsWith('float')) continue
          const made: TiffPage = { ...page, dtype, value: small, predictor, rowsPerStrip: 3, compression: predictor === 1 ? 'none' : 'lzw' }
          const path = folder.file(`${dtype}-${little}-${big}-${predictor}.tif`, tiffBytes([made], { little, big }))
          expect((await describeCube(path)), path).toMatchObject({ dtype, shape: [7, 5, 4], format: big ? 'BigTIFF' : 'TIFF', interleave: 'bip' })
          expect(await everything(path), path).toEqual(expectedPixels(small, whole, range(4)))
        }
      }
    }
  })

  it('shows complex numbers as their magnitude', async () => {
    const path = folder.file('complex.tif', tiffBytes([{ ...page, dtype: 'complex64', compression: 'deflate' }]))
    expect(await everything(path)).toEqual(expectedPixels((...at) => Math.hypot(value(...at), 2 * value(...at)), whole, range(4)))
  })

  it('reads long LZW data, where codes reach 12 bits and the table starts again', async () => {
    const noisy = (line: number, sample: number, band: number) => (Math.imul(line * 90 + sample * 3 + band + 1, 2654435761) >>> 20) & 0xff
    const made: TiffPage = { lines: 60, samples: 90, bands: 3, dtype: 'uint8', value: noisy, compression: 'lzw' }
    expect(await everything(folder.file('long.tif', tiffBytes([made])))).toEqual(expectedPixels(noisy, { line: 0, sample: 0, lines: 60, samples: 90 }, range(3)))
    const flat: TiffPage = { ...made, lines: 300, value: () => 7 }
    expect(await everything(folder.file('flat.tif', tiffBytes([flat])))).toEqual(new Float32Array(300 * 90 * 3).fill(7))
  })

  it('takes pages of one band and one size as bands, and leaves out overviews and masks', async () => {
    const pageOf = (band: number, more: Partial<TiffPage> = {}): TiffPage => ({ ...page, bands: 1, value: (line, sample) => value(line, sample, band), ...more })
    const half: Partial<TiffPage> = { lines: 4, samples: 3, tags: { 254: { type: 4, values: [1] } } }
    for (const more of [{}, { compression: 'deflate' as const }, { gaps: true, rowsPerStrip: 2 }]) {
      const pages = [pageOf(0, more), pageOf(0, half), pageOf(1, more), pageOf(2, more), pageOf(0, { tags: { 254: { type: 4, values: [4] } } })]
      const path = folder.file('pages.tif', tiffBytes(pages))
      expect(await describeCube(path)).toMatchObject({ shape: [7, 5, 3], interleave: 'bsq', warnings: [] })
      expect(await everything(path)).toEqual(expectedPixels(value, whole, range(3)))
    }
    const strange = folder.file('strange.tif', tiffBytes([pageOf(0), pageOf(1, { lines: 3, samples: 2 })]))
    expect(await describeCube(strange)).toMatchObject({ shape: [7, 5, 1], warnings: ['1 more page is in the file and is not read; the cube is page 1.'] })
    const mixed = folder.file('mixed.tif', tiffBytes([pageOf(0), pageOf(1, { dtype: 'uint8' })]))
    expect((await problemOf(() => describeCube(mixed))).message).toBe(
      `${mixed} has pages of different kinds: page 2 holds 1 bands of uint8, page 1 one band of uint16; write one page for each band, all alike.`,
    )
  })

  it('understands the metadata of GDAL, and what lies beside the file', async () => {
    const items = range(4).map((band) => `<Item name="wavelength" sample="${band}">${400 + 10 * band}.5</Item><Item name="wavelength_units" sample="${band}">Nanometers</Item>
      <Item name="fwhm" sample="${band}">${5 + band}</Item><Item name="bbl" sample="${band}">${band === 2 ? 0 : 1}</Item>
      <Item name="OFFSET" sample="${band}" role="offset">0</Item><Item name="SCALE" sample="${band}" role="scale">0.0001</Item><Item name="DESCRIPTION" sample="${band}" role="description">a &lt; b &#38; ${band}</Item>`)
    const described = folder.file('gdal.tif', tiffBytes([{ ...page, tags: { 42112: `<GDALMetadata>${items.join('')}</GDALMetadata>`, 42113: '20 ' } }]))
    expect(await describeCube(described)).toMatchObject({
      wavelengths: [400.5, 410.5, 420.5, 430.5], wavelengthUnit: 'nm', fwhm: [5, 6, 7, 8], badBands: [2], scale: 10000, noData: 20, warnings: [],
      bandNames: ['a < b & 0', 'a < b & 1', 'a < b & 2', 'a < b & 3'],
    })
    expect([...(await everything(described))].filter(Number.isNaN)).toHaveLength([...expectedPixels(value, whole, range(4))].filter((number) => number === 20).length)

    const offsets = folder.file('offset.tif', tiffBytes([{ ...page, tags: { 42112: '<GDALMetadata><Item name="OFFSET" sample="1" role="offset">3</Item></GDALMetadata>', 42113: 'nothing' } }]))
    expect(await describeCube(offsets)).toMatchObject({
      scale: null, noData: null,
      warnings: ['The metadata gives gains or offsets for each band; the numbers are shown as stored.', 'The no-data tag holds "nothing", which is not a number; it is left out.'],
    })

    const beside = folder.file('beside.tif', tiffBytes([page]))
    folder.file('beside.tif.hdr', 'ENVI\nsamples = 5\nlines = 7\nbands = 4\ndata type = 12\ninterleave = bip\nbyte order = 0\nfile type = TIFF\nwavelength = {1, 2, 3, 4}\nwavelength units = Micrometers\nfwhm = {.1, .1, .2, .2}\nbbl = {1, 0, 1, 1}\n')
    expect(await describeCube(beside)).toMatchObject({ format: 'TIFF', wavelengths: [1, 2, 3, 4], wavelengthUnit: 'µm', fwhm: [0.1, 0.1, 0.2, 0.2], badBands: [1] })
    folder.file('beside.tif.hdr', 'ENVI\nsamples = 6\nlines = 7\nbands = 4\nwavelength = {1, 2, 3, 4}\n')
    expect(await describeCube(beside)).toMatchObject({ wavelengths: null, warnings: ['beside.tif.hdr describes 7 lines x 6 samples x 4 bands, another image; it is left out.'] })

    const auxiliary = folder.file('auxiliary.tif', tiffBytes([page]))
    folder.file('auxiliary.tif.aux.xml', `<PAMDataset>${range(4).map((band) => `<PAMRasterBand band="${band + 1}"><Metadata><MDI key="wavelength">${500 + band}</MDI></Metadata></PAMRasterBand>`).join('')}</PAMDataset>`)
    expect(await describeCube(auxiliary)).toMatchObject({
      wavelengths: [500, 501, 502, 503], wavelengthUnit: 'nm', warnings: ['The metadata does not give the wavelength unit; nm is assumed from the values.'],
    })
  })

  it('keeps where the image lies, for writing back', async () => {
    const keys = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633]
    const path = folder.file('map.tif', tiffBytes([{ ...page, tags: {
      33550: { type: 12, values: [30, 30, 0] }, 33922: { type: 12, values: [0, 0, 0, 366975, 5808045, 0] }, 34735: { type: 3, values: keys }, 34737: 'WGS 84 / UTM zone 33N|',
    } }]))
    const cube = await openCube(path)
    expect(Object.fromEntries(cube.headerFields ?? [])).toEqual({
      'geotiff model pixel scale': '{30, 30, 0}', 'geotiff model tiepoint': '{0, 0, 0, 366975, 5808045, 0}', 'geotiff key directory': `{${keys.join(', ')}}`,
      'geotiff ascii params': 'WGS 84 / UTM zone 33N|', 'map info': '{UTM, 1, 1, 366975, 5808045, 30, 30, 33, North, WGS-84, units=Meters}',
    })
    await cube.close()
  })

  it('reads blocks that were never written as no-data, or as zeros', async () => {
    const none: TiffPage['tags'] = { 273: { type: 4, values: [0, 0] }, 279: { type: 4, values: [0, 0] } }
    expect(await everything(folder.file('zeros.tif', tiffBytes([{ ...page, rowsPerStrip: 4, tags: none }])))).toEqual(new Float32Array(140))
    expect(await everything(folder.file('blank.tif', tiffBytes([{ ...page, rowsPerStrip: 4, tags: { ...none, 42113: '-1' } }])))).toEqual(new Float32Array(140).fill(NaN))
  })

  it('is a mask where it has one band of whole numbers', async () => {
    const cube = folder.file('scene.tif', tiffBytes([page]))
    folder.file('scene_mask.tif', tiffBytes([{ ...page, bands: 1, dtype: 'uint8', value: (line) => (line > 4 ? 1 : 0), compression: 'packbits', tags: { 42113: '1' } }]))
    const { description } = await readMask(folder.file('scene_mask.tif'), [7, 5])
    expect(description.classes).toEqual([{ id: 0, count: 25 }, { id: 1, count: 10 }])
    expect((await problemOf(() => readMask(cube, [7, 5]))).message).toBe(`The mask ${cube} has 4 bands; a mask has one.`)
  })
})

describe('damaged TIFF', () => {
  const good = tiffBytes([{ ...page, rowsPerStrip: 2, compression: 'lzw' }])
  const plain = tiffBytes([{ ...page, rowsPerStrip: 2 }])
  const tagged = (tags: TiffPage['tags'], more: Partial<TiffPage> = {}) => tiffBytes([{ ...page, rowsPerStrip: 2, ...more, tags }])
  const one = (type: 3 | 4 | 16, ...values: number[]) => ({ type, values })

  const cases: [name: string, bytes: Buffer, code: string, message: string][] = [
    ['header-only', Buffer.from('II*\0\x08\0\0\0'), 'truncated', 'holds 8 bytes, but the list of tags of page 1 at byte 8 would end at byte 10; it is incomplete, so copy or export it again.'],
    ['no-page', Buffer.from('II*\0\0\0\0\0'), 'bad-data', 'is damaged: it holds no page at all; copy or export it again.'],
    ['far-directory', Buffer.from('II*\0\xff\xff\xff\xf0', 'latin1'), 'truncated', 'holds 8 bytes, but the list of tags of page 1 at byte 4043309055 would end at byte 4043309057; it is incomplete, so copy or export it again.'],
    ['big-offsets', Buffer.from('II+\0\x04\0\0\0\0\0\0\0\0\0\0\0'), 'bad-data', 'is damaged: it holds offsets of 4 bytes, where BigTIFF has 8; copy or export it again.'],
    ['big-header', Buffer.from('II+\0\x08\0\0\0\0\0'), 'truncated', 'holds 10 bytes, but its header would end at byte 16; it is incomplete, so copy or export it again.'],
    ['cut', plain.subarray(0, plain.length - 30), 'truncated', `holds ${plain.length - 30} bytes, but the list of tags of page 1 at byte`],
    ['cyclic', cyclic(), 'bad-data', 'that follows itself, so that the pages never end; copy or export it again.'],
    ['no-width', tagged({ 256: null }), 'bad-data', 'is damaged: it holds no tag 256 (width) in page 1; copy or export it again.'],
    ['zero-height', tagged({ 257: one(4, 0) }), 'bad-data', 'is damaged: it holds 0 in tag 257 (height) of page 1, where a whole number from 1 is expected; copy or export it again.'],
    ['zero-rows', tagged({ 278: one(4, 0) }), 'bad-data', 'is damaged: it holds 0 in tag 278 (rows per strip) of page 1, where a whole number from 1 is expected; copy or export it again.'],
    ['terabytes', tagged({ 256: one(4, 2_000_000_000), 257: one(4, 2_000_000_000) }), 'bad-data', 'is damaged: it holds 4 strips in page 1, where 2000000000 lines x 2000000000 samples x 4 bands in strips of 2 x 2000000000 need 1000000000; copy or export it again.'],
    ['terabytes-in-one', tagged({ 256: one(4, 2_000_000_000), 257: one(4, 2_000_000_000), 278: one(4, 2_000_000_000) }), 'bad-data', 'bytes in strip 0 of page 1, where its numbers take 32000000000000000000; copy or export it again.'],
    ['terabytes-packed', tagged({ 256: one(4, 2_000_000), 257: one(4, 2_000_000), 278: one(4, 2_000_000), 259: one(3, 8) }), 'unsupported', 'is compressed in strips of 2000000 x 2000000 pixels (64000000000000 bytes of memory), larger than the 268435456 that are decompressed at once; write it with smaller strips.'],
    ['many-bands', tagged({ 277: one(3, 60_000) }), 'bad-data', 'is damaged: it holds 4 values of tag 258 (bits per sample) for 60000 bands; copy or export it again.'],
    ['few-strips', tagged({ 273: one(4, 8) }), 'bad-data', 'is damaged: it holds 1 strips in page 1, where 7 lines x 5 samples x 4 bands in strips of 2 x 5 need 4; copy or export it again.'],
    ['beyond', tagged({ 273: one(4, 8, 88, 168, 4_000_000_000) }), 'truncated', 'but strip 3 of page 1 would end at byte 4000000040; it is incomplete, so copy or export it again.'],
    ['short-strip', tagged({ 279: one(4, 80, 80, 80, 4) }), 'bad-data', 'is damaged: it holds 4 bytes in strip 3 of page 1, where its numbers take 40; copy or export it again.'],
    ['no-counts', tagged({ 279: null }, { compression: 'lzw' }), 'bad-data', 'is damaged: it holds 0 byte counts in page 1, where 7 lines x 5 samples x 4 bands in strips of 2 x 5 need 4; copy or export it again.'],
    ['text-offsets', tagged({ 256: 'wide!' }), 'bad-data', 'is damaged: it holds text in tag 256 (width) of page 1, where numbers are expected; copy or export it again.'],
    ['jpeg', tagged({ 259: one(3, 7) }), 'unsupported', 'is compressed with JPEG, which cannot be read; write it uncompressed or with LZW, Deflate or PackBits.'],
    ['unknown-method', tagged({ 259: one(3, 999) }), 'unsupported', 'is compressed with method 999, which cannot be read; write it uncompressed or with LZW, Deflate or PackBits.'],
    ['twelve-bits', tagged({ 258: one(3, 12, 12, 12, 12) }), 'unsupported', 'holds numbers of 12 bits in the sample format 1, which cannot be read; expected integers of 8, 16, 32 or 64 bits or floats of 16, 32 or 64 bits.'],
    ['mixed-types', tagged({ 258: one(3, 16, 8, 16, 16) }), 'unsupported', 'has bands of different types (bits per sample 16, 8), which cannot be read; write all bands in one type.'],
    ['predictor', tagged({ 317: one(3, 3) }), 'unsupported', 'uses predictor 3 on uint16 numbers, which cannot be read; write it without a predictor.'],
    ['planar-3', tagged({ 284: one(3, 3) }), 'bad-data', 'is damaged: it holds the planar configuration 3, where 1 or 2 is expected; copy or export it again.'],
  ]

  it.each(cases)('%s', async (name, bytes, code, message) => {
    const path = folder.file(`bad-${name}.tif`, bytes)
    const problem = await problemOf(() => describeCube(path))
    expect(problem.message).toContain(message)
    expect(problem).toMatchObject({ code, path })
    expect(problem.message.startsWith(path)).toBe(true)
  })

  it('says where compressed data is damaged, and never makes more of it than a block', async () => {
    const at = good.indexOf(Buffer.from([0x80])) // the first code of a strip is "clear"
    const broken = Buffer.from(good)
    broken.fill(0xff, at + 1, at + 20)
    const path = folder.file('bad-lzw.tif', broken)
    expect((await problemOf(() => everything(path))).message).toMatch(/^.*bad-lzw\.tif is damaged: it holds (an LZW code \d+ that was never made, after \d+ bytes|only \d+ of 80 bytes) in strip 0 of page 1, where 80 bytes are expected; copy or export it again\.$/)

    const { deflateSync } = await import('node:zlib')
    const bomb = tiffBytes([{ ...page, compression: 'deflate' }])
    const packedBomb = deflateSync(Buffer.alloc(200 * 1024 * 1024))
    const bombPath = folder.file('bad-bomb.tif', Buffer.concat([bomb, packedBomb]))
    const patched = tiffBytes([{ ...page, compression: 'deflate', tags: { 273: one(4, bomb.length), 279: one(4, packedBomb.length) } }])
    expect(patched).toHaveLength(bomb.length)
    folder.file('bad-bomb.tif', Buffer.concat([patched, packedBomb]))
    const before = process.memoryUsage().arrayBuffers
    expect((await problemOf(() => everything(bombPath))).message).toBe(`${bombPath} is damaged: it holds more than its 280 bytes in strip 0 of page 1, where 280 bytes are expected; copy or export it again.`)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })

  it('any single wrong byte gives a sentence or numbers, never a defect', async () => {
    for (const bytes of [good, tiffBytes([{ ...page, compression: 'deflate', tile: [4, 4], predictor: 2 }], { big: true, little: false })]) {
      for (let at = 2; at < bytes.length; at += 1) {
        for (const wrong of [0x00, 0xff]) {
          const changed = Buffer.from(bytes)
          changed[at] = wrong
          const path = folder.file('wrong.tif', changed)
          const outcome = await openCube(path, { mask: false }).then(async (cube) => {
            await cube.readBand(0, { line: 0, sample: 0, lines: 1, samples: 1 }).finally(() => cube.close())
          }).catch((error: unknown) => error)
          if (outcome !== undefined) expect(outcome, `byte ${at} = ${wrong}`).toMatchObject({ name: 'CuvetteError' })
        }
      }
    }
  })

  function cyclic(): Buffer {
    const bytes = tiffBytes([page])
    bytes.writeUInt32LE(bytes.readUInt32LE(4), bytes.length - 4)
    return bytes
  }
})
