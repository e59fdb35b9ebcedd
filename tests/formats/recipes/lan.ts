import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { recipe } from './recipe'

const settings = v.strictObject({
  file: v.optional(v.string(), 'cube.lan'),
  mark: v.optional(v.string(), 'HEAD74'),
  packing: v.optional(v.number(), 0),
  lines: v.optional(v.number(), 3),
  samples: v.optional(v.number(), 4),
  bands: v.optional(v.number(), 5),
  big: v.optional(v.boolean(), false),
  /** Only so many bytes of the data are written. */
  dataBytes: v.optional(v.number()),
  /** Text of the band list beside it. */
  spc: v.optional(v.string()),
})

/** A small ERDAS image of the numbers 100 line + 10 sample + band; with 4 bits of their last four bits. */
export const lan = {
  lan: recipe(settings, (folder, { file, mark, packing, lines, samples, bands, big, dataBytes, spc }) => {
    const head = Buffer.alloc(128)
    head.write(mark, 'latin1')
    const view = new DataView(head.buffer, head.byteOffset)
    view.setUint16(6, packing, !big)
    view.setUint16(8, bands, !big)
    const put = (at: number, size: number): void => (mark === 'HEADER' ? view.setFloat32(at, size, !big) : view.setInt32(at, size, !big))
    put(16, samples)
    put(20, lines)
    const numbers: number[] = []
    for (let line = 0; line < Math.min(lines, 10); line += 1) for (let band = 0; band < bands; band += 1) for (let sample = 0; sample < Math.min(samples, 10); sample += 1) numbers.push(100 * line + 10 * sample + band)
    const data = Buffer.alloc(numbers.length * 2)
    numbers.forEach((value, n) => {
      if (packing === 1) data[n >> 1] |= n % 2 === 0 ? (value & 15) << 4 : value & 15
      else if (packing === 2) new DataView(data.buffer, data.byteOffset).setInt16(2 * n, value, !big)
      else data[n] = value
    })
    const length = packing === 2 ? data.length : packing === 1 ? numbers.length / 2 : numbers.length
    writeFileSync(join(folder, file), Buffer.concat([head, data.subarray(0, dataBytes ?? length)]))
    if (spc !== undefined) writeFileSync(join(folder, file.replace(/\.[^.]*$/, '.spc')), spc)
    return file
  }),
}
