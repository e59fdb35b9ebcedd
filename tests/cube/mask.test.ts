import { describe, expect, it } from 'vitest'
import { describeMask, readMask } from '../../src/engine/cube/mask'
import { describeCube } from '../../src/engine/cube/open-cube'
import type { SmallCube } from './support/envi-files'
import { plainCube, writeSmallCube } from './support/envi-files'
import type { MatlabArray } from './support/matlab5-writer'
import { columnMajor, matlab5Bytes } from './support/matlab5-writer'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const shape: [number, number] = [3, 4]
const classAt = (line: number, sample: number) => (line === 1 && sample === 2 ? 2 : sample === 0 ? 1 : 0)
const classes = [{ id: 0, count: 8 }, { id: 1, count: 3 }, { id: 2, count: 1 }]
const expected = Uint8Array.of(1, 0, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0)

const maskCube: SmallCube = { ...plainCube, bands: 1, code: 1, dtype: 'uint8', value: classAt }
function array(name: string, more: Partial<MatlabArray> = {}): MatlabArray {
  return { name, shape: [3, 4], stored: 'uint8', values: columnMajor([3, 4, 1], classAt), ...more }
}
const cubeArray = array('data', { shape: [3, 4, 2], values: columnMajor([3, 4, 2], () => 7) })

describe('reading a mask', () => {
  it.each<[string, Partial<SmallCube>]>([
    ['bytes', {}], ['float64, big-endian', { code: 5, dtype: 'float64', little: false }], ['int16 bip', { code: 2, dtype: 'int16', interleave: 'bip' }],
  ])('from ENVI: %s', async (name, change) => {
    const path = writeSmallCube(folder.file(`mask ${name}.img`), { ...maskCube, ...change }, 'file type = ENVI Classification\nclasses = 3\ndata ignore value = 1\n')
    const mask = await readMask(path, shape)
    expect(mask.values).toEqual(expected)
    expect(mask.description).toEqual({ path, variable: null, shape, classes, warnings: ['The header gives "file type" twice; the one on line 10 is used.'] })
  })

  it('from MATLAB: the named array, or the only one of that size', async () => {
    const path = folder.file('masks.mat', matlab5Bytes([cubeArray, array('map', { compressed: true }), array('other', { shape: [4, 3] })]))
    expect(await readMask(path, shape)).toEqual({ description: { path, variable: 'map', shape, classes }, values: expected })
    expect((await readMask(`${path}#map`, shape)).values).toEqual(expected)
    expect(await describeMask(`${path}#map`, shape)).toEqual({ path, variable: 'map', shape, classes })
  })
})

describe('masks that do not fit', () => {
  async function expectBad(reference: string, message: string, size = shape) {
    expect(await problemOf(() => describeMask(reference, size))).toMatchObject({ code: 'bad-mask', message })
  }

  it('of another size', async () => {
    const envi = writeSmallCube(folder.file('size.img'), maskCube)
    await expectBad(envi, `The mask ${envi} is 3 lines x 4 samples, but the cube is 4 x 3; choose the mask of this cube.`, [4, 3])
    const mat = folder.file('size.mat', matlab5Bytes([array('map')]))
    await expectBad(mat, `The mask ${mat}#map is 3 lines x 4 samples, but the cube is 10 x 20; choose the mask of this cube.`, [10, 20])
  })

  it('with several bands', async () => {
    const path = writeSmallCube(folder.file('bands.img'), plainCube)
    await expectBad(path, `The mask ${path} has 5 bands; a mask has one.`)
  })

  it.each<[string, number, string]>([['half', 0.5, '0.5'], ['many', 256, '256'], ['negative', -1, '-1'], ['nan', NaN, 'NaN']])('with values that are no classes: %s', async (name, wrong, shown) => {
    const value = (line: number, sample: number) => (line === 2 && sample === 1 ? wrong : 0)
    const path = writeSmallCube(folder.file(`${name}.img`), { ...maskCube, code: 4, dtype: 'float32', value })
    await expectBad(path, `The mask ${path} holds ${shown} at line 2, sample 1; a mask holds whole numbers from 0 to 255, one for each class.`)
  })

  it('without, or with several, arrays of that size', async () => {
    const path = folder.file('several.mat', matlab5Bytes([cubeArray, array('map'), array('gt')]))
    await expectBad(path, `${path} holds several masks of that size (map, gt); choose one by writing its name after "#".`)
    await expectBad(path, `${path} holds no mask of 9 lines x 9 samples; it holds data (3 x 4 x 2 uint8), map (3 x 4 uint8), gt (3 x 4 uint8).`, [9, 9])
    await expectBad(`${path}#data`, `${path} has no mask "data"; expected a numeric array with two axes, but it holds data (3 x 4 x 2 uint8), map (3 x 4 uint8), gt (3 x 4 uint8).`)
  })

  it('that are no mask at all', async () => {
    const path = folder.file('mask.txt', 'no mask')
    expect((await problemOf(() => readMask(path, shape))).code).toBe('not-a-cube')
    expect((await problemOf(() => readMask(folder.file('none.mat'), shape))).code).toBe('missing-file')
  })
})

describe('finding the mask of a cube', () => {
  it('inside: the only array of its size that holds classes', async () => {
    const scores = array('scores', { stored: 'float64', values: columnMajor([3, 4, 1], () => 0.3) })
    const path = folder.file('inside.mat', matlab5Bytes([cubeArray, scores, array('map'), array('turned', { shape: [4, 3] })]))
    expect((await describeCube(path)).mask).toEqual({ path, variable: 'map', shape, classes })
  })

  it('inside: none of several', async () => {
    const path = folder.file('inside-two.mat', matlab5Bytes([cubeArray, array('map'), array('gt')]))
    expect(await describeCube(path)).toMatchObject({
      mask: null, warnings: ['Several masks were found for inside-two.mat (map, gt); none is used until one is chosen.'],
    })
  })

  it.each(['_mask.img', '-gt.dat', '.mask.img', '_GroundTruth.bsq'])('beside, as <name>%s', async (ending) => {
    const sub = ownPrefix()
    const cube = writeSmallCube(folder.file(`${sub}scene.img`), plainCube)
    writeSmallCube(folder.file(`${sub}scene${ending}`), maskCube)
    const { mask } = await describeCube(cube)
    expect(mask).toMatchObject({ shape, classes })
    expect((await describeCube(folder.file(`${sub}scene.hdr`))).mask).toEqual(mask)
  })

  it('beside, as a MATLAB file', async () => {
    const sub = ownPrefix()
    const cube = folder.file(`${sub}scene.mat`, matlab5Bytes([cubeArray]))
    const path = folder.file(`${sub}scene_gt.mat`, matlab5Bytes([array('gt')]))
    expect((await describeCube(cube)).mask).toEqual({ path, variable: 'gt', shape, classes })
  })

  it('beside: says why one of the wrong size is not used, and takes none of two', async () => {
    const sub = ownPrefix()
    const cube = writeSmallCube(folder.file(`${sub}scene.img`), plainCube)
    const wrong = folder.file(`${sub}scene_gt.mat`, matlab5Bytes([array('gt', { shape: [2, 6] })]))
    expect(await describeCube(cube)).toMatchObject({
      mask: null, warnings: [`The mask ${wrong}#gt is 2 lines x 6 samples, but the cube is 3 x 4; choose the mask of this cube.`],
    })
    writeSmallCube(folder.file(`${sub}scene_mask.img`), maskCube)
    writeSmallCube(folder.file(`${sub}scene_labels.img`), maskCube)
    const { mask, warnings } = await describeCube(cube)
    expect(mask).toBeNull()
    expect(warnings[1]).toBe(`Several masks were found for ${sub}scene.img (${sub}scene_labels.hdr, ${sub}scene_mask.hdr); none is used until one is chosen.`)
  })

  it('does not look when told not to', async () => {
    const path = folder.file('unasked.mat', matlab5Bytes([cubeArray, array('map')]))
    expect((await describeCube(path, { mask: false })).mask).toBeNull()
  })
})

/** So that the cubes of different tests do not find each other's masks. */
let prefixes = 0
function ownPrefix(): string {
  prefixes += 1
  return `${prefixes}-`
}
