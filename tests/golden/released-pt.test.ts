import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTorchArchive } from '../../src/engine/files/torch-archive'
import { readZip } from '../../src/engine/files/zip'
import { openSavedPipeline } from '../../src/engine/inference/saved-pipeline'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { compileInference } from '../../src/engine/pipeline/compile'
import { weightsOf } from '../../src/engine/pipeline/repository-state'
import type { StoredTensor } from './read-vectors'
import { expectClose, goldenCases, tensor, vectorFolder } from './read-vectors'
import { runsCase } from './suite'

// The trained pipeline that the reference's makers released. Its files are theirs: they are read where they lie, and are
// no part of this project.

interface ReleasedCase {
  name: string
  pt: string
  top_level_keys: string[]
  state_dict_summary: Record<string, Record<string, { shape: number[]; sum_f64: number; first4: number[]; last4: number[] }>>
  zip_entries: [string, number][]
  inputs: { data: StoredTensor }
  outputs: Record<string, StoredTensor>
  scores_f64_from_f32_selected: StoredTensor
}

const folders = [vectorFolder, resolve(import.meta.dirname, '../../../shared/golden')]

describe('reference vectors: released_pt', () => {
  for (const one of goldenCases<ReleasedCase>('released_pt')) {
    const folder = folders.find((candidate) => existsSync(join(candidate, one.pt)))
    const path = join(folder ?? '', one.pt)

    const absent = `The released ${one.pt} is not there, so it is not opened.`

    it(`${one.name}: what the file holds`, ({ skip }) => {
      runsCase('released_pt', one.name)
      skip(folder === undefined, absent)
      const bytes = readFileSync(path)
      expect([...readZip(bytes, path).values()].map(({ name, size }) => [name, size])).toEqual(one.zip_entries)
      const value = readTorchArchive(bytes, path)
      expect(value instanceof Map && [...value.keys()]).toEqual(one.top_level_keys)
      const weights = weightsOf(value, path)
      for (const [node, tensors] of Object.entries(one.state_dict_summary)) {
        expect([...(weights.get(node)?.keys() ?? [])]).toEqual(Object.keys(tensors))
        for (const [name, { shape, sum_f64: sum, first4, last4 }] of Object.entries(tensors)) {
          const found = weights.get(node)?.get(name)
          const data = Array.from(found?.data as Float32Array)
          expect(found?.shape).toEqual(shape)
          expect([data.slice(0, 4), data.slice(-4)]).toEqual([first4, last4])
          expect(Math.abs(data.reduce((total, number) => total + number, 0) - sum)).toBeLessThanOrEqual(1e-9 * data.reduce((total, number) => total + Math.abs(number), 1))
        }
      }
    })

    it(`${one.name}: what it scores`, async ({ skip }) => {
      runsCase('released_pt', one.name)
      skip(folder === undefined, absent)
      const cube = tensor(one.inputs.data)
      const saved = await openSavedPipeline(path.replace(/\.pt$/, '.yaml'), { channels: cube.shape[3], wavelengthsNm: null })
      // Its monitor and its pictures are left out.
      expect(saved.warnings.some((warning) => warning.includes('TensorBoardMonitorNode') && warning.includes('is left out'))).toBe(true)
      const ports = { normalized: 'MinMaxNormalizer.normalized', weights: 'SoftChannelSelector.weights', scores: 'RXGlobal.scores', logits: 'ScoreToLogit.logits' }
      const session = await openSession(encodeModel(compileInference(saved.pipeline, saved.state, { ports: Object.values(ports) }).graph), 'cpu', { threads: 1 })
      try {
        const outputs = await session.run({ cube })
        // The inverse has elements of a million: scores agree to a thousandth in float32.
        for (const [name, port] of Object.entries(ports)) expectClose(outputs[port], one.outputs[name], ['scores', 'logits'].includes(name) ? 1e-3 : 1e-5, name)
        expectClose({ ...outputs[ports.scores], shape: one.scores_f64_from_f32_selected.shape }, one.scores_f64_from_f32_selected, 1e-3, 'scores (float64)')
      } finally {
        await session.release()
      }
    })
  }
})
