import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inspectPipeline } from '../../src/engine/pipeline/describe'
import { scorerFile } from '../onnx/transformer-scorer'

// Which models a document may make Cuvette read.

let folder: string
let documents: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'cuvette-files-')))
  documents = join(folder, 'documents')
  await mkdir(join(documents, 'models'), { recursive: true })
  await mkdir(join(folder, 'other'))
  for (const path of ['documents/scorer.onnx', 'documents/models/scorer.onnx', 'other/scorer.onnx', 'scorer.onnx']) await writeFile(join(folder, path), scorerFile())
})
afterEach(() => rm(folder, { recursive: true }))

const document = (model: string): string => JSON.stringify({
  nodes: { cube: { type: 'Cube' }, bands: { type: 'ConcreteBandSelector', config: { output_channels: 3 } }, scorer: { type: 'OnnxModel', config: { model } } },
  connections: [['cube.cube', 'bands.data'], ['bands.rgb', 'scorer.data']],
})
const problems = async (model: string, granted: readonly string[] | null) => (await inspectPipeline(document(model), join(documents, 'a.yaml'), null, granted)).problems
const refused = (path: string) => [{
  code: 'not-granted', path, where: 'scorer',
  message: `The node scorer (OnnxModel) names the model ${path}, which lies neither beside the document in ${documents} nor in a folder that was opened; put it beside the document, or open its folder.`,
}]

describe('a model that a document names', () => {
  it.each(['scorer.onnx', './models/scorer.onnx', 'models/../scorer.onnx'])('is read beside the document or below: %s', async (model) => {
    expect(await problems(model, [])).toEqual([])
  })

  it('is read by its full path where that lies there', async () => {
    expect(await problems(join(documents, 'models', 'scorer.onnx'), [])).toEqual([])
  })

  it.each(['../scorer.onnx', '../other/scorer.onnx', '../other/none.onnx', 'models/../../scorer.onnx'])('is refused elsewhere, whether it is there or not: %s', async (model) => {
    expect(await problems(model, [])).toEqual(refused(join(documents, model)))
  })

  it('is refused by its full path elsewhere', async () => {
    for (const path of [join(folder, 'scorer.onnx'), '/etc/passwd', `${documents}x/scorer.onnx`]) expect(await problems(path, [])).toEqual(refused(path))
  })

  it('is read from a folder that was opened, and as a file that was opened', async () => {
    expect(await problems('../other/scorer.onnx', [join(folder, 'other')])).toEqual([])
    expect(await problems('../scorer.onnx', [join(folder, 'scorer.onnx')])).toEqual([])
    expect(await problems('../scorer.onnx', [join(folder, 'other')])).toEqual(refused(join(folder, 'scorer.onnx')))
  })

  it('is refused behind a link that leads out, and read behind one that leads to an opened folder', async () => {
    await symlink(join(folder, 'other'), join(documents, 'link'))
    await symlink(join(folder, 'scorer.onnx'), join(documents, 'linked.onnx'))
    expect(await problems('link/scorer.onnx', [])).toEqual(refused(join(documents, 'link', 'scorer.onnx')))
    expect(await problems('linked.onnx', [])).toEqual(refused(join(documents, 'linked.onnx')))
    expect(await problems('link/scorer.onnx', [join(folder, 'other')])).toEqual([])
  })

  it('is read from anywhere where the caller may read everything', async () => {
    expect(await problems('../scorer.onnx', null)).toEqual([])
  })

  it('has its problem shown on its node', async () => {
    const { nodes } = await inspectPipeline(document('../scorer.onnx'), join(documents, 'a.yaml'), null, [])
    expect(nodes.filter(({ problems: own }) => own.length > 0).map(({ name }) => name)).toEqual(['scorer'])
    const missing = await inspectPipeline(document('gone.onnx'), join(documents, 'a.yaml'), null, [])
    expect(missing.nodes.find(({ name }) => name === 'scorer')?.problems).toMatchObject([{ code: 'missing-file' }])
  })
})
