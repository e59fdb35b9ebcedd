import * as nodeFs from 'node:fs/promises'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from 'fast-png'
import * as v from 'valibot'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { mapTransformOf, onMap, openCube, readMask, wholeWindow, writeEnvi } from '../../src/engine/cube'
import * as atomic from '../../src/engine/files/atomic'
import type { AtomicFileSystem } from '../../src/engine/files/atomic'
import { runPipeline } from '../../src/engine/inference/run'
import { scoreLimits } from '../../src/engine/inference/scene-pictures'
import { fitPipeline } from '../../src/engine/training/fit'
import { colourTable } from '../../src/shared/colour-maps'
import type { RunRequest } from '../../src/shared/reports'
import { contents, observed, request, scenePixels, SHAPE, temporaryFolder } from '../training/scene'

const { openAtomic } = await vi.importActual<typeof atomic>('../../src/engine/files/atomic')
vi.mock('../../src/engine/files/atomic', { spy: true })

const [lines, samples, bands] = SHAPE
const MAP_INFO = '{UTM, 1, 1, 366975, 5808045, 30, 20, 33, North, WGS-84, units=Meters}'
const OTHERS = new Map([
  ['map info', MAP_INFO],
  ['sensor type', 'Our own camera'],
  ['flight line', '{7, 8, 9}'],
  ['wavelength units of another', 'kept as it is'],
])

let folder: string
let pipelineFolder: string
let cube: string
let out: string

beforeAll(async () => {
  folder = await temporaryFolder()
  cube = join(folder, 'scene.img')
  await writeEnvi(cube, {
    lines, samples, bands, dataType: 'float32', values: scenePixels(),
    header: { wavelengths: Array.from({ length: bands }, (_, band) => 450 + 50 * band), wavelengthUnit: 'nm', others: OTHERS },
  })
  pipelineFolder = join(folder, 'fitted')
  const document = {
    nodes: {
      cube: { type: 'Cube' }, rx: { type: 'RXGlobal' }, decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.97 } },
      colours: { type: 'FixedWavelengthSelector', config: { target_wavelengths: [650, 550, 450] } },
    },
    connections: [['cube.cube', 'rx.data'], ['rx.scores', 'decider.logits'], ['cube.cube', 'colours.cube']],
  }
  await fitPipeline(request({ text: JSON.stringify(document), path: 'looks.yaml' }, [cube], pipelineFolder), observed())
})
beforeEach(async () => {
  vi.mocked(atomic.openAtomic).mockImplementation(openAtomic)
  vi.mocked(atomic.writeFileAtomic).mockRestore()
  out = join(folder, 'out')
  await rm(out, { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const run = (more: Partial<RunRequest> = {}) => runPipeline({ pipelineFolder, data: [cube], masks: [], out, format: 'envi', device: 'cpu', ...more }, observed())

async function pixelsOf(path: string): Promise<Float32Array> {
  const opened = await openCube(path, { mask: false })
  const pixels = await opened.readPixels(wholeWindow(opened.description))
  await opened.close()
  return pixels
}

async function fieldsOf(path: string): Promise<ReadonlyMap<string, string>> {
  const opened = await openCube(path, { mask: false })
  await opened.close()
  return opened.headerFields ?? new Map()
}

describe('rasters of a run', () => {
  it('in several formats at once hold the same numbers', async () => {
    const { cubes: [{ files }] } = await run({ format: ['envi', 'tiff', 'npy'] })
    expect(files).toEqual(['scene_scores.img', 'scene_scores.hdr', 'scene_decisions.img', 'scene_decisions.hdr', 'scene_scores.tif', 'scene_decisions.tif', 'scene_scores.npy', 'scene_decisions.npy'])
    for (const kind of ['scores', 'decisions']) {
      const expected = await pixelsOf(join(out, `scene_${kind}.hdr`))
      expect(new Set(expected).size).toBeGreaterThan(1)
      expect(await pixelsOf(join(out, `scene_${kind}.tif`))).toEqual(expected)
      const npy = await pixelsOf(join(out, `scene_${kind}.npy`))
      expect(npy).toEqual(expected)
    }
  })

  it('keep the map and the keys that nobody here knows', async () => {
    await run({ format: ['envi', 'tiff'] })
    for (const file of ['scene_scores.hdr', 'scene_decisions.hdr', 'scene_scores.tif', 'scene_decisions.tif']) {
      const fields = await fieldsOf(join(out, file))
      for (const [key, value] of OTHERS) expect([file, key, fields.get(key)]).toEqual([file, key, value])
    }
    // And once more through both.
    await writeEnvi(join(folder, 'again.img'), { lines, samples, bands: 1, dataType: 'uint8', values: new Uint8Array(lines * samples), header: { others: await fieldsOf(join(out, 'scene_scores.tif')) } })
    const again = await fieldsOf(join(folder, 'again.hdr'))
    for (const [key, value] of OTHERS) expect(again.get(key)).toBe(value)
    expect(mapTransformOf(again)).toEqual({ xOrigin: 366975, xColumn: 30, xRow: 0, yOrigin: 5808045, yColumn: 0, yRow: -20 })
  })
})

describe('pictures of a run', () => {
  it('show scores through the colour map, with a legend below and the place of each pixel kept', async () => {
    const { cubes: [{ files, threshold }] } = await run({ format: ['envi', 'png'] })
    expect(files.slice(4)).toEqual(['scene_scores.png', 'scene_decisions.png', 'scene_overlay.png'])
    const scores = await pixelsOf(join(out, 'scene_scores.hdr'))
    const { width, height, data, channels, text } = decode(await readFile(join(out, 'scene_scores.png')))
    expect(channels).toBe(3)
    expect(text).toMatchObject({ Software: 'Cuvette', Source: 'scene.img' })
    expect(width).toBeGreaterThan(samples)
    expect(height).toBeGreaterThan(lines)
    const [low, high] = await scoreLimits(async function* () { yield scores })
    expect(threshold).toBeGreaterThan(low)
    const table = colourTable('ember')
    for (let pixel = 0; pixel < scores.length; pixel += 1) {
      const index = Math.round(Math.min(1, Math.max(0, (scores[pixel] - low) / (high - low))) * 255) * 4
      const at = (Math.floor(pixel / samples) * width + (pixel % samples)) * 3
      expect([...data.subarray(at, at + 3)]).toEqual([...table.subarray(index, index + 3)])
    }
    // Below: the bar from one end of the map to the other, and dark letters on white.
    const colours = new Set<string>()
    for (let at = lines * width * 3; at < data.length; at += 3) colours.add([...data.subarray(at, at + 3)].join())
    for (const colour of ['255,255,255', '38,43,49', [...table.subarray(0, 3)].join(), [...table.subarray(255 * 4, 255 * 4 + 3)].join()]) expect(colours).toContain(colour)
  })

  it('of decisions are masks', async () => {
    const { cubes: [{ flagged }] } = await run({ format: ['png', 'envi'] })
    const mask = await readMask(join(out, 'scene_decisions.png'), [lines, samples])
    expect([...mask.values]).toEqual([...await readFile(join(out, 'scene_decisions.img'))])
    expect(mask.description.classes.find(({ id }) => id === 1)?.count).toBe(flagged)
  })

  it('outline on the scene what is flagged', async () => {
    await run({ format: ['png', 'envi'] })
    const decisions = await readFile(join(out, 'scene_decisions.img'))
    const { data, width } = decode(await readFile(join(out, 'scene_overlay.png')))
    const outlined = Array.from({ length: lines * samples }, (_, pixel) => {
      const at = (Math.floor(pixel / samples) * width + (pixel % samples)) * 3
      return [...data.subarray(at, at + 3)].join() === '255,47,179' ? 1 : 0
    })
    // No region of this scene is thick enough to have an inside.
    expect(outlined).toEqual([...decisions])
  })
})

describe('further images of a run', () => {
  it('are written in every format, false colours by one word', async () => {
    const { cubes: [{ files }] } = await run({ format: ['envi', 'npy', 'png'], images: ['rgb', 'colours.rgb_image'] })
    expect(files.slice(-4)).toEqual(['scene_colours.rgb_image.img', 'scene_colours.rgb_image.hdr', 'scene_colours.rgb_image.npy', 'scene_colours.rgb_image.png'])
    const values = await pixelsOf(join(out, 'scene_colours.rgb_image.hdr'))
    expect(values).toHaveLength(lines * samples * 3)
    expect(await pixelsOf(join(out, 'scene_colours.rgb_image.npy'))).toEqual(values)
    const { data, width, height } = decode(await readFile(join(out, 'scene_colours.rgb_image.png')))
    expect([width, height]).toEqual([samples, lines])
    expect([...data]).toEqual(Array.from(values, (value) => Math.round(Math.min(1, Math.max(0, value)) * 255)))
  })

  it('are refused by name before anything is written', async () => {
    await expect(run({ images: ['rx.nothing'] })).rejects.toMatchObject({ code: 'bad-argument', message: 'The pipeline looks has no image rx.nothing; its images are cube.cube, rx.scores, colours.rgb_image.' })
    expect(await contents(out)).toEqual({})
  })
})

/** What the COCO data format asks of an object detection file (cocodataset.org, "Data format"). */
const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
const cocoSchema = v.strictObject({
  info: v.looseObject({ description: v.string(), version: v.string() }),
  licenses: v.array(v.looseObject({ id: whole, name: v.string(), url: v.string() })),
  images: v.array(v.strictObject({ id: whole, width: whole, height: whole, file_name: v.string() })),
  categories: v.array(v.strictObject({ id: whole, name: v.string(), supercategory: v.string() })),
  annotations: v.array(v.strictObject({
    id: whole, image_id: whole, category_id: whole, iscrowd: v.literal(0), area: v.pipe(v.number(), v.minValue(1)),
    bbox: v.tuple([v.number(), v.number(), v.number(), v.number()]),
    segmentation: v.pipe(v.array(v.pipe(v.array(v.number()), v.minLength(6), v.check((points) => points.length % 2 === 0))), v.minLength(1)),
    score: v.number(), mean_score: v.number(),
  })),
})

describe('regions of a run', () => {
  it('are COCO JSON that gives the decisions back', async () => {
    const { cubes: [{ files, flagged }] } = await run({ regions: ['coco', 'csv'], connectivity: 4 })
    expect(files.slice(-2)).toEqual(['scene_regions.json', 'scene_regions.csv'])
    const coco = v.parse(cocoSchema, JSON.parse(await readFile(join(out, 'scene_regions.json'), 'utf8')))
    expect(coco.images).toEqual([{ id: 1, width: samples, height: lines, file_name: 'scene.img' }])
    expect(coco.annotations.length).toBeGreaterThan(1)
    expect(new Set(coco.annotations.map(({ id }) => id)).size).toBe(coco.annotations.length)
    expect(coco.annotations.reduce((sum, { area }) => sum + area, 0)).toBe(flagged)
    const mask = await readMask(join(out, 'scene_regions.json'), [lines, samples])
    expect([...mask.values]).toEqual([...await readFile(join(out, 'scene_decisions.img'))])
  })

  it('have their place on the map in the CSV', async () => {
    await run({ regions: ['csv'], connectivity: 4 })
    const [head, ...rows] = (await readFile(join(out, 'scene_regions.csv'), 'utf8')).trimEnd().split('\r\n').map((row) => row.split(','))
    const scores = await pixelsOf(join(out, 'scene_scores.hdr'))
    const decisions = await readFile(join(out, 'scene_decisions.img'))
    const of = (row: string[], column: string): number => Number(row[head.indexOf(column)])
    for (const row of rows) {
      expect(of(row, 'map_x')).toBeCloseTo(366975 + 30 * (of(row, 'column') + 0.5), 6)
      expect(of(row, 'map_y')).toBeCloseTo(5808045 - 20 * (of(row, 'row') + 0.5), 6)
    }
    expect(Math.max(...rows.map((row) => of(row, 'score_max')))).toBe(Math.max(...scores))
    expect(rows.reduce((sum, row) => sum + of(row, 'area'), 0)).toBe(decisions.reduce((sum, decision) => sum + decision, 0))
  })

  it('leave small ones out where that is wished', async () => {
    const { cubes: [{ flagged }] } = await run({ regions: ['csv'], connectivity: 4, leastArea: 2 })
    const rows = (await readFile(join(out, 'scene_regions.csv'), 'utf8')).trimEnd().split('\r\n').slice(1)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.every((row) => Number(row.split(',')[5]) >= 2)).toBe(true)
    expect(rows.reduce((sum, row) => sum + Number(row.split(',')[5]), 0)).toBeLessThan(flagged)
  })
})

describe('a disk that fails', () => {
  const everything: Partial<RunRequest> = { format: ['envi', 'tiff', 'npy', 'png'], regions: ['coco', 'csv'], images: ['rgb'] }

  /** A disk on which the n-th file that is written finds no room. */
  function fullAt(file: number): void {
    let opened = 0
    const full = (path: string, fs?: AtomicFileSystem) => {
      opened += 1
      if (opened !== file) return openAtomic(path, fs)
      return openAtomic(path, {
        ...nodeFs,
        open: async (name, flags) => {
          const handle = await nodeFs.open(name, flags)
          return { write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })), sync: () => handle.sync(), close: () => handle.close() }
        },
      })
    }
    vi.mocked(atomic.openAtomic).mockImplementation(full)
    vi.mocked(atomic.writeFileAtomic).mockImplementation(async (path, content) => {
      const target = await full(path)
      await target.write(content)
      await target.commit()
    })
  }

  it('leaves nothing half-written, whichever file it happens in', async () => {
    const { cubes: [{ files }] } = await run(everything)
    const count = files.length
    expect(count).toBe(18)
    // The first file that is opened is the trial in the new folder.
    for (let file = 2; file <= count + 1; file += 1) {
      await rm(out, { recursive: true })
      fullAt(file)
      const problem = await run(everything).then(() => null, (error: unknown) => error as Error)
      expect(problem, `file ${file}`).toMatchObject({ code: 'cannot-write', message: expect.stringMatching(/^Cannot write .*: the disk is full; free some space and try again\.$/) as string })
      expect(await contents(out), `file ${file}`).toEqual({})
      await mkdir(out, { recursive: true })
    }
  }, 60_000)

  it('says what is in the way', async () => {
    await mkdir(join(out, 'scene_scores.png'), { recursive: true })
    await writeFile(join(out, 'scene_scores.png', 'kept.txt'), 'kept')
    await expect(run({ format: 'png' })).rejects.toMatchObject({ code: 'cannot-write', message: `Cannot write ${join(out, 'scene_scores.png')}: a folder of that name is in the way; choose another name.` })
    expect(Object.keys(await contents(out))).toEqual(['scene_scores.png/kept.txt'])
  })

  it.skipIf(process.getuid?.() === 0)('says that a folder may not be written', async () => {
    await mkdir(out)
    await chmod(out, 0o500)
    await expect(run()).rejects.toMatchObject({ code: 'cannot-write', message: `Cannot write ${out}: you may not write there; choose another folder or change its permissions.` })
    await chmod(out, 0o700)
  })

  it('says that a folder is a file', async () => {
    await writeFile(join(folder, 'a-file'), 'kept')
    await expect(run({ out: join(folder, 'a-file') })).rejects.toMatchObject({ code: 'cannot-write' })
    expect(await readFile(join(folder, 'a-file'), 'utf8')).toBe('kept')
  })
})

describe('places on the map', () => {
  it.each([
    ['turned about its tie point', '{UTM, 2, 3, 500000, 4000000, 2, 5, 33, North, WGS-84, rotation=30}', [1, 2], [500000, 4000000]],
    ['from the corner of the first pixel', '{UTM, 1, 1, 500000, 4000000, 2, 5, 33, North, WGS-84}', [1, 1], [500002, 3999995]],
  ] as const)('%s', (_, text, [column, row], expected) => {
    const transform = mapTransformOf(new Map([['map info', text]]))
    const found = transform && onMap(transform, column, row)
    expect(found?.[0]).toBeCloseTo(expected[0], 9)
    expect(found?.[1]).toBeCloseTo(expected[1], 9)
  })

  it('count from the middle where a GeoTIFF says that pixels are points', () => {
    const tags = new Map([['geotiff model pixel scale', '{2, 5, 0}'], ['geotiff model tiepoint', '{0, 0, 0, 500000, 4000000, 0}'], ['geotiff key directory', '{1, 1, 0, 1, 1025, 0, 1, 2}']])
    const transform = mapTransformOf(tags)
    expect(transform && onMap(transform, 0.5, 0.5)).toEqual([500000, 4000000])
  })

  it('are not made up', () => {
    expect(mapTransformOf(undefined)).toBeNull()
    expect(mapTransformOf(new Map([['map info', '{Arbitrary, 1, 1, 0, 0, 1, 1, 0, North}']]))).toBeNull()
    expect(mapTransformOf(new Map([['map info', '{UTM, 1, 1}']]))).toBeNull()
  })
})
