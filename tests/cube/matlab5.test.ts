import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { filesOf } from '../../src/engine/cube/open-file'
import type { StoredType } from './support/matlab5-writer'
import { columnMajor, matlab5Bytes } from './support/matlab5-writer'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const shape: [number, number, number] = [4, 3, 5]
const value = (line: number, sample: number, band: number) => 20 * line + 5 * sample + band
const values = columnMajor(shape, value)
const whole = { line: 0, sample: 0, lines: 4, samples: 3 }

describe('MATLAB 5 arrays', () => {
  const stored: StoredType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32', 'float64', 'int64', 'uint64']
  const cases = stored.flatMap((type) => [true, false].flatMap((little) => [true, false].map((compressed) => ({ type, little, compressed }))))

  it.each(cases)('reads doubles stored as $type, little-endian $little, compressed $compressed', async ({ type, little, compressed }) => {
    const path = folder.file(`${type}-${little}-${compressed}.mat`, matlab5Bytes([{ name: 'data', shape, stored: type, values, compressed }], little))
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ path, variable: 'data', format: 'MATLAB 5', shape, dtype: type, interleave: 'bsq', variables: [{ name: 'data', shape, dtype: type }] })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(5)))
    expect(await cube.readBand(4, whole)).toEqual(expectedBand(value, 4, whole, 1))
    await cube.close()
  })

  it('reads any window as a plain loop does', async () => {
    const bytes = matlab5Bytes([
      { name: 'first', shape: [1, 1, 2], values: [7, 8], stored: 'uint8' },
      { name: 'plain', shape, values, stored: 'int16' },
      { name: 'packed', shape, values, stored: 'float32', compressed: true },
    ])
    const path = folder.file('windows.mat', bytes)
    const request = fc.record({
      variable: fc.constantFrom('plain', 'packed'),
      line: fc.nat(3), sample: fc.nat(2), lines: fc.nat(3), samples: fc.nat(2),
      bands: fc.option(fc.array(fc.nat(4), { maxLength: 6 })), band: fc.nat(4), stride: fc.integer({ min: 1, max: 3 }),
      pieceBytes: fc.constantFrom(1, 8, 20, 64, 4096), inflatedBytes: fc.constantFrom(0, 1 << 20),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ variable, bands, band, stride, pieceBytes, inflatedBytes, ...box }) => {
        const window = { line: box.line, sample: box.sample, lines: 1 + (box.lines % (4 - box.line)), samples: 1 + (box.samples % (3 - box.sample)) }
        const cube = await openCube(`${path}#${variable}`, { pieceBytes, inflatedBytes, mask: false })
        try {
          expect(await cube.readPixels(window, bands)).toEqual(expectedPixels(value, window, bands ?? range(5)))
          expect(await cube.readBand(band, window, stride)).toEqual(expectedBand(value, band, window, stride))
        } finally {
          await cube.close()
        }
      }),
      { seed: 20261123, numRuns: 150 },
    )
  })

  it('lists what else is there, with long names and small elements', async () => {
    const long = 'a_variable_with_a_rather_long_name_of_sixty_three_characters_'
    const path = folder.file('others.mat', matlab5Bytes([
      { name: 'x', shape: [1, 2], values: [1, 2], stored: 'uint8' },
      { name: long, shape, values, stored: 'uint8', compressed: true },
      { name: 'note', shape: [1, 2], matlabClass: 'char', values: [65, 66], stored: 'uint16' },
      { name: 'on', shape: [2, 2], matlabClass: 'uint8', logical: true, values: [0, 1, 1, 0], stored: 'uint8' },
      { name: 'z', shape: [1, 1], values: [1], complex: true },
      { name: 'empty', shape: [0, 0], values: [] },
    ]))
    expect((await describeCube(path)).variables).toEqual([
      { name: 'x', shape: [1, 2], dtype: 'uint8' },
      { name: long, shape, dtype: 'uint8' },
      { name: 'note', shape: [1, 2], dtype: 'char' },
      { name: 'on', shape: [2, 2], dtype: 'logical' },
      { name: 'z', shape: [1, 1], dtype: 'complex float64' },
      { name: 'empty', shape: [0, 0], dtype: 'float64' },
    ])
  })
})

describe('which variable is the cube', () => {
  const path = folder.file('choice.mat', matlab5Bytes([
    { name: 'rgb', shape: [4, 3, 3], values: columnMajor([4, 3, 3], value), stored: 'uint8' },
    { name: 'data', shape, values, stored: 'uint8' },
    { name: 'image', shape: [4, 3], values: range(12), stored: 'uint8' },
    { name: 'note', shape: [1, 2], matlabClass: 'char', values: [65, 66], stored: 'uint16' },
  ]))

  it('the largest with three axes, or the one that is named, also with two axes', async () => {
    expect((await describeCube(path)).variable).toBe('data')
    expect(await filesOf(`${path}#data`)).toEqual([path])
    expect((await describeCube(`${path}#rgb`)).shape).toEqual([4, 3, 3])
    const image = await openCube(`${path}#image`)
    expect(image.description.shape).toEqual([4, 3, 1])
    expect([...(await image.readBand(0, whole))]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    await image.close()
  })

  it('says what there is instead', async () => {
    expect(await problemOf(() => describeCube(`${path}#cube`))).toMatchObject({
      code: 'bad-argument', where: 'cube',
      message: `${path} has no variable "cube"; it holds rgb (4 x 3 x 3 uint8), data (4 x 3 x 5 uint8), image (4 x 3 uint8), note (1 x 2 char).`,
    })
    expect(await problemOf(() => describeCube(`${path}#note`))).toMatchObject({
      code: 'not-a-cube', message: `The variable note (1 x 2 char) of ${path} is not a cube; expected a numeric array with three axes (lines, samples, bands).`,
    })
    const flat = folder.file('flat.mat', matlab5Bytes([{ name: 'map', shape: [4, 3], values: range(12), stored: 'uint8' }]))
    expect(await problemOf(() => describeCube(flat))).toMatchObject({
      code: 'not-a-cube', message: `${flat} holds no numeric array with three axes (lines, samples, bands); it holds map (4 x 3 uint8).`,
    })
    const bare = folder.file('bare.mat', matlab5Bytes([]))
    expect((await problemOf(() => describeCube(bare))).message).toBe(`${bare} holds no numeric array with three axes (lines, samples, bands); it holds no variables.`)
  })

  it('asks when several are equally large', async () => {
    const twins = folder.file('twins.mat', matlab5Bytes([{ name: 'before', shape, values, stored: 'uint8' }, { name: 'after', shape, values, stored: 'uint8' }]))
    expect(await problemOf(() => describeCube(twins))).toMatchObject({
      code: 'bad-argument',
      message: `${twins} holds several cubes of the same size (before, after); choose one by writing its name after "#", as in ${twins}#before.`,
    })
    expect((await describeCube(`${twins}#after`)).variable).toBe('after')
  })
})

describe('damaged MATLAB 5 files', () => {
  // Noise does not compress, so that cutting the file cuts the numbers.
  const noise = Array.from({ length: 60_000 }, (_, n) => (Math.imul(n + 1, 2654435761) >>> 16) & 0xffff)
  const packed = matlab5Bytes([{ name: 'data', shape: [100, 100, 6], values: noise, stored: 'uint16', compressed: true }])
  const plain = matlab5Bytes([{ name: 'data', shape, values, stored: 'uint16' }])

  it.each([['packed', packed], ['plain', plain]])('cut off: %s', async (name, bytes) => {
    const path = folder.file(`cut-${name}.mat`, bytes.subarray(0, bytes.length - 20))
    expect(await problemOf(() => describeCube(path))).toMatchObject({
      code: 'truncated', message: `${path} holds ${bytes.length - 20} bytes, but its contents need ${bytes.length}; it is incomplete, so copy or export it again.`,
    })
  })

  it('compressed data that is damaged inside', async () => {
    const bytes = Buffer.from(packed)
    bytes.fill(0xff, 60_000, 60_200)
    const path = folder.file('damaged.mat', bytes)
    const cube = await openCube(path)
    const { code, message } = await problemOf(() => cube.readBand(0, { line: 0, sample: 0, lines: 100, samples: 100 }))
    expect(code).toBe('bad-data')
    expect(message).toMatch(/^The variable data of .*damaged\.mat cannot be decompressed: the compressed data is damaged after \d+ bytes; copy or export the file again\.$/)
    await cube.close()
  })

  it('compressed data that ends early', async () => {
    const bytes = Buffer.from(packed.subarray(0, packed.length - 1000))
    bytes.writeUInt32LE(bytes.length - 136, 132)
    const path = folder.file('early.mat', bytes)
    const cube = await openCube(path)
    const { code, message } = await problemOf(() => cube.readBand(0, { line: 0, sample: 0, lines: 100, samples: 100 }))
    expect(code).toBe('truncated')
    expect(message).toMatch(/^The variable data of .*early\.mat is incomplete: \d+ bytes came out of the compressed data, \d+ were expected; copy or export the file again\.$/)
    await cube.close()
  })

  it('a header that claims more than the compressed data can be', async () => {
    const bytes = matlab5Bytes([{ name: 'data', shape: [1, 1, 1], values: [1], stored: 'float64' }])
    bytes.writeInt32LE(1000, 128 + 8 + 16 + 8)
    bytes.writeInt32LE(1000, 128 + 8 + 16 + 12)
    const path = folder.file('claims.mat', bytes)
    expect(await problemOf(() => describeCube(path))).toMatchObject({
      code: 'bad-data',
      message: `${path} is damaged: it holds 8 bytes of numbers in the variable "data", where 1000 x 1000 x 1 of float64 take 8000000; copy or export it again.`,
    })
  })

  it('any single wrong byte gives a sentence or numbers, never a defect', async () => {
    const small = matlab5Bytes([{ name: 'data', shape, values, stored: 'uint16' }, { name: 'map', shape: [4, 3], values: range(12), stored: 'uint8', compressed: true }])
    for (let at = 124; at < small.length; at += 1) {
      for (const wrong of [0x00, 0x7f, 0xff]) {
        const bytes = Buffer.from(small)
        bytes[at] = wrong
        const path = folder.file('wrong.mat', bytes)
        const outcome = await openCube(path).then(async (cube) => {
          await cube.readBand(0, { line: 0, sample: 0, lines: 1, samples: 1 }).finally(() => cube.close())
        }).catch((error: unknown) => error)
        if (outcome !== undefined) expect(outcome, `byte ${at} = ${wrong}`).toMatchObject({ name: 'CuvetteError' })
      }
    }
  })
})

describe('structs, complex numbers and axes of MATLAB 5 files', () => {
  const first: [number, number, number] = [5, 4, 3]
  const bandsFirst = columnMajor(first, (band, line, sample) => value(line, sample, band))

  it.each([['plain', false], ['compressed', true]])('reads the fields of a struct, %s', async (name, compressed) => {
    const path = folder.file(`struct-${name}.mat`, matlab5Bytes([
      { name: 'scene', shape: [1, 1], values: [], matlabClass: 'struct', compressed, fields: [
        { name: 'note', shape: [1, 3], matlabClass: 'char', values: [65, 66, 67], stored: 'uint16' },
        { name: 'cube', shape, values, stored: 'uint16' },
        { name: 'gt', shape: [4, 3], values: range(12), stored: 'uint8' },
      ] },
      { name: 'x', shape: [1, 1], values: [1] },
    ]))
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ variable: 'scene.cube', shape, dtype: 'uint16', mask: { variable: 'scene.gt' }, warnings: [] })
    expect(cube.description.variables.map((variable) => variable.name)).toEqual(['scene', 'scene.note', 'scene.cube', 'scene.gt', 'x'])
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(5)))
    await cube.close()
    expect((await describeCube(`${path}#scene.cube`)).variable).toBe('scene.cube')
    expect((await problemOf(() => describeCube(`${path}#scene`))).message).toBe(`The variable scene (1 x 1 struct) of ${path} is not a cube; expected a numeric array with three axes (lines, samples, bands).`)
  })

  it.each([['plain', false], ['compressed', true]])('shows complex numbers as their magnitude, %s', async (name, compressed) => {
    const path = folder.file(`complex-${name}.mat`, matlab5Bytes([{ name: 'data', shape, values, stored: 'uint16', complex: true, compressed }]))
    const cube = await openCube(path, { pieceBytes: 16 })
    expect(cube.description).toMatchObject({ dtype: 'complex128', shape })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels((...at) => Math.fround(Math.hypot(value(...at), value(...at))), whole, range(5)))
    await cube.close()
  })

  it('finds the axis of the bands by a list of wavelengths or an image, and can be told', async () => {
    const listed = folder.file('listed.mat', matlab5Bytes([
      { name: 'data', shape: first, values: bandsFirst, stored: 'uint8' }, { name: 'wavelengths', shape: [5, 1], values: [0.4, 0.5, 0.6, 0.7, 0.8], compressed: true }, { name: 'fwhm', shape: [1, 5], values: [1, 2, 3, 4, 5], stored: 'uint8' },
    ]))
    const cube = await openCube(listed)
    expect(cube.description).toMatchObject({
      shape: [4, 3, 5], interleave: 'bip', wavelengths: [0.4, 0.5, 0.6, 0.7, 0.8], wavelengthUnit: 'µm', fwhm: [1, 2, 3, 4, 5], warnings: ['The unit of wavelengths is not given; µm is assumed from the values.'],
    })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(5)))
    await cube.close()

    const masked = folder.file('masked.mat', matlab5Bytes([{ name: 'data', shape: first, values: bandsFirst, stored: 'uint8' }, { name: 'gt', shape: [4, 3], values: range(12), stored: 'uint8' }]))
    expect(await describeCube(masked)).toMatchObject({ shape: [4, 3, 5], interleave: 'bip', mask: { variable: 'gt' } })
    const bare = folder.file('axes.mat', matlab5Bytes([{ name: 'data', shape: first, values: bandsFirst, stored: 'uint8' }]))
    expect((await describeCube(bare)).shape).toEqual([5, 4, 3])
    expect(await describeCube(`${bare}#data@bands=first`)).toMatchObject({ shape: [4, 3, 5], variable: 'data@bands=first' })
    expect(await describeCube(`${bare}#@bands=middle`)).toMatchObject({ shape: [5, 3, 4], interleave: 'bil' })
    expect(await describeCube(`${masked}#data@bands=last`)).toMatchObject({ shape: [5, 4, 3], interleave: 'bsq', mask: null })
  })

  it('says so where an image was made flat', async () => {
    const flat = folder.file('pixels.mat', matlab5Bytes([{ name: 'X', shape: [40, 9], values: range(360), stored: 'uint16' }]))
    expect((await problemOf(() => describeCube(flat))).message).toBe(
      `${flat} holds no numeric array with three axes (lines, samples, bands); it holds X (40 x 9 uint16); if X is pixels x bands, save it as lines x samples x bands.`,
    )
  })

  it('does not unpack more of a compressed element than it says', async () => {
    const { deflateSync } = await import('node:zlib')
    const plain = matlab5Bytes([{ name: 'data', shape, values, stored: 'uint16' }])
    const bomb = deflateSync(Buffer.concat([plain.subarray(128), Buffer.alloc(300 * 1024 * 1024)]))
    const tag = Buffer.alloc(8)
    tag.writeUInt32LE(15, 0)
    tag.writeUInt32LE(bomb.length, 4)
    const path = folder.file('bomb.mat', Buffer.concat([plain.subarray(0, 128), tag, bomb]))
    const before = process.memoryUsage().arrayBuffers
    const cube = await openCube(path)
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(5)))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    await cube.close()
  })
})
