import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runPipeline } from '../../src/engine/inference/run'
import { fitPipeline } from '../../src/engine/training/fit'
import { observed, request, rx } from '../training/scene'

// Global RX on public scenes, against numbers computed in float64 by another program and, where there are some, published.

const scenes = [
  { cube: 'gulfport.mat', mask: null, auc: 0.952599, ap: 0.2102, largest: 3664.5676, at: [99, 72] },
  { cube: 'texas-coast.mat', mask: null, auc: 0.990655, ap: 0.425, largest: 2151.1873, at: [7, 24] },
  { cube: 'abu-urban-1.mat', mask: null, auc: 0.990655, ap: 0.425, largest: 2151.1873, at: [7, 24] },
  { cube: 'sandiego_plane.mat', mask: null, auc: 0.940292, ap: 0.2015, largest: 2036.9731, at: [0, 84] },
  { cube: 'dataHYDICE.mat', mask: 'maskHYDICE.mat', auc: 0.9857, ap: null, largest: null, at: null },
]

const data = join(process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data'), 'anomaly')
const absent = !existsSync(join(data, 'gulfport.mat'))
if (absent) console.log(`Skipped: RX on real scenes, because ${data} is not there (set CUVETTE_DATA_DIR).`)

describe.skipIf(absent)('RX on real scenes', () => {
  let folder: string
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'cuvette-scenes-')) })
  afterAll(() => rm(folder, { recursive: true }))

  it.each(scenes)('$cube', async ({ cube, mask, auc, ap, largest, at }) => {
    const masks = mask ? [join(data, mask)] : []
    const out = join(folder, cube)
    const report = await fitPipeline(request(rx(), [join(data, cube)], out, { masks }), observed())
    expect(Math.abs((report.metrics?.auc ?? 0) - auc)).toBeLessThan(1e-4)
    if (ap !== null) expect(Math.abs((report.metrics?.averagePrecision ?? 0) - ap)).toBeLessThan(1e-4)

    const { cubes: [scene] } = await runPipeline({ pipelineFolder: out, data: [join(data, cube)], masks, out: `${out}-run`, format: 'envi', device: 'cpu' }, observed())
    expect(scene.metrics).toEqual(report.metrics)
    if (largest === null) return
    const scores = new Float32Array(new Uint8Array(await readFile(join(`${out}-run`, scene.files[0]))).buffer)
    const place = scores.reduce((best, score, index) => (score > scores[best] ? index : best), 0)
    expect([Math.floor(place / scene.shape[1]), place % scene.shape[1]]).toEqual(at)
    expect(Math.abs(scores[place] / largest - 1)).toBeLessThan(1e-4)
  })
})
