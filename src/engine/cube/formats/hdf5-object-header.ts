import { closeSync, openSync, readSync } from 'node:fs'
import { CuvetteError } from '../../../shared/problem'
import { hasHdf5Signature } from './hdf5-library'

// What the library does not tell: whether the numbers of a dataset lie in raw files beside the HDF5 file. The library
// follows such names, absolute ones too, so that a file could show any other file as its own numbers. They stand in a
// message of the dataset's object header. (HDF5 File Format Specification 3.0, II.A superblock, III.D local heaps, IV.A
// object headers, IV.A.2.h external data files.)

const CONTINUATION = 0x10
const EXTERNAL_FILES = 0x07
/** More than any real header has; a header that leads in circles ends here. */
const MOST_MESSAGES = 20_000
const LARGEST_BLOCK = 16 * 2 ** 20
const LONGEST_NAME = 1024

/** Reads object headers of one HDF5 file. To be closed. */
export interface ObjectHeaders {
  /** The names of raw files that hold the numbers of the object at an address. Throws CuvetteError('bad-data'). */
  externalFiles(address: number): string[]
  close(): void
}

/** Addresses count from the signature, which stands at byte 0, 512, 1024, 2048, ... */
export function openObjectHeaders(path: string): ObjectHeaders {
  const file = openSync(path, 'r')
  let base = 0
  while (!hasHdf5Signature(bytesAt(file, base, 8, path))) {
    base = base === 0 ? 512 : base * 2
    if (base > 2 ** 40) throw damaged(path)
  }
  const superblock = bytesAt(file, base, 16, path)
  // Versions 0 and 1 state the sizes at another place than 2 and 3.
  const [offsetSize, lengthSize] = superblock[8] < 2 ? [superblock[13], superblock[14]] : [superblock[9], superblock[10]]
  if (![2, 4, 8].includes(offsetSize) || ![2, 4, 8].includes(lengthSize)) throw damaged(path)

  const read = (address: number, length: number): Block => new Block(bytesAt(file, base + address, length, path), path)

  function* messages(address: number): Generator<{ type: number; content: Block }> {
    const first = read(address, 4)
    const newer = first.text(4) === 'OHDR'
    if (!newer && first.at(0, 1) !== 1) throw damaged(path)
    const head = newer ? newerHead(read(address, 40)) : { start: 16, length: read(address, 16).at(8, 4), order: false }
    const blocks = [{ at: address + head.start, length: head.length, skip: 0 }]
    let count = 0
    for (let block = blocks.shift(); block; block = blocks.shift()) {
      if (block.length > LARGEST_BLOCK) throw damaged(path)
      const content = read(block.at, block.length)
      const prefix = newer ? 4 + (head.order ? 2 : 0) : 8
      // What is shorter than a prefix fills a block up.
      for (let place = block.skip; place + prefix <= content.length; ) {
        count += 1
        if (count > MOST_MESSAGES) throw damaged(path)
        const type = content.at(place, newer ? 1 : 2)
        const length = content.at(place + (newer ? 1 : 2), 2)
        const message = content.part(place + prefix, length)
        place += prefix + length
        if (type !== CONTINUATION) yield { type, content: message }
        else {
          const [at, size] = [message.at(0, offsetSize), message.at(offsetSize, lengthSize)]
          // The newer blocks have a signature in front and a check sum at the end.
          blocks.push(newer ? { at, length: size - 4, skip: 4 } : { at, length: size, skip: 0 })
        }
      }
    }
  }

  /** Version, 3 unused bytes, slots allocated and used, and the address of the heap with the names; then the slots. */
  function namesOf(message: Block): string[] {
    const used = message.at(6, 2)
    const heap = read(message.at(8, offsetSize), 8 + 2 * lengthSize + offsetSize)
    if (heap.text(4) !== 'HEAP') throw damaged(path)
    const size = heap.at(8, lengthSize)
    const names = heap.at(8 + 2 * lengthSize, offsetSize)
    return Array.from({ length: used }, (_, slot) => {
      const at = message.at(8 + offsetSize + slot * 3 * lengthSize, lengthSize)
      if (at >= size) throw damaged(path)
      return read(names + at, Math.min(LONGEST_NAME, size - at)).text()
    })
  }

  return {
    externalFiles(address) {
      for (const { type, content } of messages(address)) if (type === EXTERNAL_FILES) return namesOf(content)
      return []
    },
    close: () => closeSync(file),
  }
}

/** Signature, version, flags, then times and limits of attributes where the flags say so, and the size of the first block. */
function newerHead(head: Block): { start: number; length: number; order: boolean } {
  const flags = head.at(5, 1)
  const at = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0)
  const width = 1 << (flags & 3)
  return { start: at + width, length: head.at(at, width), order: (flags & 4) !== 0 }
}

/** Little-endian numbers within known bytes. */
class Block {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly path: string,
  ) {}

  get length(): number {
    return this.bytes.length
  }

  at(place: number, width: number): number {
    const bytes = this.part(place, width).bytes
    let value = 0
    for (let index = width - 1; index >= 0; index -= 1) value = value * 256 + bytes[index]
    return value
  }

  part(place: number, length: number): Block {
    if (place + length > this.bytes.length) throw damaged(this.path)
    return new Block(this.bytes.subarray(place, place + length), this.path)
  }

  /** Up to the first NUL. */
  text(length = this.bytes.length): string {
    const [text] = Buffer.from(this.part(0, length).bytes).toString('utf8').split('\0')
    return text
  }
}

/** As many bytes as there are up to the end of the file. */
function bytesAt(file: number, position: number, length: number, path: string): Uint8Array {
  const bytes = new Uint8Array(length)
  if (!Number.isSafeInteger(position)) throw damaged(path)
  return bytes.subarray(0, readSync(file, bytes, 0, length, position))
}

function damaged(path: string): CuvetteError {
  return new CuvetteError('bad-data', `${path} is damaged: the header of an object of its HDF5 contents cannot be read; copy or export it again.`, { path })
}
