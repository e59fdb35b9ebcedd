import { join } from 'node:path'
import { writeEnvi } from '../../src/engine/cube'
import { randomSource } from '../../src/engine/nodes/random'

export const LINES = 512
export const SAMPLES = 512
export const BANDS = 61
/** nm */
export const WAVELENGTHS = Array.from({ length: BANDS }, (_, band) => 430 + 8 * band)

/** Four materials, and a fifth that the mask marks, each a smooth curve over the bands, mixed with noise. */
export async function writeScene(folder: string): Promise<{ cube: string; mask: string }> {
  const random = randomSource(1, 'bench scene')
  const materials = Array.from({ length: 5 }, (_, material) => Float64Array.from({ length: BANDS }, (_, band) => 0.4 + 0.2 * Math.sin((band / BANDS) * (2 + material) + material)))
  const pixels = LINES * SAMPLES
  const values = new Float32Array(pixels * BANDS)
  const mask = new Uint8Array(pixels)
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const planted = random.uniform() < 0.003
    mask[pixel] = planted ? 1 : 0
    const line = Math.floor(pixel / SAMPLES)
    const spectrum = materials[planted ? 4 : (line >> 7)]
    const light = 0.8 + 0.4 * random.uniform()
    for (let band = 0; band < BANDS; band += 1) values[pixel * BANDS + band] = light * spectrum[band] + 0.02 * random.normal()
  }
  const size = { lines: LINES, samples: SAMPLES, interleave: 'bip' as const }
  const [cube] = await writeEnvi(join(folder, 'scene.img'), { ...size, bands: BANDS, dataType: 'float32', values, header: { wavelengths: WAVELENGTHS, wavelengthUnit: 'nm' } })
  const [marked] = await writeEnvi(join(folder, 'marked.img'), { ...size, bands: 1, dataType: 'uint8', values: mask })
  return { cube, mask: marked }
}
