import type { ByteSource } from './bytes'
import { throwIfCancelled } from './bytes'
import type { Decode } from './numbers'
import type { Selection } from './windowed-cube'

export interface AxisSelection extends Selection {
  /** Elements in the file between neighbours along this axis. */
  step: number
}

export interface StridedRead {
  source: ByteSource
  /** Byte position of element 0. */
  base: number
  bytesPerElement: number
  decode: Decode
  /** Whether the bytes of the file may lie where `decode` writes the numbers. */
  inPlace?: boolean
  axes: AxisSelection[]
  out: Float32Array
  /** Largest read, in bytes. */
  pieceBytes: number
  signals: (AbortSignal | undefined)[]
}

/** Unwanted bytes shorter than this are read over: cheaper than a second read. */
export const GAP_BYTES = 32 * 1024
const PENDING = 4096
const AT_ONCE = 8

/** Elements at equal distances in the file that go to equal distances in the output. */
interface Run {
  first: number
  step: number
  count: number
  target: number
  targetStep: number
}

/** A stretch of the file and the runs in it. */
interface Piece {
  /** In elements. */
  start: number
  end: number
  pending: number
  starts: Float64Array
  targets: Float64Array
  shapes: Uint32Array
  bytes: Uint8Array
  numbers: Float32Array
}

function emptyPiece(): Piece {
  return {
    start: 0, end: 0, pending: 0,
    starts: new Float64Array(PENDING), targets: new Float64Array(PENDING), shapes: new Uint32Array(PENDING),
    bytes: new Uint8Array(0), numbers: new Float32Array(0),
  }
}

/**
 * Reads a box of a strided array of up to three axes in ascending file order: neighbouring runs are
 * gathered into pieces of at most `pieceBytes`, each piece is decoded once and scattered to `out`.
 */
export async function readStrided(read: StridedRead): Promise<void> {
  const { bytesPerElement: width, out } = read
  const pieceElements = Math.max(1, Math.floor(read.pieceBytes / width))
  const gapElements = Math.min(Math.floor(GAP_BYTES / width), pieceElements)

  // An axis with one index only moves the origin.
  let origin = 0
  let originTarget = 0
  const axes: AxisSelection[] = []
  for (const axis of read.axes) {
    if (axis.indices.length === 0) return
    if (axis.indices.length > 1) axes.push(axis)
    else {
      origin += axis.indices[0] * axis.step
      originTarget += axis.targets[0]
    }
  }
  axes.sort((a, b) => b.step - a.step)
  const one: AxisSelection = { step: 0, indices: [0], targets: [0] }
  while (axes.length < 3) axes.unshift(one)
  const [slow, middle, fast] = axes
  const stretch = stretchOf([fast, middle, slow])
  if (stretch !== null) return await readStretch(read, origin + stretch.first, originTarget + stretch.target, stretch.count)
  const runs = runsAlong(fast, gapElements, pieceElements)

  let piece = emptyPiece()
  const spare: Piece[] = []
  const underWay: { done: Promise<void>; elements: number }[] = []

  async function fetch(next: Piece): Promise<void> {
    const count = next.end - next.start
    if (next.numbers.length < count) {
      next.numbers = new Float32Array(count)
      next.bytes = new Uint8Array(count * width)
    }
    const bytes = next.bytes.subarray(0, count * width)
    await read.source.read(read.base + next.start * width, bytes)
    read.decode(bytes, count, next.numbers)
    for (let p = 0; p < next.pending; p += 1) scatter(next.numbers, next.starts[p] - next.start, out, next.targets[p], runs[next.shapes[p]])
    next.pending = 0
    spare.push(next)
  }

  /** Small pieces are read several at a time; together they stay below the size of one large piece. */
  async function flush(): Promise<void> {
    if (piece.pending === 0) return
    throwIfCancelled(read.source.path, ...read.signals)
    const elements = piece.end - piece.start
    while (underWay.length > 0 && (underWay.length >= AT_ONCE || underWay.reduce((sum, other) => sum + other.elements, elements) > pieceElements)) {
      await underWay[0].done
      underWay.shift()
    }
    const done = fetch(piece)
    // Looked at in order below; until then a failure of a later one must not count as unhandled.
    done.catch(() => undefined)
    underWay.push({ done, elements })
    piece = spare.pop() ?? emptyPiece()
  }

  try {
    for (let i = 0; i < slow.indices.length; i += 1) {
      for (let j = 0; j < middle.indices.length; j += 1) {
        const offset = origin + slow.indices[i] * slow.step + middle.indices[j] * middle.step
        const target = originTarget + slow.targets[i] + middle.targets[j]
        for (let k = 0; k < runs.length; k += 1) {
          const start = offset + runs[k].first
          const end = start + (runs[k].count - 1) * runs[k].step + 1
          // A band asked for twice makes the order step back.
          const apart = start < piece.start || start - piece.end > gapElements || end - piece.start > pieceElements
          if (piece.pending === PENDING || (piece.pending > 0 && apart)) await flush()
          if (piece.pending === 0) piece.start = piece.end = start
          piece.starts[piece.pending] = start
          piece.targets[piece.pending] = target + runs[k].target
          piece.shapes[piece.pending] = k
          piece.pending += 1
          piece.end = Math.max(piece.end, end)
        }
      }
    }
    await flush()
    for (const { done } of underWay) await done
  } finally {
    // Nobody may close the file, or meet a second failure, while reads are still under way.
    await Promise.allSettled(underWay.map(({ done }) => done))
  }
}

/** Where axes, fastest first, are one stretch of the file that goes to one stretch of the output; null where they are not. */
function stretchOf(axes: readonly AxisSelection[]): { first: number; target: number; count: number } | null {
  const stretch = { first: 0, target: 0, count: 1 }
  for (const { step, indices, targets } of axes) {
    if (indices.length > 1 && !(step === stretch.count && isEvery(indices, 1) && isEvery(targets, stretch.count))) return null
    stretch.first += indices[0] * step
    stretch.target += targets[0]
    stretch.count *= indices.length
  }
  return stretch
}

function isEvery(numbers: ArrayLike<number>, step: number): boolean {
  for (let index = 1; index < numbers.length; index += 1) if (numbers[index] - numbers[index - 1] !== step) return false
  return true
}

/** Reads elements in a row, without the detour over pieces where the numbers are stored as they are wanted. */
async function readStretch({ source, base, bytesPerElement: width, decode, inPlace, out, pieceBytes, signals }: StridedRead, first: number, target: number, count: number): Promise<void> {
  const pieceElements = Math.max(1, Math.floor(pieceBytes / width))
  const buffer = inPlace ? null : new Uint8Array(Math.min(count, pieceElements) * width)
  for (let done = 0; done < count; done += pieceElements) {
    throwIfCancelled(source.path, ...signals)
    const size = Math.min(pieceElements, count - done)
    const numbers = out.subarray(target + done, target + done + size)
    const bytes = buffer ? buffer.subarray(0, size * width) : new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    await source.read(base + (first + done) * width, bytes)
    decode(bytes, size, numbers)
  }
}

function scatter(from: Float32Array, start: number, out: Float32Array, target: number, run: Run): void {
  const { count, step, targetStep } = run
  if (step === 1 && targetStep === 1 && count > 16) {
    out.set(from.subarray(start, start + count), target)
    return
  }
  for (let n = 0, source = start, to = target; n < count; n += 1, source += step, to += targetStep) out[to] = from[source]
}

function runsAlong(axis: AxisSelection, gapElements: number, pieceElements: number): Run[] {
  const { indices, targets } = axis
  const runs: Run[] = []
  for (let start = 0; start < indices.length; ) {
    const run: Run = { first: indices[start] * axis.step, step: 1, count: 1, target: targets[start], targetStep: 1 }
    if (start + 1 < indices.length) {
      run.step = (indices[start + 1] - indices[start]) * axis.step
      run.targetStep = targets[start + 1] - targets[start]
      if (run.step - 1 <= gapElements) {
        const longest = Math.floor((pieceElements - 1) / Math.max(run.step, 1)) + 1
        let next = start + 1
        while (
          next < indices.length && run.count < longest &&
          (indices[next] - indices[next - 1]) * axis.step === run.step && targets[next] - targets[next - 1] === run.targetStep
        ) {
          run.count += 1
          next += 1
        }
      }
    }
    runs.push(run)
    start += run.count
  }
  return runs
}
