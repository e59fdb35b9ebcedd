import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { CubeDataType, CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes, readHead } from '../bytes'
import type { CubeFormat } from '../cube'
import { BYTES_PER_ELEMENT } from '../numbers'
import { stridedCube } from '../strided-cube'
import { guessedUnit } from '../wavelengths'

const HEADER_BYTES = 128
const LARGEST_SPC = 4 * 1024 * 1024

/** What the header of 128 bytes says. */
interface LanHeader {
  lines: number
  samples: number
  bands: number
  dtype: CubeDataType
  /** Two pixels in a byte, the left one in its upper half. */
  halfBytes: boolean
  littleEndian: boolean
}

/**
 * ERDAS 7 images: .lan (cubes) and .gis (one band of classes). A header of 128 bytes, then bil. "HEADER" is the form
 * before 7.4, which states lines and samples as float32.
 */
export const lan: CubeFormat = {
  name: 'ERDAS LAN and GIS',
  async recognises(_path, head) {
    const mark = new TextDecoder('latin1').decode(head.subarray(0, 6))
    // "HEADER" is also how a text may begin.
    return mark === 'HEAD74' || (mark === 'HEADER' && head.subarray(6, HEADER_BYTES).includes(0))
  },
  async open(path, options) {
    if (options.variable) throw new CuvetteError('bad-argument', `${path} holds one cube without a name; leave out "#${options.variable}".`, { path })
    const size = await fileSize(path)
    const header = parseHeader(await readHead(path, HEADER_BYTES), path)
    const { lines, samples, bands, dtype, halfBytes, littleEndian } = header
    const needed = HEADER_BYTES + (lines * samples * bands * BYTES_PER_ELEMENT[dtype]) / (halfBytes ? 2 : 1)
    if (!Number.isSafeInteger(needed) || size < needed) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but its header describes ${needed} (${lines} lines x ${samples} samples x ${bands} bands of ${halfBytes ? '4 bits' : dtype}); copy the file again.`, { path })
    }
    const description: CubeDescription = {
      path, variable: null, format: 'ERDAS LAN', shape: [lines, samples, bands], dtype, interleave: 'bil',
      wavelengths: null, wavelengthUnit: null, fwhm: null, bandNames: null, badBands: [], defaultBands: null, noData: null, scale: null,
      variables: [], mask: null, warnings: [],
    }
    if (bands > 1 && !options.maskFor) await addWavelengths(description)
    const file = await openBytes(path)
    const steps = { line: samples * bands, sample: 1, band: samples }
    return stridedCube(description, { dtype, littleEndian, base: halfBytes ? 0 : HEADER_BYTES, steps }, halfBytes ? spread(file) : file, options)
  },
}

function parseHeader(head: Uint8Array, path: string): LanHeader {
  const where = { path, where: 'header' }
  if (head.length < HEADER_BYTES) throw new CuvetteError('truncated', `${path} holds ${head.length} bytes, fewer than the ${HEADER_BYTES} of an ERDAS header; copy the file again.`, where)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  // The number of bands is small, so its upper byte is 0.
  const littleEndian = head[8] !== 0
  const packing = view.getUint16(6, littleEndian)
  const bands = view.getUint16(8, littleEndian)
  const size = (at: number): number => (head[5] === 0x34 ? view.getInt32(at, littleEndian) : view.getFloat32(at, littleEndian))
  const [samples, lines] = [size(16), size(20)]
  if (packing > 2) throw new CuvetteError('unsupported', `${path} is an ERDAS image of packing ${packing}; 8 bits (0), 4 bits (1) and 16 bits (2) are read.`, where)
  if (![lines, samples, bands].every((count) => Number.isInteger(count) && count >= 1)) {
    throw new CuvetteError('bad-header', `${path} has an ERDAS header of ${lines} lines x ${samples} samples x ${bands} bands; expected whole numbers from 1, so export the image again.`, where)
  }
  if (packing === 1 && samples % 2 === 1) {
    throw new CuvetteError('unsupported', `${path} holds ${samples} samples of 4 bits in a line; an even number can be read, so save the image with 8 bits.`, where)
  }
  return { lines, samples, bands, dtype: packing === 2 ? 'int16' : 'uint8', halfBytes: packing === 1, littleEndian }
}

/** The halves of the bytes behind the header as bytes. */
function spread(file: ByteSource): ByteSource {
  return {
    path: file.path,
    async read(position, into) {
      const first = Math.floor(position / 2)
      const packed = new Uint8Array(Math.floor((position + into.length - 1) / 2) - first + 1)
      await file.read(HEADER_BYTES + first, packed)
      for (let n = 0; n < into.length; n += 1) {
        const byte = packed[Math.floor((position + n) / 2) - first]
        into[n] = (position + n) % 2 === 0 ? byte >> 4 : byte & 0x0f
      }
    },
    close: () => file.close(),
  }
}

/** A band list beside the image: <name>.spc, a text whose rows of numbers begin with the wavelength and the width of a band. */
async function addWavelengths(description: CubeDescription): Promise<void> {
  const { path, shape: [, , bands] } = description
  const wanted = `${basename(path, extname(path))}.spc`.toLowerCase()
  const name = (await readdir(dirname(path)).catch(() => [])).find((other) => other.toLowerCase() === wanted)
  if (name === undefined || !(await stat(join(dirname(path), name)).catch(() => null))?.isFile()) return
  const text = new TextDecoder('latin1').decode(await readHead(join(dirname(path), name), LARGEST_SPC).catch(() => new Uint8Array()))
  const rows = text.split(/\r\n|\n|\r/).map((line) => line.trim().split(/[\s,]+/)).filter(([first]) => first !== '').map((row) => row.map(Number)).filter((row) => row.length >= 2 && row.every(Number.isFinite))
  if (rows.length !== bands) {
    description.warnings.push(`${name} lists ${rows.length} bands, but the image has ${bands}; it is left out.`)
    return
  }
  description.wavelengths = rows.map(([wavelength]) => wavelength)
  description.fwhm = rows.map(([, width]) => width)
  const unit = guessedUnit(description.wavelengths)
  description.wavelengthUnit = unit
  if (unit) description.wavelengthUnitGuessed = true
  description.warnings.push(`The wavelengths are taken from ${name}, which gives no unit; ${unit ? `${unit} is assumed from the values` : 'the values do not tell it'}.`)
}
