import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCube } from '../../src/engine/cube'
import { readMask } from '../../src/engine/cube/mask'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { areaUnderRoc, thresholdCurve } from '../../src/shared/threshold-curve'
import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState, setNodeState } from '../../src/engine/pipeline/state'
import { pipelineFrom } from '../pipeline/documents'

const folder = join(process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data'), 'anomaly')
const missing = !existsSync(join(folder, 'gulfport.mat'))
if (missing) console.log(`RX on real scenes is skipped: ${folder} has no gulfport.mat.`)

/** Published or recomputed in float64: area under the ROC curve, largest score. */
const scenes = [
  { file: 'gulfport.mat', auc: 0.952599, largest: 3664.5676 },
  { file: 'texas-coast.mat', auc: 0.990655, largest: 2151.1873 },
  { file: 'sandiego_plane.mat', auc: 0.940292, largest: 2036.9731 },
]

describe.skipIf(missing)('RX on real scenes', () => {
  it.each(scenes)('$file', async ({ file, auc, largest }) => {
    const cube = await openCube(`${join(folder, file)}#data`)
    const [lines, samples, bands] = cube.description.shape
    const pixels = await cube.readPixels({ line: 0, sample: 0, lines, samples }).finally(() => cube.close())
    const pipeline = pipelineFrom('nodes: {cube: Cube, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]', { channels: bands, wavelengthsNm: null })
    const [source, rx] = pipeline.nodes
    const accumulator = rx.type.fit?.start(rx.parameters, { node: 'rx', seed: 0, pixels: lines * samples, wavelengthsNm: null })
    await accumulator?.add(pixels, lines * samples, bands, null)
    const state = initialState(pipeline, 0)
    setNodeState(state, 'rx', await accumulator?.finish() ?? {})
    const session = await openSession(encodeModel(compileInference(pipeline, state).graph), 'cpu', { threads: 1 })
    const { scores } = await session.run({ cube: float32([1, lines, samples, bands], pixels) }).finally(() => session.release())
    const mask = await readMask(`${join(folder, file)}#map`, [lines, samples])
    const curve = thresholdCurve(scores.data as Float32Array, targetsOfClasses(mask.values, source.parameters))
    expect(Math.abs((areaUnderRoc(curve) ?? 0) - auc)).toBeLessThan(1e-5)
    expect(Math.abs(curve.sorted[curve.sorted.length - 1] / largest - 1)).toBeLessThan(1e-5)
  })
})
