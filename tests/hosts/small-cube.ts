import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Value of the small cube's band at a pixel. */
export function smallCubeValue(band: number, line: number, sample: number): number {
  return band * 100 + line * 10 + sample
}

/** An ENVI cube of 3 lines, 5 samples and 4 bands, float32 bsq; returns the path of its header. */
export async function writeSmallCube(folder: string, name: string): Promise<string> {
  const values = Float32Array.from({ length: 4 * 3 * 5 }, (_, n) => smallCubeValue(Math.floor(n / 15), Math.floor((n % 15) / 5), n % 5))
  await writeFile(join(folder, `${name}.img`), new Uint8Array(values.buffer))
  const header = join(folder, `${name}.hdr`)
  await writeFile(header, 'ENVI\nsamples = 5\nlines = 3\nbands = 4\nheader offset = 0\ndata type = 4\ninterleave = bsq\nbyte order = 0\n')
  return header
}
