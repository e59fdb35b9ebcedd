import { deflateSync } from 'node:zlib'
import type { CubeDataType } from '../../../src/shared/cube'
import { store, widthOf } from './envi-files'
import type { Value } from './reference-cube'

// A small writer of TIFF files, for tests: element by element, no shortcuts, nothing shared with the reader.

export interface TiffPage {
  lines: number
  samples: number
  bands: number
  dtype: CubeDataType
  value: Value
  planar?: boolean
  compression?: 'none' | 'lzw' | 'deflate' | 'packbits'
  predictor?: 1 | 2 | 3
  /** Lines of a strip; default all. */
  rowsPerStrip?: number
  /** [lines, samples] of a tile. */
  tile?: [number, number]
  /** More tags, or others in the place of those that the page would have; null leaves a tag out. */
  tags?: Record<number, TagValue | null>
  /** Bytes between the blocks, so that they are not evenly spaced. */
  gaps?: boolean
}

export type TagValue = string | { type: 1 | 3 | 4 | 12 | 16; values: number[] }

const codes = { none: 1, lzw: 5, deflate: 8, packbits: 32773 }
const sampleFormats: Partial<Record<CubeDataType, number>> = {
  uint8: 1, uint16: 1, uint32: 1, uint64: 1, int8: 2, int16: 2, int32: 2, int64: 2, float32: 3, float64: 3, complex64: 6, complex128: 6,
}

export function tiffBytes(pages: TiffPage[], { little = true, big = false } = {}): Buffer {
  const head = Buffer.alloc(big ? 16 : 8)
  head.write(little ? 'II' : 'MM', 'latin1')
  put16(head, 2, big ? 43 : 42, little)
  if (big) put16(head, 4, 8, little)
  const parts: Buffer[] = [head]
  let end = head.length
  const append = (bytes: Buffer): number => {
    const at = end + (end % 2)
    if (end % 2) parts.push(Buffer.alloc(1))
    parts.push(bytes)
    end = at + bytes.length
    return at
  }
  let link = { bytes: head, at: big ? 8 : 4 }
  for (const page of pages) {
    const blocks = blocksOf(page, little)
    const offsets = blocks.map((block, n) => append(page.gaps ? Buffer.concat([block, Buffer.alloc(2 + 2 * (n % 3), 0xee)]) : block))
    const tags = tagsOf(page, offsets, blocks.map(({ length }) => length), big)
    const entries = [...tags].sort(([a], [b]) => a - b)
    const directory = Buffer.alloc((big ? 8 : 2) + entries.length * (big ? 20 : 12) + (big ? 8 : 4))
    if (big) put64(directory, 0, entries.length, little)
    else put16(directory, 0, entries.length, little)
    entries.forEach(([tag, value], n) => {
      const at = (big ? 8 : 2) + n * (big ? 20 : 12)
      const { type, count, bytes } = encoded(value, little)
      put16(directory, at, tag, little)
      put16(directory, at + 2, type, little)
      if (big) put64(directory, at + 4, count, little)
      else put32(directory, at + 4, count, little)
      const room = big ? 8 : 4
      if (bytes.length <= room) bytes.copy(directory, at + (big ? 12 : 8))
      else if (big) put64(directory, at + 12, append(bytes), little)
      else put32(directory, at + 8, append(bytes), little)
    })
    const position = append(directory)
    if (big) put64(link.bytes, link.at, position, little)
    else put32(link.bytes, link.at, position, little)
    link = { bytes: directory, at: directory.length - (big ? 8 : 4) }
  }
  return Buffer.concat(parts)
}

function tagsOf(page: TiffPage, offsets: number[], counts: number[], big: boolean): Map<number, TagValue> {
  const { lines, samples, bands, dtype, planar = false, compression = 'none', predictor = 1, rowsPerStrip = lines, tile, tags = {} } = page
  const places = (values: number[]): TagValue => ({ type: big ? 16 : 4, values })
  const bits = (widthOf(dtype) * 8)
  const out = new Map<number, TagValue>([
    [256, { type: 4, values: [samples] }], [257, { type: 4, values: [lines] }], [258, { type: 3, values: new Array<number>(bands).fill(bits) }],
    [259, { type: 3, values: [codes[compression]] }], [262, { type: 3, values: [1] }], [277, { type: 3, values: [bands] }],
    [284, { type: 3, values: [planar ? 2 : 1] }], [339, { type: 3, values: new Array<number>(bands).fill(sampleFormats[dtype] ?? 1) }],
  ])
  if (predictor !== 1) out.set(317, { type: 3, values: [predictor] })
  if (tile) {
    out.set(322, { type: 3, values: [tile[1]] }).set(323, { type: 3, values: [tile[0]] }).set(324, places(offsets)).set(325, places(counts))
  } else {
    out.set(278, { type: 4, values: [rowsPerStrip] }).set(273, places(offsets)).set(279, places(counts))
  }
  for (const [tag, value] of Object.entries(tags)) {
    if (value === null) out.delete(Number(tag))
    else out.set(Number(tag), value)
  }
  return out
}

function blocksOf(page: TiffPage, little: boolean): Buffer[] {
  const { lines, samples, bands, planar = false, rowsPerStrip = lines, tile } = page
  const [height, width] = tile ?? [Math.min(rowsPerStrip, lines), samples]
  const blocks: Buffer[] = []
  for (const chosen of planar ? range(bands).map((band) => [band]) : [range(bands)]) {
    for (let top = 0; top < lines; top += height) {
      const rows = tile ? height : Math.min(height, lines - top)
      for (let left = 0; left < samples; left += width) blocks.push(packed(page, blockOf(page, chosen, top, left, rows, width, little), width, chosen.length, little))
    }
  }
  return blocks
}

function blockOf({ lines, samples, dtype, value }: TiffPage, bands: number[], top: number, left: number, rows: number, width: number, little: boolean): Buffer {
  const bytes = Buffer.alloc(rows * width * bands.length * widthOf(dtype), 0x55)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < width; column += 1) {
      if (top + row >= lines || left + column >= samples) continue
      bands.forEach((band, n) => store(view, ((row * width + column) * bands.length + n) * widthOf(dtype), dtype, value(top + row, left + column, band), little))
    }
  }
  return bytes
}

function packed({ dtype, compression = 'none', predictor = 1 }: TiffPage, raw: Buffer, width: number, step: number, little: boolean): Buffer {
  const bytes = predictor === 2 ? differences(raw, widthOf(dtype), width, step, little) : predictor === 3 ? floatDifferences(raw, widthOf(dtype), width, step, little) : raw
  if (compression === 'deflate') return deflateSync(bytes)
  if (compression === 'packbits') return packBits(bytes)
  if (compression === 'lzw') return lzw(bytes)
  return bytes
}

function differences(raw: Buffer, bytesPerNumber: number, width: number, step: number, little: boolean): Buffer {
  const out = Buffer.from(raw)
  const read = (at: number): bigint => {
    let value = 0n
    for (let n = 0; n < bytesPerNumber; n += 1) value |= BigInt(raw[at + (little ? n : bytesPerNumber - 1 - n)]) << BigInt(8 * n)
    return value
  }
  const line = width * step * bytesPerNumber
  for (let at = 0; at < raw.length; at += bytesPerNumber) {
    if (at % line < step * bytesPerNumber) continue
    const difference = BigInt.asUintN(8 * bytesPerNumber, read(at) - read(at - step * bytesPerNumber))
    for (let n = 0; n < bytesPerNumber; n += 1) out[at + (little ? n : bytesPerNumber - 1 - n)] = Number((difference >> BigInt(8 * n)) & 0xffn)
  }
  return out
}

function floatDifferences(raw: Buffer, bytesPerNumber: number, width: number, step: number, little: boolean): Buffer {
  const numbers = width * step
  const line = numbers * bytesPerNumber
  const out = Buffer.alloc(raw.length)
  for (let start = 0; start < raw.length; start += line) {
    for (let number = 0; number < numbers; number += 1) {
      for (let byte = 0; byte < bytesPerNumber; byte += 1) {
        out[start + byte * numbers + number] = raw[start + number * bytesPerNumber + (little ? bytesPerNumber - 1 - byte : byte)]
      }
    }
    for (let n = line - 1; n >= step; n -= 1) out[start + n] = (out[start + n] - out[start + n - step]) & 0xff
  }
  return out
}

function packBits(bytes: Buffer): Buffer {
  const out: number[] = []
  for (let at = 0; at < bytes.length; ) {
    let run = 1
    while (at + run < bytes.length && run < 128 && bytes[at + run] === bytes[at]) run += 1
    if (run > 1) {
      out.push(257 - run, bytes[at])
      at += run
    } else {
      // Also the control byte that means nothing.
      if (out.length % 7 === 0) out.push(128)
      out.push(0, bytes[at])
      at += 1
    }
  }
  return Buffer.from(out)
}

function lzw(bytes: Buffer): Buffer {
  const out: number[] = []
  let held = 0
  let count = 0
  let width = 9
  const emit = (code: number): void => {
    held = (held << width) | code
    count += width
    while (count >= 8) {
      out.push((held >> (count - 8)) & 0xff)
      count -= 8
      held &= (1 << count) - 1
    }
  }
  let table = new Map<string, number>()
  let next = 258
  emit(256)
  let string = ''
  const codeOf = (text: string): number => (text.length === 1 ? text.charCodeAt(0) : table.get(text) ?? -1)
  for (const byte of bytes) {
    const longer = string + String.fromCharCode(byte)
    if (codeOf(longer) >= 0) {
      string = longer
      continue
    }
    emit(codeOf(string))
    table.set(longer, next)
    next += 1
    if (next === 512 || next === 1024 || next === 2048) width += 1
    if (next === 4095) {
      emit(256)
      table = new Map()
      next = 258
      width = 9
    }
    string = String.fromCharCode(byte)
  }
  if (string !== '') emit(codeOf(string))
  // The decoder has made one more code by now.
  next += 1
  if (next === 512 || next === 1024 || next === 2048) width += 1
  emit(257)
  if (count > 0) out.push((held << (8 - count)) & 0xff)
  return Buffer.from(out)
}

function encoded(value: TagValue, little: boolean): { type: number; count: number; bytes: Buffer } {
  if (typeof value === 'string') {
    const bytes = Buffer.from(`${value}\0`, 'utf8')
    return { type: 2, count: bytes.length, bytes }
  }
  const { type, values } = value
  const width = { 1: 1, 3: 2, 4: 4, 12: 8, 16: 8 }[type]
  const bytes = Buffer.alloc(values.length * width)
  values.forEach((number, n) => {
    const at = n * width
    if (type === 1) bytes[at] = number
    else if (type === 3) put16(bytes, at, number, little)
    else if (type === 4) put32(bytes, at, number, little)
    else if (type === 16) put64(bytes, at, number, little)
    else if (little) bytes.writeDoubleLE(number, at)
    else bytes.writeDoubleBE(number, at)
  })
  return { type, count: values.length, bytes }
}

function put16(bytes: Buffer, at: number, value: number, little: boolean): void {
  if (little) bytes.writeUInt16LE(value, at)
  else bytes.writeUInt16BE(value, at)
}

function put32(bytes: Buffer, at: number, value: number, little: boolean): void {
  if (little) bytes.writeUInt32LE(value, at)
  else bytes.writeUInt32BE(value, at)
}

function put64(bytes: Buffer, at: number, value: number, little: boolean): void {
  if (little) bytes.writeBigUInt64LE(BigInt(value), at)
  else bytes.writeBigUInt64BE(BigInt(value), at)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
