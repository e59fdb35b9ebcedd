import { DATA_PREFIX } from '../shared/contract'
import type { PixelWindow } from '../shared/engine-contract'
import type { Problem, ProblemCode } from '../shared/problem'
import { CuvetteError, toProblem } from '../shared/problem'
import type { Cubes } from './cubes'
import { receiveDrop } from './drop'
import type { Runs } from './runs'

/** More than this in one answer would only make the page run out of memory. */
const ANSWER_LIMIT = 256 * 1024 * 1024

const STATUS: Partial<Record<ProblemCode, number>> = {
  'bad-argument': 400, 'not-granted': 403, 'missing-file': 404, cancelled: 499, internal: 500, 'engine-lost': 503, 'cannot-write': 507,
}

interface Pixels {
  shape: [number, number]
  values: Float32Array | Uint8Array
}

/** The function behind /data/, see the routes in shared/contract.ts. `dropFolder`: where dropped files land; null refuses them. */
export function dataRoutes({ cubes, runs, dropFolder }: { cubes: Cubes; runs: Runs; dropFolder: string | null }): (request: Request) => Promise<Response> {
  async function pixelsAt(parts: string[], url: URL, signal: AbortSignal): Promise<Pixels> {
    const [kind, id, what, which] = parts
    if (kind === 'cubes' && what === 'bands' && parts.length === 4) {
      const stride = wholeNumber(url.searchParams.get('stride') ?? '1', 'stride', 1)
      const [lines, samples] = cubes.require(id).entry.description.shape
      const window = windowOf(url.searchParams.get('window'))
      requireAnswerSize(4 * Math.ceil((window?.lines ?? lines) / stride) * Math.ceil((window?.samples ?? samples) / stride), stride)
      return await cubes.band(id, wholeNumber(which, 'band', 0), stride, window, signal)
    }
    if (kind === 'cubes' && what === 'mask' && parts.length === 3) return await cubes.mask(id, signal)
    if (kind === 'runs' && what === 'scores' && parts.length === 3) return await runs.scores(id, signal)
    throw new CuvetteError('missing-file', `There is nothing at ${url.pathname}.`)
  }

  return async (request) => {
    try {
      const url = new URL(request.url)
      const parts = url.pathname.slice(DATA_PREFIX.length).split('/').map(decodePart)
      if (request.method === 'PUT' && parts[0] === 'drop' && parts.length === 2) {
        if (dropFolder === null) throw new CuvetteError('unsupported', 'This window takes dropped files by their path, not by their content.')
        return Response.json({ path: await receiveDrop(dropFolder, parts[1], request) })
      }
      if (request.method !== 'GET') return problemResponse({ code: 'bad-argument', message: `${request.method} is not answered here.` }, 405)
      const { shape, values } = await pixelsAt(parts, url, request.signal)
      return pixelsResponse(shape, values, url.searchParams.has('v'))
    } catch (error) {
      return problemResponse(toProblem(error))
    }
  }
}

/** A problem as JSON with the status that fits its code. */
export function problemResponse(problem: Problem, status: number = STATUS[problem.code] ?? 422): Response {
  return Response.json(problem, { status, headers: { 'cache-control': 'no-store' } })
}

function pixelsResponse(shape: [number, number], values: Float32Array | Uint8Array, versioned: boolean): Response {
  const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
  return new Response(bytes, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.byteLength),
      'x-shape': shape.join(','),
      // A URL with a version always means the same pixels.
      'cache-control': versioned ? 'private, max-age=86400, immutable' : 'no-store',
    },
  })
}

function requireAnswerSize(bytes: number, stride: number): void {
  if (bytes <= ANSWER_LIMIT) return
  const fitting = Math.ceil(stride * Math.sqrt(bytes / ANSWER_LIMIT))
  throw new CuvetteError('bad-argument', `The band has ${Math.round(bytes / 2 ** 20)} MB at stride ${stride}, and one answer may have ${ANSWER_LIMIT / 2 ** 20} MB: ask for stride ${fitting}.`)
}

function windowOf(text: string | null): PixelWindow | null {
  if (text === null) return null
  const [line, sample, lines, samples, ...more] = text.split(',')
  if (samples === undefined || more.length > 0) throw new CuvetteError('bad-argument', `The window "${text}" is not LINE,SAMPLE,LINES,SAMPLES.`)
  return { line: wholeNumber(line, 'line', 0), sample: wholeNumber(sample, 'sample', 0), lines: wholeNumber(lines, 'number of lines', 1), samples: wholeNumber(samples, 'number of samples', 1) }
}

function wholeNumber(text: string, name: string, lowest: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= lowest) return value
  throw new CuvetteError('bad-argument', `The ${name} "${text}" is not a whole number from ${lowest} on.`)
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new CuvetteError('bad-argument', `"${part}" is not a part of a URL.`)
  }
}
