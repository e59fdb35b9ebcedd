import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { readTorchArchive } from '../../src/engine/files/torch-archive'
import type { TorchTensor, TorchValue } from '../../src/engine/files/torch-archive'
import { OrderedDict, writeTorchArchive } from '../../src/engine/files/write-torch-archive'
import type { WritableTorchValue } from '../../src/engine/files/write-torch-archive'
import { runPipeline } from '../../src/engine/inference/run'
import { openSavedPipeline } from '../../src/engine/inference/saved-pipeline'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { readYaml } from '../../src/engine/pipeline/yaml-source'
import { fitPipeline } from '../../src/engine/training/fit'
import { CuvetteError } from '../../src/shared/problem'
import type { ExportRequest } from '../../src/shared/reports'
import { fittedScene } from '../training/fitted-scene'
import { deepSVDD, observed, request, rx } from '../training/scene'

let folder: string
let fitted: string
let cube: string
let out: string
beforeAll(async () => {
  ;({ folder, cube, fitted } = await fittedScene(deepSVDD(), { epochs: 2 }))
})
beforeEach(async () => {
  out = join(folder, 'new')
  await rm(out, { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const exported = (more: Partial<ExportRequest> = {}) => exportPipeline({ pipelineFolder: fitted, to: 'cuvis', out, ...more }, observed())
const scores = async (pipelineFolder: string, to: string): Promise<Buffer> => {
  const { cubes } = await runPipeline({ pipelineFolder, data: [cube], masks: [], out: to, format: 'npy', device: 'cpu' }, observed())
  return await readFile(join(to, cubes[0].files.find((file) => file.includes('scores')) ?? ''))
}

/** The exported pair, under a name of its own. */
async function pair(name: string, change: { yaml?: (text: string) => string; weights?: (nodes: Map<string, Map<string, TorchTensor>>) => void } = {}): Promise<string> {
  const { files } = await exported()
  const place = join(folder, name)
  await mkdir(place)
  const yaml = join(place, 'p.yaml')
  await writeFile(yaml, (change.yaml ?? String)(await readFile(join(out, files[0]), 'utf8')))
  const value = readTorchArchive(await readFile(join(out, files[1])), files[1]) as Map<string, Map<string, Map<string, TorchTensor>>>
  const nodes = value.get('state_dict') ?? new Map<string, Map<string, TorchTensor>>()
  change.weights?.(nodes)
  const written = new Map([...nodes].map(([node, tensors]): [string, WritableTorchValue] => [node, new OrderedDict(tensors)]))
  await writeFile(join(place, 'p.pt'), writeTorchArchive(new Map([['state_dict', written]]), 'p'))
  return yaml
}

const refusal = (work: Promise<unknown>): Promise<CuvetteError> => work.then(() => Promise.reject(new Error('Nothing was refused.')), (error: unknown) => {
  if (error instanceof CuvetteError) return error
  throw error
})

describe('exporting for the reference implementation', () => {
  it('writes a document and weights that score as the trained pipeline does', async () => {
    const report = await exported()
    const { pipeline, state } = await openTrainedPipeline(fitted)
    expect(report.files).toEqual([expect.stringMatching(/\.yaml$/), expect.stringMatching(/\.pt$/)])
    expect((await readdir(out)).sort()).toEqual([...report.files].sort())
    expect(report.verified.maxDifference).toBeLessThanOrEqual(1e-5)
    for (const warning of report.warnings ?? []) expect(warning).toMatch(/^The reference has no parameter \w+ of \w+: the node \S+ has .* here and behaves as .* there\.$/)
    const archive = readTorchArchive(await readFile(join(out, report.files[1])), 'x.pt') as Map<string, Map<string, TorchValue>>
    expect([...(archive.get('state_dict')?.keys() ?? [])]).toEqual(pipeline.document.nodes.map(({ name }) => name))
    expect([...(archive.get('metadata')?.keys() ?? [])]).toEqual(['name', 'description', 'created', 'tags', 'author', 'cuvis_ai_version'])
    const again = await openSavedPipeline(join(out, report.files[0]), pipeline.facts)
    expect(again.state).toEqual(state)
    expect((await scores(join(out, report.files[0]), join(folder, 'a'))).equals(await scores(fitted, join(folder, 'b')))).toBe(true)
  })

  it('writes what was read from such a pair again, byte for byte', async () => {
    const yaml = await pair('pair')
    const report = await exportPipeline({ pipelineFolder: yaml, to: 'cuvis', out: join(folder, 'again') }, observed())
    expect(readYaml(await readFile(join(folder, 'again', report.files[0]), 'utf8'), 'x').value).toEqual(readYaml(await readFile(yaml, 'utf8'), 'x').value)
    const twice = await exportPipeline({ pipelineFolder: join(folder, 'again', report.files[0]), to: 'cuvis', out: join(folder, 'twice') }, observed())
    for (const file of report.files) expect((await readFile(join(folder, 'twice', file))).equals(await readFile(join(folder, 'again', file)))).toBe(true)
    expect(twice.verified.maxDifference).toBe(0)
  })

  it('says where the reference computes in another way', async () => {
    const statistics = join(folder, 'rx')
    await fitPipeline(request(rx(), [cube], statistics), observed())
    const { warnings, verified, files } = await exported({ pipelineFolder: statistics })
    expect(warnings).toContainEqual(expect.stringMatching(/no parameter form of RXGlobal: the node \S+ has "whitening" here and behaves as "inverse" there/))
    expect(verified.maxDifference).toBeLessThan(1e-3)
    const { state } = await openSavedPipeline(join(out, files[0]), (await openTrainedPipeline(statistics)).pipeline.facts)
    expect([...state.keys()].map((key) => key.split('.')[1]).sort()).toEqual(['cov', 'cov_inv', 'mu'])
  })
})

describe('a document with weights beside it', () => {
  it('becomes a model for ONNX Runtime, with the bands it states or those of a cube', async () => {
    const yaml = await pair('onnx')
    const report = await exportPipeline({ pipelineFolder: yaml, to: 'onnx', out: join(folder, 'model.onnx') }, observed())
    expect(report.verified.maxDifference).toBe(0)
    await exportPipeline({ pipelineFolder: yaml, to: 'onnx', out: join(folder, 'model.onnx'), data: cube }, observed())
  })

  it('keeps weights of other element types as what they are when it is written again, and says that they are rounded', async () => {
    const yaml = await pair('float64', { weights: (nodes) => {
      const tensors = [...nodes.values()].find((one) => one.size > 0) as Map<string, TorchTensor>
      const [name, one] = [...tensors][0]
      tensors.set(name, { ...one, dtype: 'float64', type: 'float64', data: Float64Array.from(one.data as Float32Array) })
    } })
    expect((await openSavedPipeline(yaml, cube)).warnings).toEqual([expect.stringMatching(/^The tensor \S+ \(\w+\) of \S+p\.pt is stored as float64 and used as float32\.$/)])
  })

  it.each<[string, Parameters<typeof pair>[1], RegExp]>([
    ['a weight that is missing', { weights: (nodes) => void first(nodes).delete([...first(nodes).keys()][0]) }, /^The state has no tensor \S+; the pipeline expects \[/],
    ['a weight too many', { weights: (nodes) => void first(nodes).set('bias', [...first(nodes).values()][0]) }, /^The state holds the tensor \S+\.bias, which the pipeline does not have/],
    ['a weight of another shape', { weights: (nodes) => reshape(nodes) }, /^The tensor \S+ is float32 \[1\]; the pipeline expects float32 \[/],
    ['weights of a node that is not in the document', { weights: (nodes) => void nodes.set('other', new Map()) }, /has weights of a node other, which the document \S+ does not have/],
    ['a node without weights', { weights: (nodes) => void nodes.delete([...nodes].find(([, one]) => one.size > 0)?.[0] ?? '') }, /has no weights of the node \S+ \(\w+\); save the pipeline again/],
    ['weights of a node that keeps none', { weights: (nodes) => void [...nodes.values()].find((one) => one.size === 0)?.set('x', [...first(nodes).values()][0]) }, /has the tensor \S+\.x, but a \w+ keeps none/],
    ['another number of channels', { yaml: (text) => text.replace(/num_channels: \d+/, 'num_channels: 99') }, /expects 99 channels at its input/],
  ])('is refused with %s', async (name, change, message) => {
    const yaml = await pair(name.replaceAll(' ', '-'), change)
    const error = await refusal(openSavedPipeline(yaml, cube))
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/\.$/)
  })

  it('is refused without weights, with other weights, and for what needs a fit', async () => {
    const yaml = await pair('alone')
    expect(await refusal(exportPipeline({ pipelineFolder: yaml, to: 'folder', out }, observed()))).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('needs the folder of a fit') as string })
    await copyFile(join(fitted, 'model.onnx'), yaml.replace('.yaml', '.pt'))
    expect(await refusal(openSavedPipeline(yaml, cube))).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('is no archive that torch.save writes') as string })
    await writeFile(yaml.replace('.yaml', '.pt'), writeTorchArchive(new Map([['weights', 1]]), 'p'))
    expect(await refusal(openSavedPipeline(yaml, cube))).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('has no state_dict') as string })
    await rm(yaml.replace('.yaml', '.pt'))
    expect(await refusal(openSavedPipeline(yaml, cube))).toMatchObject({ code: 'missing-file', message: expect.stringContaining('There is no p.pt with its weights beside') as string })
    await rm(yaml)
    expect(await refusal(openSavedPipeline(yaml, cube))).toMatchObject({ code: 'missing-file', message: `There is no pipeline file ${yaml}.` })
  })
})

function first(nodes: Map<string, Map<string, TorchTensor>>): Map<string, TorchTensor> {
  return [...nodes.values()].find((one) => one.size > 0) as Map<string, TorchTensor>
}

function reshape(nodes: Map<string, Map<string, TorchTensor>>): void {
  const [name, one] = [...first(nodes)][0]
  first(nodes).set(name, { ...one, shape: [1], data: one.data.slice(0, 1) })
}
