import { stat } from 'node:fs/promises'
import { CuvetteError } from '../../shared/problem'
import { cannotRead } from './bytes'
import { FORMATS_READ } from './formats'

const signatures: [prefix: number[], name: string][] = [
  [[0x89, 0x50, 0x4e, 0x47], 'a PNG picture'],
  [[0xff, 0xd8, 0xff], 'a JPEG picture'],
  [[0x47, 0x49, 0x46, 0x38], 'a GIF picture'],
  [[0x42, 0x4d], 'a BMP picture'],
  [[0x49, 0x49, 0x2a, 0x00], 'a TIFF image'],
  [[0x4d, 0x4d, 0x00, 0x2a], 'a TIFF image'],
  [[0x49, 0x49, 0x2b, 0x00], 'a BigTIFF image'],
  [[0x4d, 0x4d, 0x00, 0x2b], 'a BigTIFF image'],
  [[0x89, 0x48, 0x44, 0x46], 'an HDF5 file'],
  [[0x0e, 0x03, 0x13, 0x01], 'an HDF4 file'],
  [[0x43, 0x44, 0x46, 0x01], 'a NetCDF 3 file'],
  [[0x43, 0x44, 0x46, 0x02], 'a NetCDF 3 file'],
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive'],
  [[0x1f, 0x8b], 'a gzip archive'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF document'],
  [[0x23, 0x3f, 0x52, 0x41, 0x44], 'a Radiance picture'],
]

/** What a file looks like from its first bytes, with its article. */
export function looksLike(head: Uint8Array, path: string): string {
  if (head.length === 0) return 'an empty file'
  const found = signatures.find(([prefix]) => prefix.every((byte, at) => head[at] === byte))
  if (found) return found[1]
  if (isText(head)) return 'a text file'
  if (/\.mat$/i.test(path)) return 'a MATLAB file of another version (save it again with the option -v7)'
  return 'binary data without an ENVI header'
}

/** The vendor's own container, which only the vendor's library reads. */
function isVendorSession(path: string): boolean {
  return /\.cu3s?$/i.test(path)
}

/** CuvetteError('not-a-cube') that says what the file looks like and what can be read. */
export function notACube(path: string, head: Uint8Array): CuvetteError {
  if (isVendorSession(path)) {
    return new CuvetteError('unsupported', `${path} is a session in the vendor's own format, which cannot be read; convert its frames to .npz with the vendor's converter (cuvis-ai-dataloader) and open those.`, { path })
  }
  return new CuvetteError('not-a-cube', `${path} is not a cube that can be read: it looks like ${looksLike(head, path)}; the formats read are ${FORMATS_READ}.`, { path })
}

/** Throws unless the path is a file: 'missing-file', or 'not-a-cube' for a folder. */
export async function requireFile(path: string): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  if (status.isDirectory()) throw new CuvetteError('not-a-cube', `${path} is a folder, not a cube; open a file inside it.`, { path })
  if (!status.isFile()) throw new CuvetteError('not-a-cube', `${path} is not a file that can be read; open a file on a disk.`, { path })
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d || byte === 0x0c)
}
