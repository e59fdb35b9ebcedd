import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCube } from '../../src/engine/cube/open-cube'
import { readMask } from '../../src/engine/cube/mask'
import type { GeoTiffRaster } from '../../src/engine/cube/writers/geotiff'
import { openGeoTiff, writeGeoTiff } from '../../src/engine/cube/writers/geotiff'
import { directoryBytes, directoryLength } from '../../src/engine/cube/writers/tiff-tags'
import { expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const [lines, samples] = [5, 4]
const whole = { line: 0, sample: 0, lines, samples }
const value = (line: number, sample: number, band: number) => line * 100 + sample * 10 + band

function pixels(bands: number): number[] {
  return [...expectedPixels(value, whole, range(bands))]
}

const types = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array }

const LAEA = 'PROJCS["ETRS_1989_LAEA",GEOGCS["GCS_ETRS_1989",DATUM["D_ETRS_1989",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Azimuthal_Equal_Area"],PARAMETER["False_Easting",4321000.0],UNIT["Meter",1.0]]'

describe('writing GeoTIFF', () => {
  it.each<[GeoTiffRaster['dataType'], 'bsq' | 'bip', number]>([
    ['float32', 'bsq', 1], ['float32', 'bsq', 3], ['float32', 'bip', 3], ['uint16', 'bsq', 3], ['uint16', 'bip', 2], ['uint8', 'bsq', 1], ['uint8', 'bip', 3],
  ])('%s %s of %i bands is read back, whole and line by line', async (dataType, interleave, bands) => {
    const values = types[dataType].from(pixels(bands).map((number) => number % 251))
    const path = folder.file(`${dataType}-${interleave}-${bands}.tif`)
    expect(await writeGeoTiff(path, { lines, samples, bands, dataType, interleave, values })).toEqual([path])
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ format: 'TIFF', shape: [lines, samples, bands], dtype: dataType, interleave: bands === 1 ? 'bsq' : interleave, warnings: [] })
    expect(await cube.readPixels(whole)).toEqual(Float32Array.from(values))
    await cube.close()

    const byLine = folder.file(`lines-${dataType}-${interleave}-${bands}.tif`)
    const writer = await openGeoTiff(byLine, { lines, samples, bands, dataType, interleave })
    const perLine = samples * bands
    await writer.writeLines(values.subarray(0, 2 * perLine))
    for (let line = 2; line < lines; line += 1) await writer.writeLines(values.subarray(line * perLine, (line + 1) * perLine))
    await writer.commit()
    expect(readFileSync(byLine).equals(readFileSync(path))).toBe(true)
  })

  it('cuts long images into strips, evenly', async () => {
    const [height, width] = [300, 200]
    const values = Float32Array.from({ length: height * width * 2 }, (_, n) => n % 8191)
    const path = folder.file('strips.tif')
    await writeGeoTiff(path, { lines: height, samples: width, bands: 2, dataType: 'float32', values })
    const cube = await openCube(path)
    expect(await cube.readPixels({ line: 0, sample: 0, lines: height, samples: width })).toEqual(values)
    await cube.close()
  })

  it('describes the bands, and reads its own description back', async () => {
    const header = {
      description: 'Scores <of> & "more"', wavelengths: [450.5, 550.25, 1600], wavelengthUnit: 'µm', fwhm: [5, 5, 6.5], bandNames: ['blue, deep', 'a < b & "c"', 'far'],
      badBands: [1], noData: -1, scale: 10000, others: new Map([['map info', '{Arbitrary, 1, 1, 0, 0, 1, 1, 0, North}'], ['sensor type', 'Unknown & new'], ['wavelength', '{1, 2}']]),
    }
    const path = folder.file('described.tif')
    await writeGeoTiff(path, { lines, samples, bands: 3, dataType: 'float32', values: Float32Array.from(pixels(3)), header })
    const cube = await openCube(path)
    const { wavelengths, wavelengthUnit, fwhm, bandNames, badBands, noData, scale } = header
    expect(cube.description).toMatchObject({ wavelengths, wavelengthUnit, fwhm, bandNames, badBands, noData, scale, warnings: [] })
    expect(cube.headerFields?.get('sensor type')).toBe('Unknown & new')
    expect(cube.headerFields?.get('map info')).toBe('{Arbitrary, 1, 1, 0, 0, 1, 1, 0, North}')
    expect(cube.headerFields?.has('wavelength')).toBe(false)
    await cube.close()
  })

  it.each([
    ['UTM north', '{UTM, 1, 1, 366975, 5808045, 30, 30, 33, North, WGS-84, units=Meters}', true],
    ['UTM south', '{UTM, 1.5, 2, 300000.25, 7000000, 10, 20, 19, South, WGS-84, units=Meters}', true],
    ['geographic', '{Geographic Lat/Lon, 1, 1, 13.25, 52.5, 0.001, 0.002, WGS-84, units=Degrees}', true],
    ['rotated', '{UTM, 1, 1, 366975, 5808045, 30, 30, 33, North, WGS-84, rotation=12}', false],
  ])('keeps where the image lies: %s', async (name, mapInfo, tagged) => {
    const path = folder.file(`map-${name}.tif`)
    await writeGeoTiff(path, { lines, samples, bands: 1, dataType: 'uint8', values: new Uint8Array(20), header: { others: new Map([['map info', mapInfo]]) } })
    const cube = await openCube(path)
    expect(cube.headerFields?.get('map info')).toBe(mapInfo)
    expect(cube.headerFields?.has('geotiff model tiepoint')).toBe(tagged)
    // And from a TIFF to the next one, tag by tag.
    const copy = folder.file(`copy-${name}.tif`)
    await writeGeoTiff(copy, { lines, samples, bands: 1, dataType: 'uint8', values: new Uint8Array(20), header: { others: cube.headerFields } })
    const again = await openCube(copy)
    expect(again.headerFields).toEqual(cube.headerFields)
    await again.close()
    await cube.close()
  })

  it.each([
    // Model user-defined, pixels are areas, projected system user-defined, its text in the citation: what GDAL takes for ESRI's.
    ['by its text', LAEA, `{1, 1, 0, 4, 1024, 0, 1, 32767, 1025, 0, 1, 1, 3072, 0, 1, 32767, 3073, 34737, ${LAEA.length + 18}, 0}`, `ESRI PE String = ${LAEA}|`],
    ['by the code that ends it', LAEA.replace(/\]$/, ',AUTHORITY["EPSG","3035"]]'), '{1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3035}', undefined],
  ])('says the coordinate system of a header %s', async (name, system, keys, citation) => {
    const path = folder.file(`system-${name.length}.tif`)
    const others = new Map([['map info', '{ETRS LAEA, 1, 1, 4321000, 3210000, 10, 10, ETRS-89, units=Meters}'], ['coordinate system string', `{${system}}`]])
    await writeGeoTiff(path, { lines, samples, bands: 1, dataType: 'uint8', values: new Uint8Array(20), header: { others } })
    const cube = await openCube(path)
    expect(cube.headerFields?.get('geotiff key directory')).toBe(keys)
    expect(cube.headerFields?.get('geotiff ascii params')).toBe(citation)
    expect(cube.headerFields?.get('coordinate system string')).toBe(`{${system}}`)
    await cube.close()
  })

  it('places a turned image by a matrix', async () => {
    const path = folder.file('turned.tif')
    await writeGeoTiff(path, { lines, samples, bands: 1, dataType: 'uint8', values: new Uint8Array(20), header: { others: new Map([['map info', '{UTM, 2, 3, 500000, 4000000, 2, 5, 33, North, WGS-84, rotation=90}']]) } })
    const cube = await openCube(path)
    const matrix = cube.headerFields?.get('geotiff model transformation')?.slice(1, -1).split(',').map(Number) ?? []
    // Turned by a quarter, columns go north and rows go east; the tie point stays.
    for (const [at, expected] of [[0, 0], [1, 2], [3, 499_996], [4, 5], [5, 0], [7, 3_999_995], [15, 1]]) expect(matrix[at]).toBeCloseTo(expected, 9)
    await cube.close()
  })

  it('gives classes their colours, and is a mask', async () => {
    const path = folder.file('classes.tif')
    const classes = [{ name: 'Normal', colour: [0, 0, 0] as const }, { name: 'Anomalous', colour: [255, 64, 64] as const }]
    await writeGeoTiff(path, { lines, samples, bands: 1, dataType: 'uint8', values: Uint8Array.from({ length: 20 }, (_, n) => n % 2), header: { classes } })
    expect((await readMask(path, [lines, samples])).description.classes).toMatchObject([{ id: 0, count: 10 }, { id: 1, count: 10 }])
  })

  it('leaves nothing behind when it is given up, and takes every line or none', async () => {
    const path = folder.file('given-up.tif')
    const writer = await openGeoTiff(path, { lines, samples, bands: 1, dataType: 'uint8' })
    await writer.writeLines(new Uint8Array(samples))
    expect((await problemOf(() => writer.commit())).message).toBe(`${path} was to hold 5 lines, but 1 were written.`)
    await writer.abort()
    expect(readdirSync(folder.path).filter((name) => name.includes('given-up'))).toEqual([])
    expect(await problemOf(() => openGeoTiff(path, { lines, samples, bands: 70_000, dataType: 'uint8' }))).toMatchObject({ code: 'bad-argument', message: `${path} was to hold 70000 bands, but TIFF counts them to 65535; write ENVI instead.` })
  })

  it('becomes BigTIFF where four gigabytes are not enough', async () => {
    const path = folder.file('big.tif')
    const writer = await openGeoTiff(path, { lines: 1, samples: 50_000_000, bands: 22, dataType: 'float32', interleave: 'bip' })
    const temporary = readdirSync(folder.path).filter((name) => name.startsWith('.big.tif.'))
    expect(temporary).toHaveLength(1)
    const start = readFileSync(folder.file(temporary[0]))
    await writer.abort()
    expect(start.readUInt16LE(2)).toBe(43)
    expect(start.includes(Buffer.from(new BigUint64Array([4_400_000_000n]).buffer))).toBe(true)
    const tags = [{ tag: 256, type: 'long' as const, values: [7] }, { tag: 273, type: 'long8' as const, values: [2 ** 33, 2 ** 34] }]
    const bytes = Buffer.from(directoryBytes(tags, true, directoryLength(tags, true)))
    expect(bytes.readUInt16LE(2)).toBe(43)
    expect(bytes.readBigUInt64LE(bytes.length - 8)).toBe(BigInt(2 ** 34))
  })
})

const data = process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data')

describe.skipIf(!existsSync(join(data, 'tiff')))('a real GeoTIFF', () => {
  it('is copied with its place and its bands', async () => {
    const cube = await openCube(join(data, 'tiff/enmap_potsdam_tile_160_64.tif'))
    const { description, headerFields } = cube
    const [height, width, bands] = description.shape
    const path = folder.file('copy.tif')
    await writeGeoTiff(path, {
      lines: height, samples: width, bands, dataType: 'float32', header: { ...description, classes: undefined, others: headerFields },
      values: (line) => cube.readPixels({ line, sample: 0, lines: 1, samples: width }),
    })
    const copy = await openCube(path)
    expect(copy.description).toEqual({ ...description, path })
    expect(copy.headerFields).toEqual(headerFields)
    const all = { line: 0, sample: 0, lines: height, samples: width }
    expect(await copy.readPixels(all)).toEqual(await cube.readPixels(all))
    await copy.close()
    await cube.close()
  })
})
