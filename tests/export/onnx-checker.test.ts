import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { decodeModelMessage, encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { fitPipeline } from '../../src/engine/training/fit'
import { observed, request, temporaryFolder } from '../training/scene'
import { templates, writeTemplateScene } from '../training/templates'

// Debian's python3-onnx judges what every template exports. One Python process for all, because it takes seconds to start.

const SCRIPT = new URL('check_models.py', import.meta.url)

function pythonWithONNX(): string | null {
  for (const python of ['/usr/bin/python3', 'python3']) if (spawnSync(python, ['-c', 'import onnx']).status === 0) return python
  return null
}

const python = pythonWithONNX()
if (!python) console.warn('The exported models were not checked by onnx.checker: there is no Python with onnx (Debian: python3-onnx).')

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => rm(folder, { recursive: true }))

/** What is wrong with each file; null: nothing. */
function checked(files: readonly string[]): Record<string, string | null> {
  const { stdout, stderr, status } = spawnSync(python as string, [SCRIPT.pathname], { input: files.map((file) => `${file}\n`).join(''), encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Object.fromEntries(stdout.trim().split('\n').map((line) => JSON.parse(line) as [string, string | null]))
}

describe.skipIf(!python)('onnx.checker and shape inference', () => {
  it('accept every file that every template exports', { timeout: 180_000 }, async () => {
    const cube = await writeTemplateScene(folder)
    const files: string[] = []
    for (const { name, pipeline, trains } of templates) {
      const pipelineFolder = join(folder, name)
      await fitPipeline(request(pipeline, [cube], pipelineFolder, trains ? { epochs: 1 } : {}), observed())
      const out = join(folder, 'exported', name)
      const model = join(out, 'model.onnx')
      await exportPipeline({ pipelineFolder, to: 'onnx', out: model }, observed())
      files.push(model)
      if (!trains) continue
      const artifacts = join(out, 'artifacts')
      await exportPipeline({ pipelineFolder, to: 'ort-training', out: artifacts }, observed())
      for (const part of ['training', 'eval', 'optimizer']) files.push(join(artifacts, `${part}_model.onnx`))
    }
    expect(templates.length).toBeGreaterThan(5)
    expect(files).toHaveLength(templates.length + 3 * templates.filter(({ trains }) => trains).length)
    expect(checked(files)).toEqual(Object.fromEntries(files.map((file) => [file, null])))

    // The check can fail.
    await mkdir(join(folder, 'wrong'))
    const [first] = files
    const broken: Record<string, (message: ReturnType<typeof decodeModelMessage>) => void> = {
      operator: ({ graph }) => { for (const node of graph?.node ?? []) if (node.op_type === 'MatMul' || node.op_type === 'Gemm') node.op_type = 'NoOperator' },
      type: ({ graph }) => { for (const { type } of graph?.output ?? []) if (type?.tensor_type) type.tensor_type.elem_type = 7 },
      order: ({ graph }) => { graph?.node?.reverse() },
    }
    const wrong: string[] = []
    for (const [name, breakIt] of Object.entries(broken)) {
      const message = decodeModelMessage(await readFile(first))
      breakIt(message)
      wrong.push(join(folder, 'wrong', `${name}.onnx`))
      await writeFile(wrong[wrong.length - 1], encodeModelMessage(message))
    }
    for (const [file, problem] of Object.entries(checked(wrong))) expect(problem, file).not.toBeNull()
  })
})
