import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import type { LibraryDescription } from '../../src/shared/library'
import type { NodeDescription, PipelineSummary } from '../../src/shared/nodes'
import type { Problem } from '../../src/shared/problem'
import { answer, built, cuvette, documentOf, pipelines, sample } from './cuvette'
import { smallPipeline, writeSmallCube } from './small-cubes'

// info, nodes and check: what can be known without computing.

let folder: string

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
}, 180_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('info', () => {
  test('gives every key of the contract', async () => {
    const cube = await answer<CubeDescription>(['info', sample])
    expect(Object.keys(cube)).toEqual(expect.arrayContaining([
      'path', 'format', 'shape', 'dtype', 'interleave', 'wavelengths', 'wavelengthUnit', 'bandNames', 'badBands', 'noData', 'scale', 'variables', 'mask', 'warnings',
    ]))
    expect(cube).toMatchObject({ shape: [200, 200, 61], dtype: 'uint16', interleave: 'bsq', wavelengthUnit: 'nm', warnings: [] })
    expect(cube.mask?.shape).toEqual([200, 200])
  })

  test('says the same in a few lines', async () => {
    const { stdout, code } = await cuvette(['info', sample])
    expect(code).toBe(0)
    expect(stdout).toMatch(/200 lines x 200 samples x 61 bands/)
    expect(stdout).toMatch(/430 to 910 nm/)
    expect(stdout).toMatch(/farm_mask.*237 pixels \(0\.5925 %\) in 6 classes/)
    expect(stdout).not.toMatch(/undefined|NaN|null/)
  })

  test('says what a cube lacks', async () => {
    const bare = await writeSmallCube(folder, 'bare', { wavelengths: null })
    const { stdout } = await cuvette(['info', bare])
    expect(stdout).toMatch(/wavelengths +none/)
    expect(stdout).toMatch(/mask +none found/)
  })
})

describe('info of a spectral library', () => {
  test('gives names and wavelengths of a table', async () => {
    const table = join(folder, 'field.csv')
    await writeFile(table, 'wavelength (nm);grass;bare soil\n450;0,04;0,11\n460;0,05;0,12\n')
    expect(await answer<LibraryDescription>(['info', table])).toMatchObject({ path: table, shape: [2, 1, 2], wavelengths: [450, 460], wavelengthUnit: 'nm', library: { spectra: ['grass', 'bare soil'] }, warnings: [] })
    const { stdout, code } = await cuvette(['info', table])
    expect(code).toBe(0)
    expect(stdout).toMatch(/spectra +2\n.*channels +2\n.*wavelengths +450 to 460 nm\n.*names +1 {2}grass\n +2 {2}bare soil\n$/)
    await writeFile(table, 'wavelength (nm);grass\n450;much\n')
    const broken = await cuvette(['info', table])
    expect(broken).toMatchObject({ code: 1, stdout: '' })
    expect(broken.stderr).toContain('line 2 holds "much" where the value of a spectrum is expected')
  })

  test('gives those of an ENVI library, whose document stays that of an image', async () => {
    const path = join(folder, 'minerals.sli')
    await writeFile(path, Buffer.alloc(2 * 3 * 4))
    await writeFile(join(folder, 'minerals.hdr'), 'ENVI\nsamples = 3\nlines = 2\nbands = 1\nfile type = ENVI Spectral Library\ndata type = 4\ninterleave = bsq\nbyte order = 0\nwavelength units = Micrometers\nwavelength = {0.4, 0.5, 0.6}\nspectra names = {talc, alunite}\n')
    expect(await answer<CubeDescription>(['info', path])).toMatchObject({ format: 'ENVI', shape: [2, 1, 3], library: { spectra: ['talc', 'alunite'] } })
    const { stdout } = await cuvette(['info', path])
    expect(stdout).toMatch(/format +ENVI spectral library\n.*spectra +2\n/)
    expect(stdout).toMatch(/1 {2}talc\n +2 {2}alunite/)
  })
})

describe('nodes', () => {
  test('gives the catalogue with ports and parameters', async () => {
    const { nodes } = await answer<{ nodes: NodeDescription[] }>(['nodes'])
    const names = nodes.map(({ type }) => type)
    expect(names).toEqual(expect.arrayContaining([
      'BandpassByWavelength', 'PerPixelUnitNorm', 'ZScoreNormalizerGlobal', 'DeepSVDDProjection', 'DeepSVDDCenterTracker', 'DeepSVDDScores', 'DeepSVDDSoftBoundaryLoss',
      'RXGlobal', 'QuantileBinaryDecider', 'AnomalyDetectionMetrics',
    ]))
    const projection = nodes.find(({ type }) => type === 'DeepSVDDProjection')
    expect(projection?.inputs.map(({ name }) => name)).toEqual(['data'])
    expect(projection?.parameters.find(({ name }) => name === 'rep_dim')).toMatchObject({ type: 'integer', default: 32 })
  })

  test('gives one node by its type or by another name it has', async () => {
    const { nodes } = await answer<{ nodes: NodeDescription[] }>(['nodes', 'RXGlobal'])
    expect(nodes.map(({ type }) => type)).toEqual(['RXGlobal'])
    const [alias] = (await answer<{ nodes: NodeDescription[] }>(['nodes'])).nodes.flatMap(({ aliases }) => aliases)
    expect((await answer<{ nodes: NodeDescription[] }>(['nodes', alias])).nodes[0].aliases).toContain(alias)
  })

  test('reads well without --json', async () => {
    const all = await cuvette(['nodes'])
    expect(all.stdout).toContain('deep-svdd')
    expect(all.stdout).toMatch(/DeepSVDDProjection +data -> embeddings/)
    const one = await cuvette(['nodes', 'QuantileBinaryDecider'])
    expect(one.stdout).toMatch(/quantile +number, default 0\.995/)
    expect(`${all.stdout}${one.stdout}`).not.toMatch(/undefined|\[object/)
  })

  test('refuses a type that does not exist', async () => {
    const finished = await cuvette(['nodes', 'DeepSVD', '--json'])
    expect(finished.code).toBe(1)
    expect(documentOf<{ error: Problem }>(finished).error.message).toContain('DeepSVD')
  })
})

describe('check', () => {
  test('every template fits the sample, and says what it is', async () => {
    const names = readdirSync(pipelines).filter((name) => name.endsWith('.yaml'))
    expect(names.length).toBeGreaterThanOrEqual(4)
    for (const name of names) {
      const summary = await answer<PipelineSummary & { path: string }>(['check', join(pipelines, name), '--data', sample])
      expect(summary.problems, name).toEqual([])
      expect(summary.nodes.every(({ known }) => known)).toBe(true)
      expect(summary.path).toBe(join(pipelines, name))
    }
  })

  test('lists every problem, the first as the error', async () => {
    const file = join(folder, 'two-faults.yaml')
    await writeFile(file, smallPipeline.replace('type: DeepSVDDProjection', 'type: DeepSVDProjection').replace('decider: QuantileBinaryDecider', 'decider: {type: QuantileBinaryDecider, config: {quantile: 7}}'))
    const finished = await cuvette(['check', file, '--json'])
    expect(finished.code).toBe(1)
    const document = documentOf<PipelineSummary & { error: Problem }>(finished)
    expect(document.problems.length).toBeGreaterThanOrEqual(2)
    expect(document.error).toEqual(document.problems[0])
    expect(document.problems.map(({ message }) => message).join(' ')).toMatch(/DeepSVDProjection[\s\S]*quantile|quantile[\s\S]*DeepSVDProjection/)
    for (const problem of document.problems) expect(problem).toMatchObject({ code: 'bad-pipeline', path: file })
    expect(document.nodes.map(({ name }) => name)).toContain('projection')
  })

  test('with a cube, checks channels and wavelengths', async () => {
    const file = join(pipelines, 'deep-svdd-vnir.yaml')
    expect((await cuvette(['check', file])).code).toBe(0)
    const bare = await writeSmallCube(folder, 'no-wavelengths', { wavelengths: null })
    const finished = await cuvette(['check', file, '--data', bare])
    expect(finished.code).toBe(1)
    expect(finished.stdout).toMatch(/wavelengths/)
    expect(finished.stderr).toMatch(/^cuvette: \d+ problems? in .*deep-svdd-vnir\.yaml\.\n$/)
  })

  test('refuses what is no YAML and what is not there', async () => {
    const file = join(folder, 'broken.yaml')
    await writeFile(file, 'nodes: {a: [\n')
    expect((await cuvette(['check', file])).code).toBe(1)
    const finished = await cuvette(['check', join(folder, 'nothing.yaml'), '--json'])
    expect(finished.code).toBe(1)
    expect(documentOf<{ error: Problem }>(finished).error.code).toBe('missing-file')
  })
})
