import { endianness } from 'node:os'
import { inflateSync } from 'node:zlib'

export type Compression = 'none' | 'lzw' | 'deflate' | 'packbits'

/** Codes of the compression tag; those without a kind are only named. */
export const COMPRESSIONS: Record<number, { name: string; kind?: Compression } | undefined> = {
  1: { name: 'none', kind: 'none' }, 2: { name: 'CCITT' }, 3: { name: 'CCITT fax 3' }, 4: { name: 'CCITT fax 4' }, 5: { name: 'LZW', kind: 'lzw' },
  6: { name: 'old JPEG' }, 7: { name: 'JPEG' }, 8: { name: 'Deflate', kind: 'deflate' }, 32773: { name: 'PackBits', kind: 'packbits' },
  32946: { name: 'Deflate', kind: 'deflate' }, 34712: { name: 'JPEG 2000' }, 34887: { name: 'LERC' }, 34925: { name: 'LZMA' },
  50000: { name: 'Zstandard' }, 50001: { name: 'WebP' }, 50002: { name: 'JPEG XL' },
}

/** Thrown for damaged data; the reader adds file and place. */
export class DecompressionError extends Error {}

/**
 * Decompresses one block to exactly `length` bytes. Up to `limit` bytes may be in it (a last strip that was filled up);
 * more are damage, and are not decompressed. Throws DecompressionError.
 */
export function decompress(bytes: Uint8Array, compression: Compression, length: number, limit = length): Uint8Array {
  if (compression === 'deflate') return inflate(bytes, length, limit)
  if (compression === 'lzw') return lzw(bytes, length)
  if (compression === 'packbits') return packBits(bytes, length)
  return bytes
}

function inflate(bytes: Uint8Array, length: number, limit: number): Uint8Array {
  try {
    const out = inflateSync(bytes, { maxOutputLength: limit })
    if (out.length < length) throw new DecompressionError(`only ${out.length} of ${length} bytes`)
    return out.subarray(0, length)
  } catch (error) {
    if (error instanceof DecompressionError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new DecompressionError(code === 'ERR_BUFFER_TOO_LARGE' ? `more than its ${limit} bytes` : 'damaged Deflate data')
  }
}

/** TIFF 6.0, section 9: a control byte n copies n + 1 bytes (n < 128), repeats one byte 257 - n times (n > 128), or does nothing (128). */
function packBits(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  let written = 0
  for (let at = 0; at < bytes.length && written < length; ) {
    const control = bytes[at++]
    if (control < 128) {
      const run = bytes.subarray(at, at + Math.min(control + 1, length - written))
      out.set(run, written)
      at += control + 1
      written += run.length
    } else if (control > 128 && at < bytes.length) {
      const end = Math.min(written + 257 - control, length)
      out.fill(bytes[at++], written, end)
      written = end
    }
  }
  if (written < length) throw new DecompressionError(`only ${written} of ${length} bytes`)
  return out
}

const CLEAR = 256
const END = 257
const FIRST_FREE = 258

/** TIFF 6.0, section 13: codes of 9 to 12 bits, most significant bit first; the width grows one code early. */
function lzw(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  // A string is where it was last written: start and length in the output.
  const starts = new Uint32Array(4096)
  const lengths = new Uint32Array(4096)
  let written = 0
  let next = FIRST_FREE
  let width = 9
  let previousStart = 0
  let previousLength = 0
  let bits = 0
  let held = 0
  for (let at = 0; written < length; ) {
    while (held < width && at < bytes.length) {
      bits = ((bits << 8) | bytes[at++]) & 0xffffff
      held += 8
    }
    if (held < width) throw new DecompressionError(`only ${written} of ${length} bytes`)
    held -= width
    const code = (bits >>> held) & ((1 << width) - 1)
    if (code === END) throw new DecompressionError(`only ${written} of ${length} bytes`)
    if (code === CLEAR) {
      next = FIRST_FREE
      width = 9
      previousLength = 0
      continue
    }
    const start = written
    if (code < CLEAR) {
      out[written++] = code
    } else {
      // The code that is just being made is the previous string and its own first byte.
      const own = code === next && previousLength > 0
      if (code > next || (code === next && !own) || code < FIRST_FREE) throw new DecompressionError(`an LZW code ${code} that was never made, after ${written} bytes`)
      const from = own ? previousStart : starts[code]
      const size = own ? previousLength + 1 : lengths[code]
      for (let n = 0; n < size && written < length; n += 1) {
        out[written] = out[from + n]
        written += 1
      }
    }
    // A full table stays as it is until it is cleared.
    if (previousLength > 0 && next < 4096) {
      starts[next] = previousStart
      lengths[next] = previousLength + 1
      next += 1
      if (next >= (1 << width) - 1 && width < 12) width += 1
    }
    previousStart = start
    previousLength = written - start
  }
  return out
}

export const HOST_IS_LITTLE = endianness() === 'LE'

/** Undoes predictor 2 in place: each number is the sum of the differences before it in its line. Leaves host byte order. */
export function addDifferences(bytes: Uint8Array, bytesPerNumber: number, littleEndian: boolean, numbersPerLine: number, step: number): void {
  const foreign = littleEndian !== HOST_IS_LITTLE
  const { buffer, byteOffset, byteLength } = bytes
  const count = byteLength / bytesPerNumber
  if (foreign && bytesPerNumber > 1) swap(bytes, bytesPerNumber)
  if (bytesPerNumber === 8) {
    const wide = new BigUint64Array(buffer, byteOffset, count)
    for (let line = 0; line < count; line += numbersPerLine) for (let n = line + step; n < line + numbersPerLine; n += 1) wide[n] += wide[n - step]
    return
  }
  const numbers =
    bytesPerNumber === 1 ? bytes
    : bytesPerNumber === 2 ? new Uint16Array(buffer, byteOffset, count)
    : new Uint32Array(buffer, byteOffset, count)
  for (let line = 0; line < count; line += numbersPerLine) for (let n = line + step; n < line + numbersPerLine; n += 1) numbers[n] += numbers[n - step]
}

/**
 * Undoes predictor 3: the bytes of a line are differences, sorted by significance, most significant first whatever
 * the file's byte order (Adobe TIFF technical note 3). Answers host byte order.
 */
export function joinFloats(bytes: Uint8Array, bytesPerNumber: number, numbersPerLine: number, step: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  const lineBytes = numbersPerLine * bytesPerNumber
  for (let line = 0; line < bytes.length; line += lineBytes) {
    for (let n = line + step; n < line + lineBytes; n += 1) bytes[n] += bytes[n - step]
    for (let number = 0; number < numbersPerLine; number += 1) {
      for (let byte = 0; byte < bytesPerNumber; byte += 1) {
        const place = HOST_IS_LITTLE ? bytesPerNumber - 1 - byte : byte
        out[line + number * bytesPerNumber + place] = bytes[line + byte * numbersPerLine + number]
      }
    }
  }
  return out
}

function swap(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (width === 2) buffer.swap16()
  else if (width === 4) buffer.swap32()
  else buffer.swap64()
}
