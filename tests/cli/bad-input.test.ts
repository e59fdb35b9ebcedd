import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import type { FitReport, RunReport } from '../../src/shared/reports'
import { answer, built, cuvette, documentOf, filesBelow, pipelines, refusal } from './cuvette'
import { noise, smallPipeline, writeSmallCube, writeSmallMask } from './small-cubes'

// Every bad input gives one sentence and exit code 1, and leaves nothing half-written.

let folder: string
let cube: string
let pipeline: string
let rx: string
const rxPipeline = join(pipelines, 'rx.yaml')

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
  cube = await writeSmallCube(folder, 'good')
  pipeline = join(folder, 'small.yaml')
  await writeFile(pipeline, smallPipeline)
  rx = join(folder, 'rx')
  await answer(['fit', rxPipeline, '--data', cube, '--device', 'cpu', '--out', rx])
}, 180_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const fitRefused = async (document: string, data: string, ...more: string[]) => {
  const out = join(folder, `refused-${Math.random().toString(36).slice(2)}`)
  const problem = await refusal(['fit', document, '--data', data, '--device', 'cpu', '--out', out, ...more])
  expect(await filesBelow(out)).toEqual([])
  return problem
}

describe('cubes', () => {
  test('a text file is not a cube', async () => {
    const path = join(folder, 'notes.img')
    await writeFile(path, 'not pixels')
    expect(await refusal(['info', path])).toMatchObject({ code: 'not-a-cube', path })
    expect(await fitRefused(rxPipeline, path)).toMatchObject({ code: 'not-a-cube' })
  })

  test('a file that is not there, and a folder', async () => {
    const path = join(folder, 'nowhere.hdr')
    expect(await refusal(['info', path])).toMatchObject({ code: 'missing-file', path })
    expect(await refusal(['info', folder])).toMatchObject({ code: 'not-a-cube', path: folder })
  })

  test('a header without data', async () => {
    const path = await writeSmallCube(folder, 'lonely')
    await rm(join(folder, 'lonely.img'))
    expect(await refusal(['info', path])).toMatchObject({ code: 'missing-file', path })
  })

  test('data that ends before its first line does: found and expected bytes', async () => {
    const path = await writeSmallCube(folder, 'short', { cut: 16 * 12 * 6 * 4 - 100 })
    const problem = await refusal(['info', path])
    expect(problem.code).toBe('truncated')
    expect(problem.message).toContain('holds 100 bytes')
    expect(problem.message).toContain(String(16 * 12 * 6 * 4))
    expect((await fitRefused(rxPipeline, path)).code).toBe('truncated')
  })

  test('an unknown data type', async () => {
    const path = await writeSmallCube(folder, 'odd', { header: { 'data type': '77' } })
    const problem = await refusal(['info', path])
    expect(problem).toMatchObject({ code: 'bad-header', where: 'data type' })
    expect(problem.message).toContain('77')
  })

  test('a header that lacks its size', async () => {
    const path = await writeSmallCube(folder, 'sizeless', { header: { lines: null } })
    expect(await refusal(['info', path])).toMatchObject({ code: 'bad-header', where: 'lines' })
  })
})

describe('masks', () => {
  test('of another size', async () => {
    const mask = await writeSmallMask(folder, 'other-size', 10, 12, () => false)
    const problem = await fitRefused(rxPipeline, cube, '--mask', mask)
    expect(problem.code).toBe('bad-mask')
    expect(problem.message).toMatch(/10 lines x 12 samples.*16 x 12/)
  })

  test('more masks than cubes', async () => {
    expect((await fitRefused(rxPipeline, cube, '--mask', cube, cube)).message).toMatch(/1 cube.*2 masks/)
  })

  test('without an anomalous pixel: no AUC, and no nonsense', async () => {
    const lonely = await writeSmallCube(folder, 'unmarked')
    await writeSmallMask(folder, 'unmarked_mask', 16, 12, () => false)
    const { metrics } = await answer<FitReport>(['fit', rxPipeline, '--data', lonely, '--device', 'cpu', '--out', join(folder, 'unmarked-fit')])
    expect(metrics).toMatchObject({ auc: null, averagePrecision: null, recall: 0 })
  })
})

describe('pipelines', () => {
  const cases: [string, (text: string) => string, RegExp, RegExp][] = [
    ['an unknown node', (text) => text.replace('DeepSVDDScores', 'DeepSVDDScorez'), /DeepSVDDScorez/, /nodes\.scores/],
    ['a cycle', (text) => text.replace('[cube.cube, zscore.data]', '[loop.normalized, zscore.data]').replace('  zscore:', '  loop: PerPixelUnitNorm\n  zscore:').replace('connections:', 'connections:\n  - [zscore.normalized, loop.data]'), /cycle|circle|loop/i, /./],
    ['a missing input', (text) => text.replace('  - [tracker.center, scores.center]\n', ''), /scores.*center/, /scores/],
    ['a channel mismatch', (text) => text.replace('zscore: ZScoreNormalizerGlobal', 'zscore: {type: ZScoreNormalizerGlobal, config: {num_channels: 50}}'), /50.*6|6.*50/, /zscore/],
    ['a parameter out of range', (text) => text.replace('rep_dim: 4', 'rep_dim: 0'), /rep_dim/, /projection/],
    ['a trainer that names no node', (text) => text.replace('unfreeze: [projection]', 'unfreeze: [projektion]'), /projektion/, /trainer\.unfreeze/],
  ]

  test.each(cases)('%s', async (_, damage, sentence, where) => {
    const path = join(folder, 'damaged.yaml')
    const text = damage(smallPipeline)
    expect(text).not.toBe(smallPipeline)
    await writeFile(path, text)
    const problem = await fitRefused(path, cube)
    expect(problem).toMatchObject({ code: 'bad-pipeline', path })
    expect(problem.message).toMatch(sentence)
    expect(problem.where ?? problem.message).toMatch(where)
    expect((await cuvette(['check', path, '--data', cube])).code).toBe(1)
  })

  test('a band-pass that leaves no band', async () => {
    const path = join(folder, 'no-band.yaml')
    await writeFile(path, (await readFile(join(pipelines, 'deep-svdd-vnir.yaml'), 'utf8')).replace('min_wavelength_nm: 450', 'min_wavelength_nm: 2000').replace('max_wavelength_nm: 890', 'max_wavelength_nm: 2100'))
    const problem = await fitRefused(path, cube)
    expect(problem).toMatchObject({ code: 'bad-pipeline', path })
    expect(problem.message).toMatch(/2000 nm to 2100 nm.*500 nm to 750 nm/)
  })

  test('a document that is not there', async () => {
    const path = join(folder, 'nowhere.yaml')
    expect(await fitRefused(path, cube)).toMatchObject({ code: 'missing-file', path })
    expect((await fitRefused(folder, cube)).code).toBe('bad-pipeline')
  })
})

describe('pixels', () => {
  test('NaN pixels are left out, said, and have no score', async () => {
    const holes = await writeSmallCube(folder, 'holes', { value: (line, sample, band) => (line === 3 && sample < 4 ? NaN : 1 + band + noise(line, sample, band)) })
    const out = join(folder, 'holes-fit')
    const fit = await answer<FitReport>(['fit', pipeline, '--data', holes, '--device', 'cpu', '--out', out])
    expect(fit.phases.gradient?.loss.every(Number.isFinite)).toBe(true)
    expect(fit.phases.statistical.pixels).toBe(16 * 12 - 4)
    const run = await answer<RunReport>(['run', out, '--data', holes, '--device', 'cpu', '--out', join(folder, 'holes-run')])
    expect(run.cubes[0].warnings.join(' ')).toMatch(/\b4\b/)
    const bytes = await readFile(join(folder, 'holes-run', 'holes_scores.img'))
    const scores = new Float32Array(bytes.buffer, bytes.byteOffset, 16 * 12)
    expect([...scores].flatMap((score, pixel) => (Number.isNaN(score) ? [pixel] : []))).toEqual([36, 37, 38, 39])
  })

  test('a cube without a usable pixel', async () => {
    const empty = await writeSmallCube(folder, 'empty', { value: () => NaN })
    expect((await fitRefused(pipeline, empty)).code).toBe('bad-data')
    expect((await fitRefused(rxPipeline, empty)).code).toBe('bad-data')
  })

  test.each(['small', 'rx'])('a constant band does no harm (%s)', async (name) => {
    const flat = await writeSmallCube(folder, `flat-${name}`, { value: (line, sample, band) => (band === 2 ? 7 : 1 + band + noise(line, sample, band)) })
    const out = join(folder, `flat-${name}-fit`)
    await answer<FitReport>(['fit', name === 'rx' ? rxPipeline : pipeline, '--data', flat, '--device', 'cpu', '--out', out])
    await answer<RunReport>(['run', out, '--data', flat, '--device', 'cpu', '--out', `${out}-run`])
    const bytes = await readFile(join(`${out}-run`, `flat-${name}_scores.img`))
    expect(new Float32Array(bytes.buffer, bytes.byteOffset, 16 * 12).every(Number.isFinite)).toBe(true)
  })
})

describe('places to write', () => {
  test('a folder below a file', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    for (const args of [['fit', rxPipeline, '--data', cube], ['run', rx, '--data', cube], ['export', rx, '--to', 'onnx']]) {
      expect(await refusal([...args, '--out', join(file, 'below')]), args[0]).toMatchObject({ code: 'cannot-write' })
    }
    expect(await readFile(file, 'utf8')).toBe('')
  })

  test.skipIf(process.platform !== 'linux')('a file system that takes no folders', async () => {
    for (const args of [['fit', rxPipeline, '--data', cube], ['run', rx, '--data', cube], ['export', rx, '--to', 'onnx']]) {
      for (const out of ['/proc/cuvette', '/sys/cuvette/below']) {
        expect(await refusal([...args, '--out', out], { watch: (child) => void setTimeout(() => child.kill('SIGKILL'), 20_000).unref() }), out).toMatchObject({ code: 'cannot-write' })
      }
    }
  }, 60_000)

  test.skipIf(process.platform === 'win32')('a full disk leaves nothing behind', async () => {
    // A limit on the size of a file is the full disk that needs no rights: the write fails in the middle.
    const limited = (blocks: number, args: string[]) =>
      cuvette([process.execPath, join(import.meta.dirname, '..', '..', 'out', 'main', 'cli.js'), ...args, '--json'], { program: '/bin/sh', words: ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`] })
    const big = await writeSmallCube(folder, 'big', { lines: 64, samples: 64 })
    const out = join(folder, 'full-run')
    const scored = await limited(8, ['run', rx, '--data', big, '--device', 'cpu', '--out', out])
    expect(scored.code).toBe(1)
    expect(documentOf(scored)).toMatchObject({ error: { code: 'cannot-write' } })
    expect(await filesBelow(out)).toEqual([])

    const fitted = await limited(2, ['fit', rxPipeline, '--data', cube, '--device', 'cpu', '--out', join(folder, 'full-fit')])
    expect(fitted.code).toBe(1)
    expect(documentOf(fitted)).toMatchObject({ error: { code: 'cannot-write' } })
    expect(await filesBelow(join(folder, 'full-fit'))).toEqual([])
  })
})

describe('trained-pipeline folders', () => {
  const damaged = async (name: string, damage: (path: string) => Promise<void>) => {
    const path = join(folder, `rx-${name}`)
    await cp(rx, path, { recursive: true })
    await damage(path)
    return path
  }
  const cases: [string, (path: string) => Promise<void>][] = [
    ['a state that is cut short', async (path) => writeFile(join(path, 'state.safetensors'), (await readFile(join(path, 'state.safetensors'))).subarray(0, 60))],
    ['a flipped bit in the model', async (path) => {
      const bytes = await readFile(join(path, 'model.onnx'))
      bytes[bytes.length >> 1] ^= 1
      await writeFile(join(path, 'model.onnx'), bytes)
    }],
    ['no model', (path) => rm(join(path, 'model.onnx'))],
    ['no run.json', (path) => rm(join(path, 'run.json'))],
    ['a run.json that is cut short', async (path) => writeFile(join(path, 'run.json'), (await readFile(join(path, 'run.json'))).subarray(0, 40))],
    ['an edited pipeline.yaml', async (path) => writeFile(join(path, 'pipeline.yaml'), `${await readFile(join(path, 'pipeline.yaml'), 'utf8')}\n# edited\n`)],
  ]

  test.each(cases)('%s', async (name, damage) => {
    const path = await damaged(name.replaceAll(/[^a-z]/g, '-'), damage)
    const out = `${path}-out`
    for (const args of [['run', path, '--data', cube], ['export', path, '--to', 'folder']]) {
      const problem = await refusal([...args, '--out', out])
      expect(problem.code, args[0]).toBe('bad-artifact')
      expect(problem.message).toContain(path)
    }
    expect(await filesBelow(out)).toEqual([])
  })

  test('a folder that is none', async () => {
    expect(await refusal(['run', join(folder, 'nothing'), '--data', cube, '--out', join(folder, 'x')])).toMatchObject({ code: 'missing-file' })
    await mkdir(join(folder, 'plain'))
    expect(await refusal(['run', join(folder, 'plain'), '--data', cube, '--out', join(folder, 'x')])).toMatchObject({ code: 'bad-artifact' })
    expect(await filesBelow(join(folder, 'x'))).toEqual([])
  })

  test('a cube with other bands', async () => {
    const other = await writeSmallCube(folder, 'seven', { bands: 7 })
    const problem = await refusal(['run', rx, '--data', other, '--out', join(folder, 'x')])
    expect(problem).toMatchObject({ code: 'bad-data' })
    expect(problem.message).toMatch(/7 bands.*6/)
    expect(await filesBelow(join(folder, 'x'))).toEqual([])
  })

  test('a refused fit leaves a trained pipeline in the same folder as it was', async () => {
    const before = await Promise.all((await filesBelow(rx)).map((file) => readFile(file)))
    const text = await writeSmallCube(folder, 'cut', { cut: 16 * 12 * 6 * 4 - 8 })
    await refusal(['fit', rxPipeline, '--data', text, '--out', rx])
    const after = await Promise.all((await filesBelow(rx)).map((file) => readFile(file)))
    expect(after).toEqual(before)
  })
})

describe('devices', () => {
  test('a device that the user named and that is not there is refused, not replaced', async () => {
    const finished = await cuvette(['fit', rxPipeline, '--data', cube, '--device', 'dml', '--out', join(folder, 'dml'), '--json'])
    if (process.platform === 'win32') return
    expect(finished.code).toBe(1)
    expect(documentOf(finished)).toMatchObject({ error: { code: 'device-unavailable' } })
  })
})

describe('info', () => {
  test('a mask beside the cube that does not fit is said, not used', async () => {
    const path = await writeSmallCube(folder, 'beside')
    await writeSmallMask(folder, 'beside_mask', 4, 4, () => true)
    const description = await answer<CubeDescription>(['info', path])
    expect(description.mask).toBeNull()
    expect(description.warnings.join(' ')).toMatch(/beside_mask/)
  })
})
