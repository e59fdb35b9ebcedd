import { open } from 'node:fs/promises'
import type { SpectralAxis } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { cannotRead, fileSize, readHead } from './bytes'
import { enviFields } from './formats/envi-fields'
import { decodeHeaderText, isEnviHeader, parseEnviHeader } from './formats/envi-header'
import { describeCube } from './open-cube'
import { parseReference } from './reference'
import { parseWavelengthText } from './wavelength-text'

const HEAD_BYTES = 1024
/** No list of wavelengths and no header that states one comes near this. */
const LARGEST_TEXT = 4 * 2 ** 20

/**
 * Wavelengths of `bands` bands from a file: an ENVI header, whose data need not be there, another cube, or a text
 * (as `parseWavelengthText`). Throws CuvetteError('bad-data') where the file states none or another number of them, and as reading.
 */
export async function readSpectralAxis(reference: string, bands: number, signal?: AbortSignal): Promise<SpectralAxis> {
  const { path } = parseReference(reference)
  const head = await readHead(path, HEAD_BYTES)
  if (isEnviHeader(head)) return axisOf(enviFields(parseEnviHeader(decodeHeaderText(await wholeText(path)), path)), bands, path)
  if (!head.includes(0) && /\.(txt|csv|tsv)$/i.test(path)) return parseWavelengthText(decodeHeaderText(await wholeText(path)), bands, path)
  const description = await describeCube(reference, { mask: false, signal })
  return axisOf({ ...description, bands: description.shape[2] }, bands, path)
}

interface Stated {
  bands: number
  wavelengths: number[] | null
  wavelengthUnit: string | null
  wavelengthUnitGuessed?: boolean
  fwhm: number[] | null
}

function axisOf({ bands: found, wavelengths, wavelengthUnit, wavelengthUnitGuessed, fwhm }: Stated, bands: number, path: string): SpectralAxis {
  if (found !== bands) throw new CuvetteError('bad-data', `${path} has ${found} bands, but the cube has ${bands}; choose a file of the same sensor and the same bands.`, { path })
  if (!wavelengths) throw new CuvetteError('bad-data', `${path} states no wavelengths; choose another file, or paste them.`, { path })
  return { wavelengths, wavelengthUnit, wavelengthUnitGuessed: wavelengthUnitGuessed ?? false, fwhm }
}

async function wholeText(path: string): Promise<Uint8Array> {
  const size = await fileSize(path)
  if (size > LARGEST_TEXT) throw new CuvetteError('bad-data', `${path} has ${size} bytes, more than a list of wavelengths needs; choose the header or a list.`, { path })
  const file = await open(path).catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  try {
    return await file.readFile()
  } finally {
    await file.close()
  }
}
