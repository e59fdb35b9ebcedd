import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fitPipeline } from '../../src/engine/training/fit'
import { contents, observed, request, sceneMask, scenePixels, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

const SHAPE: [number, number, number] = [18, 20, 12]
const TEMPLATES = new URL('../../resources/pipelines/', import.meta.url)

/** Those with a gradient phase, in smaller batches so that an epoch has several steps. */
const templates = readdirSync(TEMPLATES)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => ({ name, text: readFileSync(new URL(name, TEMPLATES), 'utf8') }))
  .filter(({ text }) => text.includes('\ntrainer:'))
  .map(({ name, text }) => ({ name, pipeline: { text: text.replace(/batch: \{pixels: \d+\}/, 'batch: {pixels: 90}'), path: name } }))

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene', scenePixels(1, SHAPE), SHAPE, sceneMask(SHAPE))
})
afterAll(() => rm(folder, { recursive: true }))

describe('every template that trains', () => {
  it('is there', () => {
    expect(templates.map(({ name }) => name)).toEqual(expect.arrayContaining(['channel-mixer.yaml', 'concrete-bands.yaml', 'deep-svdd.yaml']))
    for (const { pipeline } of templates) expect(pipeline.text).toContain('pixels: 90')
  })

  it.each(templates)('resumes to the bytes of an uninterrupted run: $name', async ({ name, pipeline }) => {
    const [whole, out] = [join(folder, `${name}-whole`), join(folder, `${name}-resumed`)]
    await fitPipeline(request(pipeline, [cube], whole, { epochs: 3 }), observed())
    await fitPipeline(request(pipeline, [cube], out, { epochs: 3 }), stopAfterEpoch(1))
    await fitPipeline(request(pipeline, [cube], out, { epochs: 3, resume: true, seed: undefined }), observed())
    const [expected, found] = [await contents(whole), await contents(out)]
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    // run.json holds times.
    for (const file of Object.keys(expected)) if (file !== 'run.json') expect(found[file] === expected[file], file).toBe(true)
  })
})
