import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCube, readMask } from '../../src/engine/cube'
import { runPipeline } from '../../src/engine/inference/run'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { scoringModel } from '../../src/engine/inference/partial-model'
import { openSession } from '../../src/engine/onnx/session'
import type { Session } from '../../src/engine/onnx/session'
import { fitPipeline } from '../../src/engine/training/fit'
import type { RunRequest } from '../../src/shared/reports'
import type { Observed } from '../training/scene'
import { fittedScene } from '../training/fitted-scene'
import { contents, deepSVDD, observed, request, rx, scenePixels, sceneMask, SHAPE, temporaryFolder, writeScene } from '../training/scene'
import { everyBand, memoryCube, scoresOfCube as scoreCube } from './cubes'

let folder: string
let pipelineFolder: string
let cube: string
let out: string
let session: Session
beforeAll(async () => {
  ;({ folder, cube, fitted: pipelineFolder } = await fittedScene())
  session = await openSession(scoringModel((await openTrainedPipeline(pipelineFolder)).model, 'model.onnx'), 'cpu')
})
beforeEach(async () => {
  out = join(folder, 'out')
  await rm(out, { recursive: true, force: true })
})
afterAll(async () => {
  await session.release()
  await rm(folder, { recursive: true })
})

const run = (more: Partial<RunRequest> = {}, context = observed()) => runPipeline({ pipelineFolder, data: [cube], masks: [], out, format: 'envi', device: 'cpu', ...more }, context)
const floats = (bytes: Uint8Array) => new Float32Array(new Uint8Array(bytes).buffer)

describe('scoring a cube', () => {
  it('gives the same scores to the last bit whatever the tile size', async () => {
    // Wider and narrower than a chunk, and a last chunk that is not full.
    for (const shape of [[130, 70, 6], [3, 9001, 6], [1, 1, 6]] as [number, number, number][]) {
      const pixels = scenePixels(4, shape)
      const whole = await scoreCube(session, memoryCube(shape, pixels), { bytes: 1e9, local: true, usable: everyBand })
      for (const bytes of [1, 5000, 200_000]) {
        expect((await scoreCube(session, memoryCube(shape, pixels), { bytes, local: true, usable: everyBand })).values).toEqual(whole.values)
      }
    }
  })

  it('keeps to its budget while it reads', async () => {
    const [lines, samples, bands] = [600, 50, 6]
    const inner = memoryCube([lines, samples, bands], scenePixels(4, [lines, samples, bands]))
    let largest = 0
    const watched = { ...inner, readPixels: (...args: Parameters<typeof inner.readPixels>) => {
      largest = Math.max(largest, args[0].lines * args[0].samples * bands * 4)
      return inner.readPixels(...args)
    } }
    await scoreCube(session, watched, { bytes: 200_000, local: true, usable: everyBand })
    // Two blocks are in memory: the one that is scored and the one that is read.
    expect(2 * largest).toBeLessThanOrEqual(200_000)
    expect(2 * largest).toBeGreaterThan(90_000)
  })

  it('gives pixels that cannot be used no score, and no other pixel another one', async () => {
    const clean = scenePixels()
    const expected = await scoreCube(session, memoryCube(SHAPE, clean), { bytes: 1e6, local: true, usable: everyBand })
    const dirty = clean.slice()
    const bad = [0, 33, 200, 359]
    bad.forEach((pixel, index) => { dirty[pixel * SHAPE[2] + index] = [Number.NaN, Infinity, -Infinity, Number.NaN][index] })
    const { values, unusable } = await scoreCube(session, memoryCube(SHAPE, dirty), { bytes: 1e6, local: true, usable: everyBand })
    expect(unusable).toBe(4)
    values.forEach((score, pixel) => (bad.includes(pixel) ? expect(score).toBeNaN() : expect(score).toBe(expected.values[pixel])))
  })

  it('lets others have a turn between two chunks, and stops there', async () => {
    let turns = 0
    let counting = true
    const tick = (): void => {
      turns += 1
      if (counting) setImmediate(tick)
    }
    tick()
    const shape: [number, number, number] = [400, 128, 6]
    await scoreCube(session, memoryCube(shape, scenePixels(1, shape)), { bytes: 1e9, local: true, usable: everyBand })
    counting = false
    // 400 lines of 128 pixels are 13 chunks.
    expect(turns).toBeGreaterThanOrEqual(13)
    const controller = new AbortController()
    let done = 0
    const stopped = scoreCube(session, memoryCube(shape, scenePixels(1, shape)), { bytes: 1e9, local: true, usable: everyBand, signal: controller.signal, onPixels: (count) => {
      done += count
      if (done > 10_000) controller.abort()
    } })
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
    expect(done).toBeLessThan(20_000)
  })
})

describe('running a trained pipeline', () => {
  it('writes scores and decisions that other tools open, and metrics.json', async () => {
    const context = observed()
    const report = await run({}, context)
    expect(report).toMatchObject({ out, device: 'cpu', peakMemoryMB: expect.any(Number) as number })
    const [scene] = report.cubes
    expect(scene).toMatchObject({ path: cube, shape: SHAPE, flagged: 8, warnings: [], files: ['scene_scores.img', 'scene_scores.hdr', 'scene_decisions.img', 'scene_decisions.hdr'] })
    expect(Object.keys(await contents(out))).toEqual(['metrics.json', ...[...scene.files].sort()])

    const scores = floats(await readFile(join(out, 'scene_scores.img')))
    const decisions = await readFile(join(out, 'scene_decisions.img'))
    expect(Math.fround(scene.threshold)).toBe(scene.threshold)
    expect(Array.from(decisions)).toEqual(Array.from(scores, (score) => (score >= scene.threshold ? 1 : 0)))
    const opened = await openCube(join(out, 'scene_scores.hdr'))
    expect(await opened.readPixels({ line: 0, sample: 0, lines: SHAPE[0], samples: SHAPE[1] })).toEqual(scores)
    await opened.close()
    const header = await readFile(join(out, 'scene_decisions.hdr'), 'utf8')
    expect(header).toMatch(/file type = ENVI Classification/)
    expect(header).toMatch(/class names = \{Normal, Anomalous\}/)
    expect(header).toMatch(/class lookup = \{0, 0, 0, 255, 64, 64\}/)

    const written = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as { cubes: object[] }
    expect(written.cubes).toEqual([{ path: cube, shape: SHAPE, threshold: scene.threshold, flagged: 8, metrics: scene.metrics, files: scene.files }])
    expect(scene.metrics?.confusion).toMatchObject({ truePositives: 4, falsePositives: 4, falseNegatives: 0 })
    expect(context.told.filter(({ kind }) => kind === 'stage').length).toBeGreaterThan(1)
  })

  it('says what the fit said, and takes a threshold instead of the rule', async () => {
    const { record } = await openTrainedPipeline(pipelineFolder)
    const [byRule] = (await run()).cubes
    expect(byRule.metrics).toEqual(record.metrics)
    expect(byRule.threshold).toBe(record.scenes[0].threshold)
    const [higher] = (await run({ threshold: byRule.threshold * 1.5 })).cubes
    expect(higher.threshold).toBe(Math.fround(byRule.threshold * 1.5))
    expect(higher.flagged).toBeLessThan(byRule.flagged)
    expect(higher.metrics?.auc).toBe(byRule.metrics?.auc)
  })

  it('agrees with the decider inside model.onnx', async () => {
    const { model } = await openTrainedPipeline(pipelineFolder)
    const inGraph = await openSession(model, 'cpu')
    const results = await inGraph.run({ cube: { type: 'float32', shape: [1, ...SHAPE], data: scenePixels() } })
    await inGraph.release()
    await run()
    expect(Array.from(await readFile(join(out, 'scene_decisions.img')))).toEqual(Array.from(results.decisions.data as Uint8Array))
  })

  it('writes npy, and several cubes of one name side by side', async () => {
    const other = await writeScene(await temporaryFolder(), 'scene', scenePixels(7), SHAPE, null)
    const report = await run({ data: [cube, other], format: 'npy' })
    expect(report.cubes.map(({ files }) => files)).toEqual([['scene_scores.npy', 'scene_decisions.npy'], ['scene-2_scores.npy', 'scene-2_decisions.npy']])
    expect(report.cubes[1].metrics).toBeNull()
    const bytes = await readFile(join(out, 'scene_scores.npy'))
    expect(bytes.subarray(0, 6).toString('latin1')).toBe('\u0093NUMPY')
    expect(bytes.length).toBe(128 + 4 * 360)
    await rm(join(other, '..'), { recursive: true })
  })

  it('writes TIFF', async () => {
    const report = await run({ format: 'tiff' })
    expect(report.cubes[0].files).toEqual(['scene_scores.tif', 'scene_decisions.tif'])
    const scores = await openCube(join(out, 'scene_scores.tif'))
    expect(scores.description).toMatchObject({ format: 'TIFF', shape: [SHAPE[0], SHAPE[1], 1], dtype: 'float32', bandNames: ['score'] })
    await scores.close()
    expect((await readMask(join(out, 'scene_decisions.tif'), [SHAPE[0], SHAPE[1]])).description.classes.find(({ id }) => id === 1)?.count).toBe(report.cubes[0].flagged)
  })

  it('maps classes of the mask as the cube node says', async () => {
    const mapped = join(folder, 'mapped')
    await fitPipeline(request(deepSVDD({}, ({ nodes }) => { nodes.cube.config = { normal_class_ids: [0, 2] } }), [cube], mapped), observed())
    const [scene] = (await run({ pipelineFolder: mapped })).cubes
    expect(scene.metrics).toMatchObject({ auc: null, averagePrecision: null, recall: 0 })
    expect(scene.warnings).toEqual([`The mask of ${cube} marks no anomalous pixel, so AUC and average precision are not defined.`])
  })

  it('scores without a decider', async () => {
    const bare = join(folder, 'bare')
    const document = { nodes: { cube: { type: 'Cube' }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'rx.data']] }
    await fitPipeline(request({ text: JSON.stringify(document), path: 'bare.yaml' }, [cube], bare), observed())
    const [scene] = (await run({ pipelineFolder: bare })).cubes
    expect(scene).toMatchObject({ threshold: Infinity, flagged: 0, files: ['scene_scores.img', 'scene_scores.hdr'] })
    expect(scene.metrics?.auc).toBeGreaterThan(0.99)
    expect((await run({ pipelineFolder: bare, threshold: 20 })).cubes[0].files).toHaveLength(4)
  })

  it('reports pixels without a score', async () => {
    const pixels = scenePixels()
    pixels[5] = Number.NaN
    const holes = await writeScene(folder, 'holes', pixels)
    const [scene] = (await run({ data: [holes] })).cubes
    expect(scene.warnings).toEqual([`1 of 360 pixels of ${holes} lack a finite value in a band that is used; they have no score and are not flagged.`])
    expect(floats(await readFile(join(out, 'holes_scores.img')))[0]).toBeNaN()
    expect((await readFile(join(out, 'holes_decisions.img')))[0]).toBe(0)
  })

  it('compares with the mask beside the cube, unless none is wanted', async () => {
    expect((await run()).cubes[0].metrics).not.toBeNull()
    expect((await run({ masks: [null] })).cubes[0].metrics).toBeNull()
  })

  it('refuses what it cannot do, with one sentence and without a trace', async () => {
    const empty = await writeScene(folder, 'empty', scenePixels().fill(Number.NaN))
    const narrow = await writeScene(folder, 'narrow', scenePixels(1, [4, 5, 3]), [4, 5, 3], sceneMask([4, 5, 3]))
    const refused = async (more: Partial<RunRequest>): Promise<{ code: string; message: string }> => {
      const error = await run(more).then(() => null, (thrown: unknown) => thrown as { code: string; message: string })
      expect(error?.message).toMatch(/^[A-Z/][^\n]*\.$/)
      expect(existsSync(more.out ?? out)).toBe(false)
      return error as { code: string; message: string }
    }
    expect(await refused({ data: [] })).toMatchObject({ code: 'bad-argument' })
    expect(await refused({ memoryMB: 0 })).toMatchObject({ code: 'bad-argument' })
    expect(await refused({ threshold: Number.NaN })).toMatchObject({ code: 'bad-argument' })
    expect(await refused({ data: [narrow] })).toMatchObject({ code: 'bad-data', message: `${narrow} has 3 bands, but the cube the pipeline was fitted on has 6; use cubes with the same bands.` })
    expect(await refused({ data: [empty] })).toMatchObject({ code: 'bad-data', message: expect.stringContaining('No pixel of') as string })
    expect(await refused({ masks: [join(folder, 'narrow_mask.hdr')] })).toMatchObject({ code: 'bad-mask' })
    expect(await refused({ out: join(cube, 'out') })).toMatchObject({ code: 'cannot-write' })
    const stop = observed((progress, context) => { if (progress.kind === 'stage') context.abort() })
    await expect(run({}, stop)).rejects.toMatchObject({ code: 'cancelled' })
    expect(existsSync(out)).toBe(false)
  })

  it('says when a cube is changed, cut short or deleted while it is read, and writes nothing', async () => {
    const shape: [number, number, number] = [600, 400, 6]
    const [fitted, fitOut] = [join(folder, 'rx-changing'), join(folder, 'fit-changing')]
    await fitPipeline(request(rx(), [cube], fitted), observed())
    for (const [name, change, expected] of [
      ['overwritten', (path: string) => writeFileSync(path, Buffer.alloc(4), { flag: 'r+' }), /^\/.*overwritten\.img was changed while (scoring|the fit) read it, .*start again\.$/],
      ['shortened', (path: string) => truncateSync(path, 100_000), /^\/.*shortened\.img (ends at byte \d+, but bytes up to \d+ were expected; it is incomplete or was changed while it was open|was changed while .*start again)\.$/],
      ['deleted', (path: string) => rmSync(path), /^\/.*deleted\.img was deleted or cannot be reached any more while (scoring|the fit) read it, .*put it back and start again\.$/],
    ] as const) {
      const work = async (begin: (context: Observed, path: string) => Promise<unknown>, until: string) => {
        const path = await writeScene(folder, name, scenePixels(5, shape), shape, null)
        let changed = false
        const context = observed((progress) => {
          if (changed || progress.kind !== 'stage' || progress.stage !== until || progress.done === 0) return
          changed = true
          change(path)
        })
        const error = await begin(context, path).then(() => null, (thrown: unknown) => thrown as { code: string; message: string })
        expect(error?.message, name).toMatch(expected)
        expect(['bad-data', 'truncated']).toContain(error?.code)
      }
      await work((context, path) => run({ pipelineFolder: fitted, data: [path], memoryMB: 1 }, context), 'score')
      expect(existsSync(out)).toBe(false)
      await work((context, path) => fitPipeline(request(rx(), [path], fitOut, { memoryMB: 16 }), context), 'statistics')
      expect(existsSync(fitOut)).toBe(false)
    }
  })

  it('honours how the decider treats pixels without a score', async () => {
    const strict = join(folder, 'strict')
    await fitPipeline(request(deepSVDD({}, ({ nodes }) => { nodes.decider.config = { quantile: 0.98, nan_policy: 'propagate' } }), [cube], strict), observed())
    expect((await run({ pipelineFolder: strict })).cubes[0].flagged).toBe(8)
    const pixels = scenePixels()
    pixels[0] = Number.NaN
    const holes = await writeScene(folder, 'strict-holes', pixels)
    await expect(run({ pipelineFolder: strict, data: [holes] })).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('nan_policy: omit') as string })
    expect((await run({ pipelineFolder: strict, data: [holes], threshold: 1 })).cubes[0].threshold).toBe(1)
  })

  it('warns when the wavelengths are others than in the fit', async () => {
    await writeScene(folder, 'shifted')
    const path = join(folder, 'shifted.hdr')
    await writeFile(path, (await readFile(path, 'utf8')).replace('450', '470'))
    const [scene] = (await run({ data: [join(folder, 'shifted.img')] })).cubes
    expect(scene.warnings).toEqual([expect.stringContaining('differ from those of the cube the pipeline was fitted on by up to 20 nm') as string])
  })

  it('fits RX that scores the same in small windows', async () => {
    const fitted = join(folder, 'rx')
    await fitPipeline(request(rx(), [cube], fitted), observed())
    await run({ pipelineFolder: fitted })
    const large = await readFile(join(out, 'scene_scores.img'))
    await run({ pipelineFolder: fitted, memoryMB: 0.01 })
    expect((await readFile(join(out, 'scene_scores.img'))).equals(large)).toBe(true)
  })

  it('gives the same scores, thresholds, decisions and metrics whatever the memory, masks and several deciders included', async () => {
    const shape: [number, number, number] = [60, 300, 6]
    const wide = await writeScene(folder, 'wide', scenePixels(3, shape).map((value, at) => (at % 5003 === 0 ? Number.NaN : value)), shape, sceneMask(shape))
    for (const [type, config] of [['QuantileBinaryDecider', { quantile: 0.97 }], ['TwoStageBinaryDecider', { quantile: 0.9, top_k_fraction: 0.01 }]] as const) {
      const fitted = join(folder, type)
      const { path, text } = rx()
      const document = JSON.parse(text) as { nodes: Record<string, object> }
      document.nodes.decider = { type, config }
      await fitPipeline(request({ path, text: JSON.stringify(document) }, [cube], fitted), observed())
      const free = await run({ pipelineFolder: fitted, data: [wide] })
      const [scores, decisions] = [await readFile(join(out, 'wide_scores.img')), await readFile(join(out, 'wide_decisions.img'))]
      // The scores are 72,000 bytes, of which a quarter of the budget may stay in memory.
      await fc.assert(fc.asyncProperty(fc.double({ min: 0.001, max: 0.4, noNaN: true }), async (memoryMB) => {
        const bounded = await run({ pipelineFolder: fitted, data: [wide], memoryMB })
        expect(bounded.cubes).toEqual([{ ...free.cubes[0], seconds: expect.any(Number) as number }])
        expect(bounded.cubes[0].metrics?.auc).toBeGreaterThan(0.5)
        expect((await readFile(join(out, 'wide_scores.img'))).equals(scores)).toBe(true)
        expect((await readFile(join(out, 'wide_decisions.img'))).equals(decisions)).toBe(true)
      }), { numRuns: 6, seed: 11 })
    }
  })

  it('lets an image through whole that fits into the budget it was given, however large', async () => {
    const fitted = join(folder, 'whole-image')
    const { path, text } = rx()
    const document = JSON.parse(text) as { nodes: Record<string, { type: string; config?: object }>; connections: [string, string][] }
    document.nodes.image = { type: 'MinMaxNormalizer', config: { use_running_stats: false } }
    document.connections.splice(0, 1, ['cube.cube', 'image.data'], ['image.normalized', 'rx.data'])
    await fitPipeline(request({ path, text: JSON.stringify(document) }, [cube], fitted), observed())
    // Above the 64 MB that are read at once of cubes that go through in windows.
    const shape: [number, number, number] = [1000, 2900, 6]
    const large = await writeScene(folder, 'large', scenePixels(1, shape), shape, null)
    const scored = (memoryMB?: number) => run({ pipelineFolder: fitted, data: [large], ...(memoryMB && { memoryMB }) })
    const refusal = (most: number) => ({ code: 'bad-argument', message: `This pipeline needs the whole image ${large} at once, 67 MB, and may use ${most} MB; raise --memory or cut the cube.` })
    await expect(scored()).rejects.toMatchObject(refusal(64))
    await expect(scored(132)).rejects.toMatchObject(refusal(66))
    expect((await scored(134)).cubes[0].shape.slice(0, 2)).toEqual([1000, 2900])
  })
})
