import type { RandomSource } from '../../src/engine/nodes/random'

// Damage as it happens, and damage as somebody would make it: bits that flip, ends that are missing, numbers at the
// edge of what fits, texts with the wrong word, pieces twice or elsewhere.

/** Numbers that break sums: zero, one, the ends of integer types, sizes of terabytes. */
const EDGES = [0, 1, 2, 3, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 40, 2 ** 53 - 1]
const WORDS = ['', '-1', '0', '1e308', '-1e308', 'NaN', 'Infinity', '999999999999', '1099511627776', '1.5', '{', '}', '{}', '[', ']', '"', '\0', ',', ',,', '=', '= =', '../../x', '%s', 'true', 'null', '\u{1F33E}', '\r\n', '__proto__']

/** One to six mutations of the bytes. */
export function mutate(bytes: Uint8Array, random: RandomSource): Uint8Array {
  let result: Uint8Array = Uint8Array.from(bytes)
  for (let count = 1 + random.integer(6); count > 0; count -= 1) {
    const kind = mutations[random.integer(mutations.length)]
    if (result.length > 0) result = kind(result, random)
  }
  return result
}

type Mutation = (bytes: Uint8Array, random: RandomSource) => Uint8Array

const mutations: readonly Mutation[] = [
  flipBits, flipBits, truncate, edgeNumber, edgeNumber, edgeNumber, replaceWord, replaceWord, replaceNumber, repeatPiece, removePiece, swapPieces, fillPiece, randomBytes,
]

function flipBits(bytes: Uint8Array, random: RandomSource): Uint8Array {
  for (let count = 1 + random.integer(4); count > 0; count -= 1) bytes[place(bytes, random)] ^= 1 << random.integer(8)
  return bytes
}

function truncate(bytes: Uint8Array, random: RandomSource): Uint8Array {
  return bytes.slice(0, random.integer(bytes.length + 1))
}

function edgeNumber(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const width = [1, 2, 4, 8][random.integer(4)]
  if (bytes.length < width) return bytes
  const view = new DataView(bytes.buffer)
  const at = Math.min(place(bytes, random), bytes.length - width)
  const number = EDGES[random.integer(EDGES.length)] * (random.integer(4) === 0 ? -1 : 1)
  const little = random.integer(2) === 0
  if (width === 1) view.setUint8(at, number)
  else if (width === 2) view.setUint16(at, number, little)
  else if (width === 4) view.setUint32(at, number, little)
  else view.setBigUint64(at, BigInt(number), little)
  return bytes
}

/** Words of a text; in binary files this hits names and markers. */
function replaceWord(bytes: Uint8Array, random: RandomSource): Uint8Array {
  return replaceMatch(bytes, random, /[\p{L}_][\p{L}\w .-]*|[^\s\w]/gu)
}

function replaceNumber(bytes: Uint8Array, random: RandomSource): Uint8Array {
  return replaceMatch(bytes, random, /-?\d+(\.\d+)?/g)
}

function replaceMatch(bytes: Uint8Array, random: RandomSource, pattern: RegExp): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  const found = [...text.slice(0, 20_000).matchAll(pattern)]
  if (found.length === 0) return bytes
  const { index, 0: word } = found[random.integer(found.length)]
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, index), Buffer.from(WORDS[random.integer(WORDS.length)]), bytes.subarray(index + word.length)]))
}

function repeatPiece(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = piece(bytes, random)
  const times = 1 + random.integer(3)
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, end), ...Array.from({ length: times }, () => bytes.subarray(start, end)), bytes.subarray(end)]))
}

function removePiece(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = piece(bytes, random)
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]))
}

function swapPieces(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = piece(bytes, random)
  const to = random.integer(Math.max(1, bytes.length - (end - start)))
  bytes.copyWithin(to, start, end)
  return bytes
}

function fillPiece(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = piece(bytes, random)
  return bytes.fill([0, 0xff, 0x20, 0x80][random.integer(4)], start, end)
}

function randomBytes(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = piece(bytes, random)
  for (let at = start; at < end; at += 1) bytes[at] = random.integer(256)
  return bytes
}

/** Headers stand at the front, directories at the end: these places are hit more often. */
function place(bytes: Uint8Array, random: RandomSource): number {
  const where = random.integer(4)
  if (where < 2) return random.integer(Math.min(bytes.length, 256))
  if (where === 2) return bytes.length - 1 - random.integer(Math.min(bytes.length, 256))
  return random.integer(bytes.length)
}

function piece(bytes: Uint8Array, random: RandomSource): [number, number] {
  const start = place(bytes, random)
  return [start, Math.min(bytes.length, start + 1 + random.integer(64))]
}
