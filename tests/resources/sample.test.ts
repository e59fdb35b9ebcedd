import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeCube, readMask } from '../../src/engine/cube'

const root = resolve(import.meta.dirname, '..', '..')
const sample = join(root, 'resources', 'sample')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cuvette-sample-'))
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'make-sample.mjs'), folder])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the sample scene', () => {
  test('is written again byte for byte by its script, which leaves nothing else behind', async () => {
    const names = (await readdir(folder)).sort()
    expect(names).toEqual(['farm.hdr', 'farm.img', 'farm_mask.hdr', 'farm_mask.img'])
    for (const name of names) {
      const [written, committed] = await Promise.all([readFile(join(folder, name)), readFile(join(sample, name))])
      expect(written.equals(committed), name).toBe(true)
    }
  })

  test('is below 6 MB', async () => {
    const sizes = await Promise.all((await readdir(sample)).map(async (name) => (await stat(join(sample, name))).size))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(6e6)
  })

  test('opens without a warning, with wavelengths, colours and its mask', async () => {
    const cube = await describeCube(join(sample, 'farm.hdr'))
    expect(cube.warnings).toEqual([])
    expect(cube).toMatchObject({ shape: [200, 200, 61], dtype: 'uint16', interleave: 'bsq', wavelengthUnit: 'nm', scale: 10000, noData: null, badBands: [] })
    expect(cube.wavelengths).toEqual(Array.from({ length: 61 }, (_, band) => 430 + 8 * band))
    expect(cube.fwhm).toHaveLength(61)
    // 0-based: 638, 550 and 470 nm.
    expect(cube.defaultBands).toEqual([26, 15, 5])
    expect(cube.mask?.shape).toEqual([200, 200])
    expect(cube.mask?.classes.filter(({ id }) => id > 0).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('holds about half a percent of planted pixels', async () => {
    const { values: mask } = await readMask(join(sample, 'farm_mask.hdr'), [200, 200])
    const planted = mask.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0)
    expect(planted / mask.length).toBeGreaterThan(0.004)
    expect(planted / mask.length).toBeLessThan(0.0075)
  })
})
