import { DATA_PREFIX } from '../../../shared/contract'
import type { CubeEntry, RunEntry } from '../../../shared/contract'
import type { Problem } from '../../../shared/problem'
import { CuvetteError, fromProblem } from '../../../shared/problem'

/** Numbers over the image: [lines, samples] of every `stride`-th pixel. */
export interface Plane<Values extends Float32Array | Uint8Array = Float32Array | Uint8Array> {
  readonly url: string
  readonly shape: readonly [number, number]
  readonly stride: number
  readonly values: Values
}

export type BandPlane = Plane<Float32Array>
export type MaskPlane = Plane<Uint8Array>

export function bandUrl(cube: CubeEntry, band: number, stride: number): string {
  return `${DATA_PREFIX}cubes/${encodeURIComponent(cube.id)}/bands/${band}?v=${cube.version}&stride=${stride}`
}

export function maskUrl(cube: CubeEntry): string {
  return `${DATA_PREFIX}cubes/${encodeURIComponent(cube.id)}/mask?v=${cube.version}`
}

export function scoresUrl(run: RunEntry): string {
  return `${DATA_PREFIX}runs/${encodeURIComponent(run.id)}/scores?v=${run.version}`
}

/** Fetches float32 numbers; throws CuvetteError with the workbench's sentence, or an AbortError. */
export async function fetchFloats(url: string, stride: number, signal: AbortSignal): Promise<BandPlane> {
  const { shape, buffer } = await fetchPixels(url, 4, signal)
  return { url, shape, stride, values: new Float32Array(buffer) }
}

/** Fetches class ids. */
export async function fetchClasses(url: string, signal: AbortSignal): Promise<MaskPlane> {
  const { shape, buffer } = await fetchPixels(url, 1, signal)
  return { url, shape, stride: 1, values: new Uint8Array(buffer) }
}

/** The value at a pixel of the whole image. */
export function valueAt(plane: Plane, line: number, sample: number): number {
  const row = Math.floor(line / plane.stride)
  const column = Math.floor(sample / plane.stride)
  return plane.values[row * plane.shape[1] + column]
}

async function fetchPixels(url: string, bytesPerPixel: number, signal: AbortSignal): Promise<{ shape: [number, number]; buffer: ArrayBuffer }> {
  const response = await answer(url, signal)
  if (!response.ok) throw fromProblem(await problemOf(response))
  const shape = (response.headers.get('x-shape') ?? '').split(',').map(Number)
  const buffer = await response.arrayBuffer()
  const expected = shape[0] * shape[1] * bytesPerPixel
  if (shape.length !== 2 || buffer.byteLength !== expected) {
    throw new CuvetteError('truncated', `The picture arrived with ${buffer.byteLength} bytes instead of ${Number.isFinite(expected) ? expected : 'a stated number'}: try again.`)
  }
  return { shape: [shape[0], shape[1]], buffer }
}

async function answer(url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal })
  } catch (error) {
    if (signal.aborted) throw error
    throw new CuvetteError('engine-lost', 'The picture could not be fetched: the workbench does not answer.', { cause: error })
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = { code: 'internal', message: `The workbench answered with status ${response.status}: try again.` }
  return await response.json().then((value: Problem) => (typeof value?.message === 'string' ? value : fallback), () => fallback)
}
