/** A tag and its values; little-endian in the file. */
export type TiffTag =
  | { tag: number; type: 'short' | 'long' | 'long8' | 'double'; values: readonly number[] }
  | { tag: number; type: 'text'; text: string }

const TYPES = {
  text: { code: 2, bytes: 1 }, short: { code: 3, bytes: 2 }, long: { code: 4, bytes: 4 }, double: { code: 12, bytes: 8 }, long8: { code: 16, bytes: 8 },
} as const

/** Bytes of header, directory and values, without what fills them up. */
export function directoryLength(tags: readonly TiffTag[], big: boolean): number {
  const { head, count, entry, room } = sizes(big)
  const outside = tags.reduce((sum, tag) => sum + (lengthOf(tag) > room ? even(lengthOf(tag)) : 0), 0)
  return head + count + tags.length * entry + room + outside
}

/** The start of a file with one page: header, directory, values, filled up to `length` bytes. Tags are put in order. */
export function directoryBytes(tags: readonly TiffTag[], big: boolean, length: number): Uint8Array {
  const { head, count, entry, room } = sizes(big)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  const place = (at: number, value: number): void => {
    if (big) view.setBigUint64(at, BigInt(value), true)
    else view.setUint32(at, value, true)
  }
  bytes.set([0x49, 0x49, big ? 43 : 42, 0])
  if (big) view.setUint16(4, 8, true)
  place(big ? 8 : 4, head)
  if (big) view.setBigUint64(head, BigInt(tags.length), true)
  else view.setUint16(head, tags.length, true)
  let outside = head + count + tags.length * entry + room
  ;[...tags].sort((a, b) => a.tag - b.tag).forEach((tag, n) => {
    const at = head + count + n * entry
    const { code, bytes: width } = TYPES[tag.type]
    view.setUint16(at, tag.tag, true)
    view.setUint16(at + 2, code, true)
    place(at + 4, lengthOf(tag) / width)
    let values = at + (big ? 12 : 8)
    if (lengthOf(tag) > room) {
      place(values, outside)
      values = outside
      outside += even(lengthOf(tag))
    }
    put(view, values, tag)
  })
  return bytes
}

function sizes(big: boolean): { head: number; count: number; entry: number; room: number } {
  return big ? { head: 16, count: 8, entry: 20, room: 8 } : { head: 8, count: 2, entry: 12, room: 4 }
}

function lengthOf(tag: TiffTag): number {
  return tag.type === 'text' ? new TextEncoder().encode(tag.text).length + 1 : tag.values.length * TYPES[tag.type].bytes
}

function even(length: number): number {
  return length + (length % 2)
}

function put(view: DataView, at: number, tag: TiffTag): void {
  if (tag.type === 'text') {
    new Uint8Array(view.buffer).set(new TextEncoder().encode(tag.text), at)
    return
  }
  const { type } = tag
  const { bytes } = TYPES[type]
  tag.values.forEach((value, n) => {
    if (type === 'short') view.setUint16(at + n * bytes, value, true)
    else if (type === 'long') view.setUint32(at + n * bytes, value, true)
    else if (type === 'double') view.setFloat64(at + n * bytes, value, true)
    else view.setBigUint64(at + n * bytes, BigInt(value), true)
  })
}
