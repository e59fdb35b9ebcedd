import type { CubeFormat } from '../cube'
import { coco } from './coco'
import { envi } from './envi'
import { hdf5 } from './hdf5'
import { lan } from './lan'
import { matlab5 } from './matlab5'
import { matlab73 } from './matlab73'
import { netcdf3 } from './netcdf3'
import { npy } from './npy'
import { npz } from './npz'
import { png } from './png'
import { tiff } from './tiff'

/**
 * Every format that is read, in the order in which a file is offered to them: those that know their own content
 * come first; ENVI, whose numbers have no mark of their own and which goes by the header beside them, comes last.
 */
export const formats: readonly CubeFormat[] = [
  matlab5,
  matlab73,
  hdf5,
  netcdf3,
  tiff,
  npy,
  npz,
  lan,
  envi,
]

/** What is no cube, but can be the mask of one. */
export const maskFormats: readonly CubeFormat[] = [
  png,
  coco,
]

/** "A, B and C": for sentences. */
export const FORMATS_READ = `${formats.slice(0, -1).map(({ name }) => name).join(', ')} and ${formats[formats.length - 1].name}`
