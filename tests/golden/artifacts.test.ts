import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeCuvis } from '../../src/engine/export/cuvis'
import { openSavedPipeline } from '../../src/engine/inference/saved-pipeline'
import type { SavedPipeline } from '../../src/engine/inference/saved-pipeline'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { compileInference } from '../../src/engine/pipeline/compile'
import { readYaml } from '../../src/engine/pipeline/yaml-source'
import type { StoredTensor } from './read-vectors'
import { expectClose, goldenCases, numbers, tensor, vectorFolder } from './read-vectors'

// Pipelines that the reference saved, YAML and .pt, against what it computed with them.

interface SavedCase {
  name: string
  state_after_training: Record<string, Record<string, StoredTensor>>
  after_training: { inference_first_val_batch: Record<string, StoredTensor> }
  saved?: { yaml: string; pt: string }
}

const beside = join(vectorFolder, 'artifacts')
const folder = existsSync(beside) || process.env.CUVETTE_GOLDEN_DIR !== undefined ? beside : resolve(import.meta.dirname, 'artifacts')
const files = ['e2e_deepsvdd', 'e2e_channel_selector', 'e2e_reducers']

describe.each(files)('pipelines that the reference saved: %s', (file) => {
  for (const one of goldenCases<SavedCase>(file).filter(({ saved }) => saved)) {
    const path = join(folder, '..', one.saved?.yaml ?? '')
    const missing = !existsSync(path)
    if (missing) console.warn(`${one.name} is not opened, because there is no ${path}.`)
    it.skipIf(missing)(one.name, async () => {
      const batch = one.after_training.inference_first_val_batch
      const facts = { channels: batch['data.cube'].shape[3], wavelengthsNm: numbers(batch['data.wavelengths']) }
      const saved = await openSavedPipeline(path, facts)
      for (const [node, tensors] of Object.entries(one.state_after_training)) {
        for (const [name, expected] of Object.entries(tensors)) {
          const found = saved.weights.get(node)?.get(name)
          expect(found?.shape, name).toEqual(expected.shape)
          expect(Array.from(found?.data as ArrayLike<number | bigint>, Number), `${node}.${name}`).toEqual(Array.from(expected.data, (value) => (expected.dtype === 'float32' ? Math.fround(Number(value)) : Number(value))))
        }
      }
      const ports = Object.keys(batch).filter((port) => !port.startsWith('data.') && batch[port].dtype !== 'metrics' && port in portsOf(saved))
      const outputs = await outputsOf(saved, ports, tensor(batch['data.cube']))
      expect(ports.length).toBeGreaterThan(2)
      for (const port of ports) expectClose(outputs[port], batch[port], 1e-4, port)

      const place = await mkdtemp(join(tmpdir(), 'artifact-'))
      try {
        const { files: [yaml], differences } = await writeCuvis(place, saved)
        expect(differences).toEqual([])
        expect(readYaml(await readFile(join(place, yaml), 'utf8'), yaml).value).toEqual(readYaml(await readFile(path, 'utf8'), path).value)
        const again = await openSavedPipeline(join(place, yaml), facts)
        expect(again.state).toEqual(saved.state)
        expect(Buffer.from(again.model).equals(saved.model)).toBe(true)
      } finally {
        await rm(place, { recursive: true })
      }
    })
  }
})

/** Ports that a graph can compute. */
function portsOf({ pipeline }: SavedPipeline): Record<string, true> {
  return Object.fromEntries(pipeline.nodes.flatMap(({ name, type }) => type.description.outputs.filter(({ dtype }) => dtype !== 'metrics').map((port) => [`${name}.${port.name}`, true as const])))
}

async function outputsOf({ pipeline, state }: SavedPipeline, ports: readonly string[], cube: Tensor): Promise<Record<string, Tensor>> {
  const session = await openSession(encodeModel(compileInference(pipeline, state, { ports }).graph), 'cpu', { threads: 1 })
  try {
    return await session.run({ cube })
  } finally {
    await session.release()
  }
}
