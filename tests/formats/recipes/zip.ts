import { crc32, deflateRawSync } from 'node:zlib'
import * as v from 'valibot'

/** How one file is put into an archive, and what its headers claim against the truth. */
export const packing = {
  deflate: v.optional(v.boolean(), false),
  zip64: v.optional(v.boolean(), false),
  /** What the directory says instead of the truth. */
  claim: v.optional(v.strictObject({ size: v.optional(v.number()), packed: v.optional(v.number()), start: v.optional(v.number()), method: v.optional(v.number()), checksum: v.optional(v.number()), flags: v.optional(v.number()) }), {}),
}

export interface Packed {
  name: string
  content: Uint8Array
  deflate: boolean
  zip64: boolean
  claim: { size?: number; packed?: number; start?: number; method?: number; checksum?: number; flags?: number }
}

/** An archive, field by field. (APPNOTE 4.3) */
export function zipBytes(members: readonly Packed[], { comment = '', end64 = false, count = members.length } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  const add = (part: Buffer): void => {
    parts.push(part)
    at += part.length
  }
  for (const { name, content, deflate, zip64, claim } of members) {
    const stored = deflate ? deflateRawSync(content) : Buffer.from(content)
    const fact = { method: deflate ? 8 : 0, checksum: crc32(content), size: content.length, packed: stored.length, start: at, flags: 0, ...claim }
    const extra = zip64 ? sixtyFour([fact.size, fact.packed]) : Buffer.alloc(0)
    const central = zip64 ? sixtyFour([fact.size, fact.packed, fact.start]) : Buffer.alloc(0)
    const shared = (to: Buffer, from: number): void => {
      to.writeUInt16LE(fact.flags, from)
      to.writeUInt16LE(fact.method, from + 2)
      to.writeUInt32LE(fact.checksum >>> 0, from + 8)
      to.writeUInt32LE(zip64 ? 0xffffffff : fact.packed, from + 12)
      to.writeUInt32LE(zip64 ? 0xffffffff : fact.size, from + 16)
      to.writeUInt16LE(Buffer.byteLength(name), from + 20)
    }
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    shared(local, 6)
    local.writeUInt16LE(extra.length, 28)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    shared(entry, 8)
    entry.writeUInt16LE(central.length, 30)
    entry.writeUInt32LE(zip64 ? 0xffffffff : fact.start, 42)
    for (const part of [local, Buffer.from(name), extra, stored]) add(part)
    directory.push(entry, Buffer.from(name), central)
  }
  const offset = at
  for (const part of directory) add(part)
  if (end64) {
    const place = at
    const record = Buffer.alloc(56)
    record.writeUInt32LE(0x06064b50, 0)
    record.writeBigUInt64LE(BigInt(count), 32)
    record.writeBigUInt64LE(BigInt(offset), 48)
    const locator = Buffer.alloc(20)
    locator.writeUInt32LE(0x07064b50, 0)
    locator.writeBigUInt64LE(BigInt(place), 8)
    add(record)
    add(locator)
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(end64 ? 0xffff : count, 10)
  end.writeUInt32LE(end64 ? 0xffffffff : offset, 16)
  end.writeUInt16LE(Buffer.byteLength(comment), 20)
  return Buffer.concat([...parts, end, Buffer.from(comment)])
}

function sixtyFour(values: number[]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * values.length)
  bytes.writeUInt16LE(1, 0)
  bytes.writeUInt16LE(8 * values.length, 2)
  values.forEach((value, n) => bytes.writeBigUInt64LE(BigInt(value), 4 + 8 * n))
  return bytes
}
