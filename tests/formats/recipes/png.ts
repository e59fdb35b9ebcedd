import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import * as v from 'valibot'
import { recipe } from './recipe'

const settings = v.strictObject({
  file: v.optional(v.string(), 'mask.png'),
  width: v.optional(v.number(), 4),
  height: v.optional(v.number(), 3),
  depth: v.optional(v.number(), 8),
  /** 0 grey, 2 colours, 3 palette, 4 grey and alpha, 6 colours and alpha. */
  colourType: v.optional(v.number(), 0),
  palette: v.optional(v.array(v.number())),
  /** Bytes of each row in hexadecimal. */
  rows: v.array(v.string()),
  interlace: v.optional(v.number(), 0),
  /** Zeros behind the rows. */
  surplus: v.optional(v.number(), 0),
  /** Parts before the data that no decoder needs, by name. */
  extra: v.optional(v.string()),
  /** Writes a cube of the same size beside it and opens that. */
  withCube: v.optional(v.boolean(), false),
})

/** A small PNG picture, filter 0. (PNG specification, second edition) */
export const png = {
  png: recipe(settings, (folder, { file, width, height, depth, colourType, palette, rows, interlace, surplus, extra, withCube }) => {
    const head = Buffer.alloc(13)
    head.writeUInt32BE(width, 0)
    head.writeUInt32BE(height, 4)
    head.set([depth, colourType, 0, 0, interlace], 8)
    const raw = Buffer.concat([...rows.map((row) => Buffer.from(`00${row.replaceAll(' ', '')}`, 'hex')), Buffer.alloc(surplus)])
    const parts = [part('IHDR', head), ...(extra ? [part(extra, deflateSync(Buffer.alloc(64)))] : []), ...(palette ? [part('PLTE', Buffer.from(palette))] : []), part('IDAT', deflateSync(raw)), part('IEND', Buffer.alloc(0))]
    writeFileSync(join(folder, file), Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]))
    if (!withCube) return file
    writeFileSync(join(folder, 'scene.img'), Buffer.alloc(width * height * 2, 7))
    writeFileSync(join(folder, 'scene.hdr'), `ENVI\nsamples = ${width}\nlines = ${height}\nbands = 2\ndata type = 1\ninterleave = bsq\n`)
    return 'scene.img'
  }),
}

function part(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(named) >>> 0)
  return Buffer.concat([length, named, sum])
}
