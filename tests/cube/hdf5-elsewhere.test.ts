import { describe, expect, it } from 'vitest'
import { gunzipSync } from 'node:zlib'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const file = (name: string, packed: string): string => folder.file(name, gunzipSync(Buffer.from(packed, 'base64')))

// Written with h5py 3.7, which can do what h5wasm cannot: create_dataset(external=...), create_virtual_dataset. All of
// 4 x 3 x 5 float32.
const FILES = {
  /** libver earliest; 120 bytes of /etc/passwd and 120 of beside.raw. */
  old: 'H4sIAAAAAAACA+v0cHHj5ZLiYgABDg4GFgYBBmTwHwoOsKLyYfIJUJoRSndA6RVMMHFGsJwEVFwQaj66upAgV1eQ6v9oAGZPBQuE5mAYBSMReLg6BoDoCCgflkpPMKGqSy5NSkVOjx4U2svIwAYxixHGt4DQzBABaLJkYIbS0GyCU5wZmBNAOgUV5KFqFBjEORjE6+HqOMDyTExMYAvYGRzAfLAYEBrgyAcVUFoChzgHVIaZEZazPqCpVCApHjTQ8n0AC6o6/dSSZP2CxOLi8hQwPym1ODMlVa8osRwiH+zn7wIqGWD+UGAeTePkAABqufozwAUAAA==',
  /** libver latest; /etc/passwd. */
  latest: 'H4sIAAAAAAACA+v0cHHj5ZLiYubgYICB/1DAzgThG0DFPz29au7v4RLEpLDrHVs2Mq5gEkLWCANcTAyMDAxs/AxAiiW5NCn1MMwKVwbqgJIUdXewkxgZGBlNGBiYmBkZWaByzFCaFUrjEmcWYWAUVJCHyiswiHMwiNeD5IGuZ+Zi1wCazADyASPDeUaIDg40V3yA0hzAUGBhhPkeJsqQwkAXoHpukoSHq2MAiC0BFYM6mOE9I6pa/dSSZP2CxOLicojjAN0I4XsHAgAA',
  /** userblock_size 512; ../beside.raw. */
  user: 'H4sIAAAAAAACA2NgGAUjGXR6uLjxcklxgTkcHAwsDAIQCSYI9R8KNrCj8mH6E6A0I5TugNIrmGDijGA5Cai4INR8dHUhQa6uINX/0QDMngwWCM0xGmUjEni4OgaA6AgoH5pKGU4woapLLk1KRU6PHhTay8jABjGLEca3gNDMEAFosmRghtKsUBqXODMwJ4B0CirIQ9UoMIhzMIjXw9VxgOWZmJjAFrAzaID5jNC8ZIAjH3xggIlDchozIywHfUBTaUGVeJBAy/cBLKjq9PT0k1KLM1NS9YoSy4H8YD9/F5D7Ye5WYB5N0+QAAF6HJAewBwAA',
  /** `through` shows `raw`, which is /etc/passwd; `within` shows `plain`, 0 to 59, and two bands of zeros. */
  virtual: 'H4sIAAAAAAACA+2WP0gbURzHf+8uuTsOtYkVEkTwhFakFJMhg5RSo0bNIBisBQcHg4oJioaYkm7NWMVBO3UUJ93USXARXJzUbgUXJ3FqMzoI+r27d/GMBBGpRHwf8snlfu/+vHzv7r1biMf6avVGXdY0crjiFIP2epjXt1pP2gfjsSHJ2P2rTLv9JtW7d3TQJWJESh1hIWeT+X1+IMVnVryZmWR6VpV4rd6sqblUdu7rVOq1zKt+s6rk07lUejbk4furpa7ur0VXrC4xYixCJMmMOVvxQ5CXLyvV5QZifqOZtxsU0Cjw3WxH72VdbcORyewFoyNm73ETlU2RLzX8Bw8rxec0T9CT8PbwZzDe25Uwf/MrR7zD9I/d3jY0mRsPZZLz83m7c/83QzsXJ7ZSLstUdaxMtfRZWbSU3+KVs1EqZKPcl42ObN45e2l4SjxyUXNdt6XqyubseLHuodmoFbJRH5GNVIXZfNgYD5BA8DwpdOIrig8swFW4B08hdRH5oAHDMAoTcAxmYAH+gMvwF1yF63AT7sA9eACP4R94Cs9hEV5A6sbDDTVYA32wAQZhEzTgG9gG38MwjMAO+BFGYQzG4QBMwGE4AkfhGJyAKTjT3d8zOGANrr7bE+RnKpsx2wkvLNZ45Z46Jde6wcezsqnVqkl8zAvtbHtvBi3w5e55rNegR5/J/+nyt6vJeCXuaoFAIBAIBAKBQCAQvFyuAQgeEQjwGAAA',
}

describe('HDF5 whose numbers lie in other files', () => {
  const refusal = (path: string, name: string, files: string) => ({
    code: 'unsupported', message: `The numbers of ${name} in ${path} lie in other files (${files}), which are not followed; write them into one file.`, where: name,
  })

  it.each([['old', '/etc/passwd, beside.raw'], ['latest', '/etc/passwd'], ['user', '../beside.raw']] as const)('never reads them: raw files of a header of kind %s', async (kind, files) => {
    for (const ending of ['h5', 'mat']) {
      const path = file(`${kind}.${ending}`, FILES[kind])
      expect(await problemOf(() => openCube(path))).toMatchObject(refusal(path, 'cube', files))
    }
  })

  it('shows virtual datasets of plain datasets of the same file, and no way out through them', async () => {
    const path = file('virtual.h5', FILES.virtual)
    const cube = await openCube(`${path}#within@bands=last`)
    expect(cube.description.shape).toEqual([4, 3, 7])
    expect(Array.from(await cube.readPixels({ line: 3, sample: 2, lines: 1, samples: 1 }))).toEqual([55, 56, 57, 58, 59, 0, 0])
    await cube.close()
    expect(await problemOf(() => describeCube(`${path}#through@bands=last`))).toMatchObject(refusal(path, 'through', 'raw'))
    expect(await problemOf(() => describeCube(`${path}#raw@bands=last`))).toMatchObject(refusal(path, 'raw', '/etc/passwd'))
  })

  it('says that a damaged object header is damaged', async () => {
    const bytes = gunzipSync(Buffer.from(FILES.latest, 'base64'))
    // The heap of the names is said to lie beyond the end.
    const heap = bytes.indexOf('HEAP')
    bytes.write('HEAD', heap, 'latin1')
    const path = folder.file('damaged.h5', bytes)
    expect(await problemOf(() => openCube(path))).toMatchObject({ code: 'bad-data', message: expect.stringMatching(/^.*damaged\.h5 is damaged: .*copy or export it again\.$/) as string })
  })
})
