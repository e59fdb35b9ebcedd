import { readFile } from 'node:fs/promises'
import { crc32, inflateSync } from 'node:zlib'
import type { ClassDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { fileSize } from '../bytes'
import type { CubeFormat } from '../cube'
import { classImageCube } from './class-image'

/** Masks of 16,384 x 16,384 pixels stay below this, compressed. */
const LARGEST_FILE = 256 * 1024 * 1024
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const GREY = 0
const COLOUR = 2
const PALETTE = 3
const CHANNELS: Record<number, number> = { [GREY]: 1, [COLOUR]: 3, [PALETTE]: 1, 4: 2, 6: 4 }

interface PngHeader {
  lines: number
  samples: number
  depth: number
  colourType: number
  channels: number
}

/**
 * A PNG picture as a mask. Grey: the values are the classes (also of 1, 2, 4 and 16 bits). Palette: the indices are.
 * Colours: black is 0, every other colour a class of its own, in the order of its red, green and blue. What is fully
 * transparent is 0.
 */
export const png: CubeFormat = {
  name: 'PNG',
  async recognises(_path, head) {
    return SIGNATURE.every((byte, at) => head[at] === byte)
  },
  async open(path, options) {
    if (options.variable) throw new CuvetteError('bad-mask', `${path} is one picture without a name; leave out "#${options.variable}".`, { path })
    const size = await fileSize(path)
    if (size > LARGEST_FILE) throw new CuvetteError('bad-mask', `${path} holds ${size} bytes, more than the ${LARGEST_FILE} of a mask that is read; save it as ENVI.`, { path })
    const bytes = await readFile(path)
    const header = parseHeader(bytes, path)
    const classes: ClassDescription[] = []
    const draw = async (): Promise<Uint8Array | Uint16Array> => classesOf(await decoded(bytes, header, path), header, classes, path)
    const { lines, samples, depth, colourType } = header
    return classImageCube({ path, variable: null, format: 'PNG', lines, samples, classes, warnings: [], draw }, depth === 16 && colourType !== COLOUR, options)
  },
}

function parseHeader(bytes: Uint8Array, path: string): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 33) throw damaged(path, 'it ends inside its header', 'truncated')
  if (text(bytes, 12) !== 'IHDR' || view.getUint32(8) !== 13) throw damaged(path, 'its header is missing')
  const [samples, lines, depth, colourType] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25]]
  const channels = CHANNELS[colourType]
  if (samples < 1 || lines < 1 || channels === undefined || ![1, 2, 4, 8, 16].includes(depth)) throw damaged(path, `its header states ${samples} x ${lines} pixels of ${depth} bits, colour type ${colourType}`)
  if (depth === 16 && channels >= 3) throw new CuvetteError('bad-mask', `The mask ${path} has colours of 16 bits; save it in grey, with a palette, or in colours of 8 bits.`, { path })
  if (bytes[28] !== 0 && depth < 8) throw new CuvetteError('bad-mask', `The mask ${path} is interlaced with ${depth} bits; save it without interlace or with 8 bits.`, { path })
  return { lines, samples, depth, colourType, channels }
}

interface Decoded {
  /** One number for every channel of every pixel. */
  values: ArrayLike<number>
  palette: readonly number[][] | undefined
}

/**
 * Only the chunks that a picture needs reach the decoder, and only if their data is of the size that the header states:
 * the decoder itself knows no bounds.
 */
async function decoded(bytes: Uint8Array, header: PngHeader, path: string): Promise<Decoded> {
  const chunks = neededChunks(bytes, path)
  const { lines, samples, depth, channels } = header
  const stored = chunks.filter(({ type }) => type === 'IDAT').map(({ content }) => content)
  const interlaced = bytes[28] !== 0
  const row = 1 + Math.ceil((samples * channels * depth) / 8)
  // Seven passes: no more than twice the rows, each with its filter byte.
  const most = interlaced ? lines * row + 2 * (lines + 8) + 7 * (lines + 1) : lines * row
  let inflated: number
  try {
    inflated = inflateSync(Buffer.concat(stored), { maxOutputLength: most }).length
  } catch (error) {
    throw damaged(path, `its data is damaged or not of ${samples} x ${lines} pixels`, 'bad-data', error)
  }
  if (!interlaced && inflated !== most) throw damaged(path, `its data is of ${inflated} bytes, ${most} were expected`, 'truncated')
  const { decode } = await import('fast-png')
  try {
    const { data, palette } = decode(Buffer.concat([bytes.subarray(0, 8), ...chunks.map(({ raw }) => raw)]))
    return { values: depth < 8 ? unpacked(data, header) : data, palette }
  } catch (error) {
    throw damaged(path, 'its data is damaged', 'bad-data', error)
  }
}

function neededChunks(bytes: Uint8Array, path: string): { type: string; content: Uint8Array; raw: Uint8Array }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunks = []
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw damaged(path, 'its end is missing', 'truncated')
    const length = view.getUint32(at)
    const type = text(bytes, at + 4)
    const end = at + 12 + length
    if (end > bytes.length) throw damaged(path, `its part ${type} is cut off`, 'truncated')
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'].includes(type)) {
      if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) throw damaged(path, `the check sum of its part ${type} differs`)
      chunks.push({ type, content: bytes.subarray(at + 8, end - 4), raw: bytes.subarray(at, end) })
    }
    if (type === 'IEND') return chunks
    at = end
  }
}

/** Pixels of less than a byte, each line beginning with a byte of its own. */
function unpacked(data: ArrayLike<number>, { lines, samples, depth }: PngHeader): Uint8Array {
  const row = Math.ceil((samples * depth) / 8)
  const out = new Uint8Array(lines * samples)
  for (let line = 0; line < lines; line += 1) {
    for (let sample = 0; sample < samples; sample += 1) {
      const bit = sample * depth
      out[line * samples + sample] = (data[line * row + (bit >> 3)] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
    }
  }
  return out
}

function classesOf({ values, palette }: Decoded, { lines, samples, channels, colourType, depth }: PngHeader, classes: ClassDescription[], path: string): Uint8Array | Uint16Array {
  const pixels = lines * samples
  if (colourType === PALETTE) {
    for (const [id, [red, green, blue]] of (palette ?? []).entries()) classes.push({ id, name: null, colour: [red, green, blue] })
    return Uint8Array.from({ length: pixels }, (_, n) => values[n])
  }
  const opaque = (n: number): boolean => channels % 2 === 1 || values[n * channels + channels - 1] !== 0
  if (channels <= 2) {
    const out = depth === 16 ? new Uint16Array(pixels) : new Uint8Array(pixels)
    for (let n = 0; n < pixels; n += 1) out[n] = opaque(n) ? values[n * channels] : 0
    return out
  }
  const colours = new Uint32Array(pixels)
  for (let n = 0; n < pixels; n += 1) colours[n] = opaque(n) ? (values[n * channels] << 16) | (values[n * channels + 1] << 8) | values[n * channels + 2] : 0
  const ids = new Map<number, number>([[0, 0]])
  const found = new Set<number>()
  for (const colour of colours) if (found.size <= 256) found.add(colour)
  for (const colour of [...found].sort((a, b) => a - b)) if (!ids.has(colour)) ids.set(colour, ids.size)
  if (ids.size > 256) throw new CuvetteError('bad-mask', `The mask ${path} has more than 255 colours; it looks like a photo, and a mask has one colour for each class.`, { path })
  for (const [colour, id] of ids) classes.push({ id, name: `#${colour.toString(16).padStart(6, '0')}`, colour: [colour >> 16, (colour >> 8) & 255, colour & 255] })
  return Uint8Array.from(colours, (colour) => ids.get(colour) ?? 0)
}

function text(bytes: Uint8Array, at: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(at, at + 4))
}

function damaged(path: string, problem: string, code: 'bad-data' | 'truncated' = 'bad-data', cause?: unknown): CuvetteError {
  return new CuvetteError(code, `The PNG picture ${path} cannot be read: ${problem}; copy or export it again.`, { path, cause })
}
