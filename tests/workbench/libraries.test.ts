import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeEnvi } from '../../src/engine/cube/writers/envi'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { browseHandlers } from '../../src/engine/process/browse'
import type { Handler } from '../../src/engine/process/serve'
import type { Bench, FakeContext, FakeHandlers } from './fake-host'
import { startBench, temporaryFolder } from './fake-host'

// Spectral libraries of a project, and targets that are written into its pipelines. The engine answers for real.

const TABLE = 'wavelength (nm),grass,talc,talc\n400,0.1,0.2,0.3\n500,0.2,0.3,0.4\n600,0.3,0.4,0.5\n'
const MATCHED_FILTER = 'name: Matched filter\nnodes:\n  cube: Cube\n  # what is looked for\n  filter:\n    type: MatchedFilter\n    config:\n      target:\n        class: 1\nconnections:\n  - [cube.cube, filter.data]\n'

function realHandlers(): FakeHandlers {
  const names = ['library.describe', 'library.spectra', 'pipeline.withTargets', 'pipeline.describe', 'pipeline.check'] as const
  const real = browseHandlers()
  return Object.fromEntries(names.map((name) => [name, (args: never, { signal, progress }: FakeContext) => (real[name] as unknown as Handler<'library.describe'>)(args, { signal, onProgress: progress })]))
}

interface LibraryBench extends Bench {
  table: string
  cubeId: string
  folder: string
}

async function start(root?: string, confirm = true): Promise<LibraryBench> {
  const place = root ?? (await temporaryFolder())
  const table = join(place, 'data', 'field.csv')
  const cube = join(place, 'data', 'scene.img')
  await mkdir(join(place, 'data'), { recursive: true })
  await mkdir(join(place, 'resources', 'pipelines'), { recursive: true })
  await writeFile(table, TABLE)
  await writeFile(join(place, 'resources', 'pipelines', 'matched-filter.yaml'), MATCHED_FILTER)
  await writeEnvi(cube, { lines: 2, samples: 2, bands: 3, dataType: 'float32', values: new Float32Array(12), header: { wavelengths: [450, 550, 700], wavelengthUnit: 'nm' } })
  const bench = await startBench({ root: place, handlers: realHandlers(), host: { confirmAccess: async () => confirm } })
  await bench.workbench.grantPaths([cube])
  const { folder } = (await bench.call('session.info', {})).project
  return { ...bench, table, folder, cubeId: (await bench.call('cubes.open', { path: cube })).id }
}

describe('spectral libraries of a project', () => {
  it('are opened once, listed, and closed', async () => {
    const bench = await start()
    const library = await bench.call('libraries.open', { path: bench.table })
    expect(library).toMatchObject({ name: 'field.csv', description: { path: bench.table, wavelengthUnit: 'nm', library: { spectra: ['grass', 'talc', 'talc'] } } })
    expect(await bench.call('libraries.open', { path: bench.table })).toEqual(library)
    expect(await bench.call('libraries.list', {})).toEqual([library])
    await bench.call('libraries.close', { libraryId: library.id })
    expect(await bench.call('libraries.list', {})).toEqual([])
    expect((await bench.problem('libraries.close', { libraryId: library.id })).message).toContain('No spectral library with the id')
  })

  it('give spectra at the bands of a cube, gaps as null', async () => {
    const bench = await start()
    const { id } = await bench.call('libraries.open', { path: bench.table })
    expect(await bench.call('libraries.spectra', { libraryId: id, indices: [0, 2], cubeId: bench.cubeId })).toEqual([
      { index: 0, name: 'grass', values: [expect.closeTo(0.15, 9), expect.closeTo(0.25, 9), null] },
      { index: 2, name: 'talc', values: [expect.closeTo(0.35, 9), expect.closeTo(0.45, 9), null] },
    ])
    expect((await bench.problem('libraries.spectra', { libraryId: id, indices: [3], cubeId: bench.cubeId })).message).toContain('holds 3 spectra; there is no number 4')
  })

  it('are there again when the project is opened again', async () => {
    const root = await temporaryFolder()
    const first = await start(root)
    const library = await first.call('libraries.open', { path: first.table })
    await first.workbench.shutdown()
    const second = await start(root)
    expect(await second.call('libraries.list', {})).toEqual([library])
  })

  it('are refused where the person does not allow the file, and what is no library stays closed', async () => {
    const bench = await start(undefined, false)
    expect((await bench.problem('libraries.open', { path: bench.table })).code).toBe('not-granted')
    const letter = join(bench.root, 'data', 'letter.txt')
    await writeFile(letter, 'Dear analyst\n')
    await bench.workbench.grantPaths([letter])
    expect((await bench.problem('libraries.open', { path: letter })).code).toBe('bad-data')
    expect(await bench.call('libraries.list', {})).toEqual([])
  })
})

describe('targets from the window', () => {
  it('are written into a copy of a template, and then into the copy', async () => {
    const bench = await start()
    const { id } = await bench.call('libraries.open', { path: bench.table })
    const written = await bench.call('pipelines.setTargets', { pipelineId: 'template:matched-filter', targets: [{ kind: 'entry', libraryId: id, index: 0 }] })
    expect(written).toMatchObject({ id: 'project:matched-filter', origin: 'project', name: 'Matched filter' })
    const path = join(bench.folder, 'pipelines', 'matched-filter.yaml')
    const targets = async () => parsePipeline(await readFile(path, 'utf8'), path).nodes.find(({ name }) => name === 'filter')?.config.target
    expect(await targets()).toEqual({ grass: { library: bench.table, entry: 'grass' } })
    expect(written.text).toContain('# what is looked for')
    expect(await readFile(join(bench.root, 'resources', 'pipelines', 'matched-filter.yaml'), 'utf8')).toBe(MATCHED_FILTER)

    const again = await bench.call('pipelines.setTargets', { pipelineId: written.id, targets: [{ kind: 'pixel', line: 1, sample: 0 }, { kind: 'entry', libraryId: id, index: 1 }, { kind: 'entry', libraryId: id, index: 2 }] })
    expect(again.id).toBe(written.id)
    // Entries of one name go by their numbers.
    expect(await targets()).toEqual({ 'pixel 1, 0': { pixel: [1, 0] }, talc: { library: bench.table, entry: 2 }, 'talc (2)': { library: bench.table, entry: 3 } })
    expect((await bench.call('pipelines.setTargets', { pipelineId: 'template:matched-filter', targets: [{ kind: 'pixel', line: 0, sample: 0 }] })).id).toBe('project:matched-filter-2')
  })

  it('name a library inside the project by a relative path', async () => {
    const bench = await start()
    const path = join(bench.folder, 'data', 'own.csv')
    await mkdir(join(bench.folder, 'data'), { recursive: true })
    await writeFile(path, TABLE)
    const { id } = await bench.call('libraries.open', { path })
    const { text } = await bench.call('pipelines.setTargets', { pipelineId: 'template:matched-filter', targets: [{ kind: 'entry', libraryId: id, index: 0 }] })
    expect(text).toContain('grass: {library: ../data/own.csv, entry: grass}')
  })

  it('are refused for a pipeline without a detector, and nothing is written', async () => {
    const bench = await start()
    await writeFile(join(bench.root, 'resources', 'pipelines', 'rx.yaml'), 'name: RX\nnodes: {cube: Cube, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]\n')
    const problem = await bench.problem('pipelines.setTargets', { pipelineId: 'template:rx', targets: [{ kind: 'pixel', line: 0, sample: 0 }] })
    expect(problem.message).toContain('The pipeline RX has no detector that looks for a target')
    expect((await bench.call('pipelines.list', {})).filter(({ origin }) => origin === 'project')).toEqual([])
    expect((await bench.problem('pipelines.setTargets', { pipelineId: 'template:matched-filter', targets: [] })).code).toBe('bad-argument')
  })
})
