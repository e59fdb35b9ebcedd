import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import * as v from 'valibot'
import { recipe } from './recipe'

/** Bytes of a file: one of these. */
const content = v.union([
  v.strictObject({ text: v.string(), gzip: v.optional(v.boolean()) }),
  v.strictObject({ latin1: v.string() }),
  v.strictObject({ hex: v.string() }),
  /** Byte n is n modulo 251. */
  v.strictObject({ ramp: v.number(), gzip: v.optional(v.boolean()), deflate: v.optional(v.boolean()) }),
  /** Nothing but zeros, and no room on the disk. */
  v.strictObject({ sparse: v.number() }),
  v.strictObject({ link: v.string() }),
  v.strictObject({ folder: v.literal(true) }),
  v.strictObject({ pipe: v.literal(true) }),
  /** The parts one after the other. */
  v.strictObject({ parts: v.array(v.strictObject({ text: v.optional(v.string()), hex: v.optional(v.string()), ramp: v.optional(v.number()), zeros: v.optional(v.number()) })) }),
])

function ramp(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, n) => n % 251))
}

function put(path: string, made: v.InferOutput<typeof content>): void {
  if ('folder' in made) mkdirSync(path)
  else if ('link' in made) symlinkSync(made.link, path)
  else if ('pipe' in made) execFileSync('mkfifo', [path])
  else if ('sparse' in made) {
    writeFileSync(path, '')
    truncateSync(path, made.sparse)
  } else if ('text' in made) writeFileSync(path, made.gzip ? gzipSync(made.text) : made.text)
  else if ('latin1' in made) writeFileSync(path, Buffer.from(made.latin1, 'latin1'))
  else if ('hex' in made) writeFileSync(path, fromHex(made.hex))
  else if ('ramp' in made) writeFileSync(path, made.gzip ? gzipSync(ramp(made.ramp)) : made.deflate ? deflateSync(ramp(made.ramp)) : ramp(made.ramp))
  else writeFileSync(path, Buffer.concat(made.parts.map((part) => Buffer.concat([Buffer.from(part.text ?? ''), fromHex(part.hex ?? ''), ramp(part.ramp ?? 0), Buffer.alloc(part.zeros ?? 0)]))))
}

function fromHex(hex: string): Buffer {
  const digits = hex.replaceAll(' ', '')
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`"${hex}" is not hexadecimal.`)
  return Buffer.from(digits, 'hex')
}

/** Files byte by byte. The first is opened. */
export const files = {
  files: recipe(v.record(v.string(), content), (folder, settings) => {
    const names = Object.keys(settings)
    for (const name of names) put(join(folder, name), settings[name])
    return names[0]
  }),
}
