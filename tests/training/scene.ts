import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeEnvi } from '../../src/engine/cube/writers/envi'
import type { WorkContext } from '../../src/engine/inference/work'
import { randomSource } from '../../src/engine/nodes/random'
import type { FitRequest, WorkProgress } from '../../src/shared/reports'

/** A small scene: two materials with noise, and a few pixels of a third. */
export const SHAPE: [number, number, number] = [18, 20, 6]
export const ANOMALIES = [45, 46, 200, 333]

/** [lines, samples, bands] row-major. */
export function scenePixels(seed = 1, [lines, samples, bands] = SHAPE): Float32Array {
  const random = randomSource(seed, 'scene')
  const pixels = new Float32Array(lines * samples * bands)
  for (let pixel = 0; pixel < lines * samples; pixel += 1) {
    const material = pixel % samples < samples / 2 ? 0 : 1
    for (let band = 0; band < bands; band += 1) {
      const normal = material === 0 ? 40 + 5 * band : 70 - 4 * band
      pixels[pixel * bands + band] = (ANOMALIES.includes(pixel) ? 55 + (band % 2 === 0 ? 30 : -30) : normal) + 2 * random.normal()
    }
  }
  return pixels
}

export function sceneMask([lines, samples] = SHAPE): Uint8Array {
  return Uint8Array.from({ length: lines * samples }, (_, pixel) => (ANOMALIES.includes(pixel) ? 2 : 0))
}

/** Writes a scene as ENVI with its mask beside it; the reference of the cube. */
export async function writeScene(folder: string, name: string, pixels = scenePixels(), [lines, samples, bands] = SHAPE, mask: Uint8Array | null = sceneMask([lines, samples, bands])): Promise<string> {
  const path = join(folder, `${name}.img`)
  await writeEnvi(path, { lines, samples, bands, dataType: 'float32', values: pixels, header: { wavelengths: Array.from({ length: bands }, (_, band) => 450 + 50 * band), wavelengthUnit: 'nm' } })
  if (mask) await writeEnvi(join(folder, `${name}_mask.img`), { lines, samples, bands: 1, dataType: 'uint8', values: mask })
  return path
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'cuvette-training-'))
}

interface Document {
  nodes: Record<string, { type: string; config?: Record<string, unknown> }>
  connections: [string, string][]
  trainer?: Record<string, unknown>
}

/** A small Deep SVDD in the short dialect, as a request wants it. */
export function deepSVDD(trainer: Record<string, unknown> = {}, change: (document: Document) => void = () => undefined): FitRequest['pipeline'] {
  const document: Document = {
    nodes: {
      cube: { type: 'Cube' },
      encoder: { type: 'ZScoreNormalizerGlobal' },
      projection: { type: 'DeepSVDDProjection', config: { hidden: 8, rep_dim: 4 } },
      center: { type: 'DeepSVDDCenterTracker' },
      loss: { type: 'DeepSVDDSoftBoundaryLoss' },
      scores: { type: 'DeepSVDDScores' },
      decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.98 } },
      metrics: { type: 'AnomalyDetectionMetrics' },
    },
    connections: [
      ['cube.cube', 'encoder.data'], ['encoder.normalized', 'projection.data'], ['projection.embeddings', 'center.embeddings'],
      ['projection.embeddings', 'loss.embeddings'], ['center.center', 'loss.center'], ['projection.embeddings', 'scores.embeddings'],
      ['center.center', 'scores.center'], ['scores.scores', 'decider.logits'], ['decider.decisions', 'metrics.decisions'],
      ['scores.scores', 'metrics.logits'], ['cube.mask', 'metrics.targets'],
    ],
    trainer: { epochs: 4, batch: { pixels: 90 }, optimizer: { name: 'adamw', lr: 0.005 }, unfreeze: ['projection'], ...trainer },
  }
  change(document)
  return { text: JSON.stringify(document), path: 'deep-svdd.yaml' }
}

export function rx(config: Record<string, unknown> = {}): FitRequest['pipeline'] {
  return alone('RXGlobal', config)
}

/** A detector of that type, with a decider. */
export function alone(type: string, config: Record<string, unknown> = {}): FitRequest['pipeline'] {
  const document: Document = {
    nodes: { cube: { type: 'Cube' }, rx: { type, config }, decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.99 } } },
    connections: [['cube.cube', 'rx.data'], ['rx.scores', 'decider.logits']],
  }
  return { text: JSON.stringify(document), path: 'rx.yaml' }
}

export function request(pipeline: FitRequest['pipeline'], data: string[], out: string, more: Partial<FitRequest> = {}): FitRequest {
  return { pipeline, data, masks: [], validation: [], out, seed: 3, device: 'cpu', resume: false, ...more }
}

export interface Observed extends WorkContext {
  told: WorkProgress[]
  abort(): void
}

/** A context that keeps what it is told, and can be stopped from inside. */
export function observed(onProgress: (progress: WorkProgress, context: Observed) => void = () => undefined): Observed {
  const controller = new AbortController()
  const context: Observed = {
    signal: controller.signal,
    told: [],
    onProgress(progress) {
      context.told.push(progress)
      onProgress(progress, context)
    },
    abort: () => controller.abort(),
  }
  return context
}

/** Stops as soon as an epoch is finished. */
export function stopAfterEpoch(epoch: number): Observed {
  return observed((progress, context) => {
    if (progress.kind === 'epoch' && progress.record.epoch === epoch) context.abort()
  })
}

/** Every file below a folder with its bytes, by relative path; empty when there is no folder. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort()
  const found: Record<string, string> = {}
  for (const file of files) found[file.slice(folder.length + 1)] = (await readFile(file)).toString('base64')
  return found
}
