import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileInference, compileTraining } from '../../src/engine/pipeline/compile'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { trainedNames } from '../../src/engine/pipeline/state'
import { writePipeline } from '../../src/engine/pipeline/write-document'
import { pipelineFrom, someState } from './documents'

const folder = resolve(import.meta.dirname, '../../resources/pipelines')
const visible = { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 430 + 8 * band) }

describe('the pipelines that come with Cuvette', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    expect(describePipeline(text, name, null).problems).toEqual([])
    expect(describePipeline(text, name, visible).problems).toEqual([])
    expect(describePipeline(writePipeline(parsePipeline(text, name)), name, visible)).toEqual(describePipeline(text, name, visible))
    const pipeline = pipelineFrom(text, visible)
    const state = someState(pipeline)
    expect(compileInference(pipeline, state).decisions).not.toBeNull()
    if (pipeline.trainer) {
      const trained = trainedNames(pipeline, pipeline.trainer)
      expect(compileTraining(pipeline, state, { trained, losses: pipeline.trainer.losses }).parameters.map((parameter) => parameter.name)).toEqual(trained)
    }
  })
})
