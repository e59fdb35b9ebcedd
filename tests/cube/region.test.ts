import { describe, expect, it } from 'vitest'
import { openCube } from '../../src/engine/cube'
import type { RegionShape } from '../../src/engine/cube/region'
import { meanSpectrum, regionOf } from '../../src/engine/cube/region'
import { plainCube, writeSmallCube } from './support/envi-files'
import { temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
// 3 lines, 4 samples, 5 bands of 100 line + 10 sample + band; 111 is no data.
const path = writeSmallCube(scratch.file('cube.img'), plainCube, 'data ignore value = 111\n')

async function mean(...shapes: RegionShape[]): Promise<number[]> {
  const cube = await openCube(path)
  return Array.from(await meanSpectrum(shapes.map((shape) => regionOf(cube, shape))).finally(() => cube.close()))
}

describe('the mean spectrum of a region', () => {
  it('of a pixel, a rectangle and the whole image', async () => {
    expect(await mean({ pixel: [2, 3] })).toEqual([230, 231, 232, 233, 234])
    expect(await mean({ rectangle: [0, 1, 3, 2] })).toEqual([115, 117, 117, 118, 119])
    expect(await mean({ rectangle: [0, 0, 3, 4] })).toEqual([115, 116 + 5 / 11, 117, 118, 119])
  })

  it('of the pixels whose centres lie in a polygon', async () => {
    // Lines 0 and 1, samples 2 and 3; a slanted edge that leaves out the last of these centres.
    expect(await mean({ polygon: [[0, 2], [0, 4], [2, 4], [2, 2]] })).toEqual([75, 76, 77, 78, 79])
    expect(await mean({ polygon: [[0, 2], [0, 4], [2, 2.6], [2, 2]] })).toEqual([(20 + 30 + 120) / 3, expect.closeTo((21 + 31 + 121) / 3), expect.closeTo((22 + 32 + 122) / 3), expect.closeTo((23 + 33 + 123) / 3), expect.closeTo((24 + 34 + 124) / 3)])
  })

  it('leaves out what is no number, band by band', async () => {
    expect(await mean({ pixel: [1, 1] })).toEqual([110, NaN, 112, 113, 114])
    expect(await mean({ pixel: [1, 1] }, { pixel: [1, 2] })).toEqual([115, 121, 117, 118, 119])
  })
})
