import { extname } from 'node:path'
import type { CubeDescription } from '../../../shared/cube'
import { looksLikeZip } from '../../files/zip'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes } from '../bytes'
import type { CubeFormat } from '../cube'
import { exactNumbers } from '../numbers'
import { guessedUnit } from '../wavelengths'
import { npyCube } from './npy'
import type { NpzMember } from './npz-members'
import { memberBytes, npzMembers } from './npz-members'
import { chooseVariable } from './variables'

/** Names that arrays of wavelengths go by, likeliest first. */
const WAVELENGTH_NAMES = ['wavelengths', 'wavelength', 'wavelengths_nm', 'wavelength_nm']
/** The converter of the reference states its source in every frame; its wavelengths are nanometres. */
const CONVERTED_FROM = 'source_cu3s'
const MOST_BANDS = 65_536

/**
 * A ZIP archive of NumPy arrays. The frames that the reference's converter writes (cube, wavelengths, mask,
 * class_mask, source_cu3s) are of this kind.
 */
export const npz: CubeFormat = {
  name: 'NumPy NPZ',
  async recognises(path, head) {
    if (!looksLikeZip(head)) return false
    const nameLength = head[26] | (head[27] << 8)
    const first = new TextDecoder().decode(head.subarray(30, 30 + nameLength))
    return extname(path).toLowerCase() === '.npz' || first.endsWith('.npy')
  },
  async open(path, options) {
    const file = await openBytes(path)
    try {
      const members = await npzMembers(file, await fileSize(path))
      const variable = chooseVariable(members, options, path)
      const variables = members.map(({ name, shape, dtype, numeric }) => ({ name, shape, dtype, numeric }))
      const cube = npyCube({ path, format: 'NPZ', variable, variables, header: variable.header, source: memberBytes(file, variable, options) }, options)
      if (!options.maskFor) await addWavelengths(cube.description, file, members)
      return cube
    } catch (error) {
      await file.close()
      throw error
    }
  },
}

/** Takes the wavelengths from an array with one number for each band. */
async function addWavelengths(description: CubeDescription, file: ByteSource, members: readonly NpzMember[]): Promise<void> {
  const member = WAVELENGTH_NAMES.map((wanted) => members.find(({ name }) => name === wanted)).find((found) => found !== undefined)
  if (!member) return
  const { header, name } = member
  const bands = description.shape[2]
  const wavelengths = elements(header.shape) === bands && bands <= MOST_BANDS ? await listOf(file, member) : null
  if (!wavelengths?.every(Number.isFinite)) {
    description.warnings.push(`"${name}" holds ${header.shape.join(' x ') || 'one value'} of ${member.dtype}, expected one number for each of the ${bands} bands; it is left out.`)
    return
  }
  description.wavelengths = wavelengths
  if (name.endsWith('_nm') || members.some((other) => other.name === CONVERTED_FROM)) {
    description.wavelengthUnit = 'nm'
    return
  }
  const unit = guessedUnit(wavelengths)
  description.wavelengthUnit = unit
  if (unit) description.wavelengthUnitGuessed = true
  description.warnings.push(unit ? `The file does not give the unit of "${name}"; ${unit} is assumed from the values.` : `The file does not give the unit of "${name}", and the values do not tell it.`)
}

/** All numbers of a short array; null for what is no list of real numbers. */
async function listOf(file: ByteSource, member: NpzMember): Promise<number[] | null> {
  const { dtype, littleEndian, dataStart, dataBytes } = member.header
  if (!dtype || dtype.startsWith('complex')) return null
  const bytes = new Uint8Array(dataBytes)
  // The file belongs to the cube and stays open.
  const source = memberBytes({ ...file, close: async () => undefined }, member, {})
  try {
    await source.read(dataStart, bytes)
  } finally {
    await source.close()
  }
  return exactNumbers(bytes, dtype, littleEndian)
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
