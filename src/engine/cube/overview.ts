import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfCancelled } from './bytes'
import type { Cube } from './cube'
import { stampsOf } from './file-stamp'
import { openCube } from './open-cube'
import { formatReference } from './reference'
import { openEnvi } from './writers/envi'

// Where the bands of a pixel lie together, one band touches the whole file. An overview is every stride-th line and
// sample of all bands, band after band, in a file of its own: made in one walk, it answers every coarser stride at once.

export interface OverviewLimits {
  /** What may be read for one picture before somebody notices. */
  quickBytes: number
  /** Largest size of an overview. */
  overviewBytes: number
}

const LIMITS: OverviewLimits = { quickBytes: 96 * 2 ** 20, overviewBytes: 256 * 2 ** 20 }
/** Numbers of the overview that are gathered before they are written. */
const BLOCK_NUMBERS = 2 * 2 ** 20

const STRIDE = 'cuvette overview stride'
const SOURCE = 'cuvette overview of'

export interface Overview {
  /** An ENVI raster [ceil(H/stride), ceil(W/stride), C], float32, NaN = no data. */
  path: string
  stride: number
}

/** The smallest stride at which a whole band is read in moments. 1 for most cubes. */
export function quickStride(cube: Cube, { quickBytes } = LIMITS): number {
  const [lines, samples] = cube.description.shape
  const bytes = cube.bandBytes ?? 4 * lines * samples
  return Math.min(Math.max(1, Math.ceil(bytes / quickBytes)), Math.max(lines, samples))
}

/** The stride of the overview that a cube should have; null where bands are quick anyway, or no overview would be finer. */
export function overviewStride(cube: Cube, limits = LIMITS): number | null {
  const [lines, samples, bands] = cube.description.shape
  const quick = quickStride(cube, limits)
  const stride = Math.ceil(Math.sqrt((4 * lines * samples * bands) / limits.overviewBytes))
  return quick > Math.max(1, stride) ? Math.max(1, stride) : null
}

/**
 * The overview of a cube in `folder`: the one that is there when it is of this file as it is now, else a new one.
 * null when none is needed. Throws as reads do, 'cannot-write', and 'cancelled'; nothing is left behind then.
 */
export async function ensureOverview(cube: Cube, folder: string, { signal, onLine, limits = LIMITS }: { signal?: AbortSignal; onLine?(done: number, total: number): void; limits?: OverviewLimits } = {}): Promise<Overview | null> {
  const stride = overviewStride(cube, limits)
  if (stride === null) return null
  const reference = formatReference(cube.description)
  const path = join(folder, `${createHash('sha256').update(reference).digest('hex').slice(0, 24)}.img`)
  // What counts as no data may be said otherwise than in the file.
  const stamps = await stampsOf(reference)
  const source = `${stamps.map(({ size, modified }) => `${size}@${modified}`).join(' ')} no data ${cube.description.noData}`
  if (await isOf(path, source, stride)) return { path, stride }
  await mkdir(folder, { recursive: true })
  await write(cube, path, stride, source, signal, onLine)
  return { path, stride }
}

async function write(cube: Cube, path: string, stride: number, source: string, signal: AbortSignal | undefined, onLine: ((done: number, total: number) => void) | undefined): Promise<void> {
  const { description: { shape: [lines, samples, bands], path: cubePath } } = cube
  const height = Math.ceil(lines / stride)
  const width = Math.ceil(samples / stride)
  const block = Math.max(1, Math.min(height, Math.floor(BLOCK_NUMBERS / (width * bands))))
  const line = new Float32Array(samples * bands)
  const gathered = new Float32Array(block * width * bands)
  const writer = await openEnvi(path, {
    lines: height, samples: width, bands, dataType: 'float32',
    header: { description: `Overview of ${cubePath}`, others: new Map([[STRIDE, String(stride)], [SOURCE, source]]) },
  })
  try {
    let filled = 0
    for (let row = 0; row < height; row += 1) {
      throwIfCancelled(cubePath, signal)
      await cube.readPixels({ line: row * stride, sample: 0, lines: 1, samples }, null, line, signal)
      for (let column = 0; column < width; column += 1) {
        const from = column * stride * bands
        gathered.set(line.subarray(from, from + bands), (filled * width + column) * bands)
      }
      filled += 1
      if (filled === block || row === height - 1) {
        await writer.writeLines(gathered.subarray(0, filled * width * bands))
        filled = 0
      }
      onLine?.(row + 1, height)
    }
    await writer.commit()
  } finally {
    await writer.abort()
  }
}

/** Whether the file is a whole overview of that source. */
async function isOf(path: string, source: string, stride: number): Promise<boolean> {
  try {
    const overview = await openCube(path, { mask: false })
    await overview.close()
    return overview.headerFields?.get(SOURCE) === source && overview.headerFields.get(STRIDE) === String(stride) && overview.description.warnings.length === 0
  } catch {
    // Absent, damaged or shortened: it is made anew.
    return false
  }
}
