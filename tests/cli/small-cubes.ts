import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface SmallCube {
  lines?: number
  samples?: number
  bands?: number
  wavelengths?: number[] | null
  value?: (line: number, sample: number, band: number) => number
  /** Replaces or adds header lines. */
  header?: Record<string, string | null>
  /** Bytes cut off the end of the data. */
  cut?: number
}

/** A number in [0, 1) that depends on its place only. */
export function noise(line: number, sample: number, band: number): number {
  const x = Math.sin(line * 12.9898 + sample * 78.233 + band * 37.719) * 43758.5453
  return x - Math.floor(x)
}

/** Writes a float32 BIP cube as ENVI; returns the path of its header. */
export async function writeSmallCube(folder: string, name: string, options: SmallCube = {}): Promise<string> {
  const { lines = 16, samples = 12, bands = 6, value = (line, sample, band) => 1 + band + noise(line, sample, band), cut = 0 } = options
  const wavelengths = options.wavelengths === undefined ? Array.from({ length: bands }, (_, band) => 500 + 50 * band) : options.wavelengths
  const values = new Float32Array(lines * samples * bands)
  for (let index = 0; index < values.length; index += 1) {
    const pixel = Math.floor(index / bands)
    values[index] = value(Math.floor(pixel / samples), pixel % samples, index % bands)
  }
  const fields: Record<string, string | null> = {
    samples: String(samples), lines: String(lines), bands: String(bands), 'header offset': '0', 'file type': 'ENVI Standard', 'data type': '4', interleave: 'bip', 'byte order': '0',
    ...(wavelengths && { 'wavelength units': 'Nanometers', wavelength: `{${wavelengths.join(', ')}}` }),
    ...options.header,
  }
  const header = ['ENVI', ...Object.entries(fields).filter(([, text]) => text !== null).map(([key, text]) => `${key} = ${text}`), ''].join('\n')
  const bytes = Buffer.from(values.buffer)
  await writeFile(join(folder, `${name}.img`), bytes.subarray(0, bytes.length - cut))
  await writeFile(join(folder, `${name}.hdr`), header)
  return join(folder, `${name}.hdr`)
}

/** Writes a class map as ENVI; returns the path of its header. */
export async function writeSmallMask(folder: string, name: string, lines: number, samples: number, isMarked: (line: number, sample: number) => boolean): Promise<string> {
  const bytes = Buffer.alloc(lines * samples)
  for (let pixel = 0; pixel < bytes.length; pixel += 1) bytes[pixel] = isMarked(Math.floor(pixel / samples), pixel % samples) ? 1 : 0
  await writeFile(join(folder, `${name}.img`), bytes)
  await writeFile(join(folder, `${name}.hdr`), `ENVI\nsamples = ${samples}\nlines = ${lines}\nbands = 1\ndata type = 1\ninterleave = bsq\nbyte order = 0\nfile type = ENVI Classification\nclasses = 2\n`)
  return join(folder, `${name}.hdr`)
}

/** Deep SVDD for a few bands, quick. */
export const smallPipeline = `
name: small
nodes:
  cube: Cube
  zscore: ZScoreNormalizerGlobal
  projection: {type: DeepSVDDProjection, config: {hidden: 8, rep_dim: 4}}
  tracker: DeepSVDDCenterTracker
  scores: DeepSVDDScores
  loss: DeepSVDDSoftBoundaryLoss
  decider: QuantileBinaryDecider
connections:
  - [cube.cube, zscore.data]
  - [zscore.normalized, projection.data]
  - [projection.embeddings, tracker.embeddings]
  - [projection.embeddings, scores.embeddings]
  - [tracker.center, scores.center]
  - [projection.embeddings, loss.embeddings]
  - [tracker.center, loss.center]
  - [scores.scores, decider.logits]
trainer:
  epochs: 2
  unfreeze: [projection]
  losses: [loss]
`
