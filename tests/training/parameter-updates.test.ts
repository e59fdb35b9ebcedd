import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitRequest } from '../../src/shared/reports'
import { observed, request, temporaryFolder, writeScene } from './scene'

// What trains and what does not, node by node: an unfrozen node moves away from its statistics, everything else stays.

let folder: string
let cube: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterEach(() => rm(folder, { recursive: true }))

interface Part {
  nodes: Record<string, { type: string; config?: Record<string, unknown> }>
  connections: [string, string][]
}

const normalised: Part = { nodes: { cube: { type: 'Cube' }, range: { type: 'MinMaxNormalizer' } }, connections: [['cube.cube', 'range.data']] }
const pca: Part = {
  nodes: { ...normalised.nodes, pca: { type: 'TrainablePCA', config: { n_components: 3 } }, rx: { type: 'RXGlobal' }, orthogonal: { type: 'OrthogonalityLoss' }, overlap: { type: 'IoULoss' } },
  connections: [...normalised.connections, ['range.normalized', 'pca.data'], ['pca.projected', 'rx.data'], ['pca.components', 'orthogonal.components'], ['rx.scores', 'overlap.predictions'], ['cube.mask', 'overlap.targets']],
}
const background: Part = {
  nodes: { ...normalised.nodes, rx: { type: 'RXGlobal', config: { form: 'inverse' } }, overlap: { type: 'IoULoss' } },
  connections: [...normalised.connections, ['range.normalized', 'rx.data'], ['rx.scores', 'overlap.predictions'], ['cube.mask', 'overlap.targets']],
}

const laplacian: Part = {
  nodes: { ...normalised.nodes, lad: { type: 'LADGlobal' }, overlap: { type: 'IoULoss' } },
  connections: [...normalised.connections, ['range.normalized', 'lad.data'], ['lad.scores', 'overlap.predictions'], ['cube.mask', 'overlap.targets']],
}

const selected: Part = {
  nodes: { ...normalised.nodes, selector: { type: 'SoftChannelSelector', config: { n_select: 2, init_method: 'variance', anneal: true } }, rx: { type: 'RXGlobal' }, logit: { type: 'ScoreToLogit' }, compared: { type: 'AnomalyBCEWithLogits' } },
  connections: [...normalised.connections, ['range.normalized', 'selector.data'], ['selector.selected', 'rx.data'], ['rx.scores', 'logit.scores'], ['logit.logits', 'compared.predictions'], ['cube.mask', 'compared.targets']],
}

const cases: [string, Part, Record<string, unknown>, RegExp][] = [
  ['the components of an unfrozen PCA', pca, { unfreeze: ['pca'] }, /^pca\._components$/],
  ['the background of an unfrozen RX', background, { unfreeze: ['rx'] }, /^rx\.(mu|cov_inv)$/],
  ['the mean and the Laplacian of an unfrozen LAD', laplacian, { unfreeze: ['lad'] }, /^lad\.(M|L)$/],
  ['the range of an unfrozen normaliser', background, { unfreeze: ['range'] }, /^range\./],
  // The temperature of the selector follows the epochs, whatever trains.
  ['the logits of an unfrozen selector', selected, { unfreeze: ['selector'] }, /^selector\.(channel_logits|last_temperature)$/],
  ['the scale of unfrozen logits', selected, { unfreeze: ['logit'] }, /^(logit\.(scale|bias)|selector\.last_temperature)$/],
  ['two unfrozen nodes', pca, { unfreeze: ['pca', 'range'] }, /^(pca\._components|range\..*)$/],
  ['what is unfrozen but for what is frozen', pca, { unfreeze: ['pca'], parameters: 'all', freeze: ['range', 'rx'] }, /^pca\._components$/],
]

async function stateAfter(part: Part, trainer: Record<string, unknown>, name: string): Promise<Map<string, Float32Array>> {
  const pipeline: FitRequest['pipeline'] = { text: JSON.stringify({ ...part, trainer: { optimizer: { name: 'adamw', lr: 0.01 }, ...trainer } }), path: 'updates.yaml' }
  await fitPipeline(request(pipeline, [cube], join(folder, name)), observed())
  return new Map([...(await openTrainedPipeline(join(folder, name))).state].map(([key, { data }]) => [key, data as Float32Array]))
}

describe('training moves', () => {
  it.each(cases)('%s', async (_name, part, trainer, moved) => {
    const before = await stateAfter(part, { ...trainer, epochs: 0 }, 'before')
    const after = await stateAfter(part, { ...trainer, epochs: 5 }, 'after')
    const changed = [...after.keys()].filter((key) => after.get(key)?.some((value, index) => Math.abs(value - (before.get(key)?.[index] ?? NaN)) > 1e-4))
    const same = [...after.keys()].filter((key) => !changed.includes(key))
    expect(changed.length).toBeGreaterThan(0)
    for (const key of changed) expect(key).toMatch(moved)
    for (const key of same) expect(after.get(key), key).toEqual(before.get(key))
    for (const values of after.values()) expect(values.every(Number.isFinite)).toBe(true)
  })

  it('nothing where all is frozen, and says so', async () => {
    await expect(stateAfter(pca, { freeze: ['pca'] }, 'out')).rejects.toMatchObject({ code: 'bad-pipeline', message: expect.stringMatching(/^Nothing trains:/) as string })
  })
})
