import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitRequest } from '../../src/shared/reports'
import { contents, deepSVDD, observed, request, sceneMask, scenePixels, SHAPE, temporaryFolder, writeScene } from './scene'

let folder: string
let out: string
beforeEach(async () => {
  folder = await temporaryFolder()
  out = join(folder, 'out')
  for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) await writeScene(folder, name, scenePixels(index + 1))
})
afterEach(() => rm(folder, { recursive: true }))

/** A document in the folder of the cubes, with a data section. */
function withData(data: unknown, trainer: Record<string, unknown> = {}): FitRequest['pipeline'] {
  const { text } = deepSVDD({ epochs: 1, ...trainer })
  return { text: JSON.stringify({ ...(JSON.parse(text) as object), data }), path: join(folder, 'pipeline.yaml') }
}
const fit = (data: unknown, more: Partial<FitRequest> = {}, cubes: string[] = []) => fitPipeline(request(withData(data), cubes, out, { dataOfDocument: true, ...more }), observed())
const named = (name: string) => join(folder, name)

async function used(): Promise<{ train: string[]; validation: string[] | null; test: string[] | null; masks: string[] }> {
  const { data, validation, test, masks } = (await openTrainedPipeline(out)).record
  const names = (cubes: { path: string }[]) => cubes.map(({ path }) => path.slice(folder.length + 1))
  return { train: names(data), validation: validation ? names(validation.data) : null, test: test ? names(test.data) : null, masks: names(masks) }
}

describe('the data section of a document', () => {
  it('names cubes by purpose, relative to the document, with their masks', async () => {
    const report = await fit({ train: ['a.hdr', { cube: 'b.hdr', mask: 'c_mask.hdr' }], validation: [{ cube: 'c.hdr', mask: null }], test: [named('d.hdr')] })
    expect(await used()).toEqual({ train: ['a.hdr', 'b.hdr'], validation: ['c.hdr'], test: ['d.hdr'], masks: ['a_mask.hdr', 'c_mask.hdr'] })
    expect(report.test?.metrics?.auc).toBeGreaterThan(0.9)
    const { record, pipeline } = await openTrainedPipeline(out)
    expect(record.test).toMatchObject({ metrics: report.test?.metrics, cubes: [{ path: named('d.hdr'), unusable: 0, flagged: 8 }], masks: [{ path: named('d_mask.hdr') }] })
    expect(record.validation?.masks).toEqual([])
    expect(pipeline.document.extra).toEqual({})
  })

  it('names cubes by their places in a list or a folder', async () => {
    await fit({ cubes: ['a.hdr', 'b.hdr', 'c.hdr', 'd.hdr'], masks: [null, 'a_mask.hdr', null, null], train_ids: [3, 1], val_ids: [0], test_ids: [2] })
    expect(await used()).toEqual({ train: ['d.hdr', 'b.hdr'], validation: ['a.hdr'], test: ['c.hdr'], masks: ['a_mask.hdr'] })
    await rm(out, { recursive: true })
    await mkdir(join(folder, 'frames'))
    for (const name of ['2', '1', '3']) await writeScene(join(folder, 'frames'), name, scenePixels(Number(name)))
    await writeFile(join(folder, 'frames', 'notes.txt'), 'No cube.')
    await fit({ cubes: ['frames'], val_ids: [1] })
    expect(await used()).toMatchObject({ train: ['frames/1.hdr', 'frames/3.hdr'], validation: ['frames/2.hdr'], masks: ['frames/1_mask.hdr', 'frames/3_mask.hdr'] })
  })

  it('is not looked at where the caller does not allow it', async () => {
    await fit({ train: ['nothing.hdr'], test: ['nothing.hdr'] }, { dataOfDocument: false }, [named('a.hdr')])
    expect(await used()).toMatchObject({ train: ['a.hdr'], validation: null, test: null })
    await expect(fit({ train: ['a.hdr'] }, { dataOfDocument: false })).rejects.toMatchObject({ code: 'bad-argument' })
  })

  it('says which classes are anomalous', async () => {
    await fit({ train: ['a.hdr'], normal_class_ids: [0, 2], anomaly_class_ids: [5] })
    const { pipeline, record } = await openTrainedPipeline(out)
    expect(pipeline.nodes[0].parameters).toMatchObject({ normal_class_ids: [0, 2], anomaly_class_ids: [5] })
    expect(record.metrics?.auc).toBeNull()
  })

  it('gives way to what the request names', async () => {
    await fit({ train: ['a.hdr'], validation: ['b.hdr'], test: ['c.hdr'] }, { validation: [named('d.hdr')] }, [named('b.hdr')])
    expect(await used()).toMatchObject({ train: ['b.hdr'], validation: ['d.hdr'], test: ['c.hdr'] })
  })

  it.each<[string, unknown, string, RegExp]>([
    ['a list', ['a.hdr'], 'data', /^The data section is the list \[a\.hdr\]; a mapping such as/],
    ['an unknown key', { trains: ['a.hdr'] }, 'data.trains', /^The data section has no setting trains; it has train, validation,/],
    ['an id out of range', { cubes: ['a.hdr', 'b.hdr'], train_ids: [0], val_ids: [1, 2] }, 'data.val_ids.1', /^The data section names cube 2 in val_ids, but there are 2 cubes; ids go from 0 to 1\.$/],
    ['an id twice', { cubes: ['a.hdr', 'b.hdr'], train_ids: [1, 1] }, 'data.train_ids', /names cube 1 twice in train_ids/],
    ['ids that are no numbers', { cubes: ['a.hdr'], train_ids: ['a'] }, 'data.train_ids', /a list of places in cubes, from 0, is expected\.$/],
    ['too few masks', { cubes: ['a.hdr', 'b.hdr'], masks: ['a_mask.hdr'] }, 'data.masks', /has 2 cubes and 1 masks; name one mask for each cube, null for none\.$/],
    ['both ways', { cubes: ['a.hdr'], train: ['a.hdr'] }, 'data.train', /lists train and has cubes; use one of the two ways\.$/],
    ['a number for a cube', { train: [5] }, 'data.train.0', /has 5 in train; a path, or \{cube: path, mask: path\}, is expected\.$/],
    ['a mask for a folder', { train: [{ cube: '.', mask: 'a_mask.hdr' }] }, 'data.train.0', /names one mask for the folder \.;/],
  ])('refuses %s', async (_name, data, where, message) => {
    await expect(fit(data)).rejects.toMatchObject({ code: 'bad-pipeline', where: expect.stringMatching(new RegExp(`^${where} \\(line 1\\)$`)) as string, message: expect.stringMatching(message) as string })
    expect(Object.keys(await contents(out))).toEqual([])
  })

  it('refuses an empty folder, masks without cubes, and a section that names nothing that can be read', async () => {
    await mkdir(join(folder, 'empty'))
    await expect(fit({ train: ['empty'] })).rejects.toMatchObject({ code: 'bad-argument', message: `The folder ${named('empty')} holds no cube that can be read; name cubes, or a folder of cubes.` })
    await expect(fit({ train: ['a.hdr'] }, { testMasks: ['a'] })).rejects.toMatchObject({ code: 'bad-argument', message: 'Masks were named with --test-mask, but no cubes with --test; name both.' })
    await expect(fit({ train: ['nothing.hdr'] })).rejects.toMatchObject({ code: 'missing-file' })
    const { pipeline } = JSON.parse(JSON.stringify({ pipeline: { nodes: [{ name: 'data', class_name: 'LentilsAnomalyDataNode' }, { name: 'rx', class_name: 'RXGlobal' }], connections: [{ source: 'data.outputs.cube', target: 'rx.inputs.data' }] } })) as { pipeline: object }
    const run = { text: JSON.stringify({ pipeline, data: { cu3s_file_path: 'x.cu3s', train_ids: [0] } }), path: join(folder, 'run.yaml') }
    await expect(fitPipeline(request(run, [], out, { dataOfDocument: true }), observed())).rejects.toMatchObject({ message: expect.stringMatching(/The document names x\.cu3s, which cannot be read here\.$/) as string })
  })

  it('refuses validation and test cubes with other bands, and masks of other sizes', async () => {
    await writeScene(folder, 'few', scenePixels(1, [4, 5, 3]), [4, 5, 3], sceneMask([4, 5, 3]))
    for (const split of ['validation', 'test']) await expect(fit({ train: ['a.hdr'], [split]: ['few.hdr'] })).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('has 3 bands') as string })
    await expect(fit({ train: ['a.hdr'], test: [{ cube: 'b.hdr', mask: 'few_mask.hdr' }] })).rejects.toMatchObject({ code: 'bad-mask' })
    expect(SHAPE[2]).toBe(6)
  })
})
