import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { cannotRead } from '../bytes'

/** Endings that data files of ENVI headers have in the field, most usual first. '' is none. */
export const DATA_ENDINGS = ['', '.img', '.dat', '.raw', '.bin', '.bsq', '.bil', '.bip', '.envi', '.hyspex', '.sli', '.cub', '.ref', '.rfl', '.rdn']

export interface DataCandidate {
  path: string
  bytes: number
}

/** Header files that may describe `dataPath`, likeliest first: a.b.hdr, then a.hdr; any letter case. */
export async function headersOf(dataPath: string): Promise<string[]> {
  const folder = dirname(dataPath)
  const name = basename(dataPath).toLowerCase()
  const stem = name.slice(0, name.length - extname(name).length)
  const wanted = [...new Set([`${name}.hdr`, `${stem}.hdr`])].filter((header) => header !== name)
  const names = await readdir(folder).catch(() => [])
  const found = wanted.flatMap((header) => names.filter((name) => name.toLowerCase() === header)).map((name) => join(folder, name))
  // A pipe would be waited for without end.
  const files = await Promise.all(found.map(async (path) => (await stat(path).catch(() => null))?.isFile() ?? false))
  return found.filter((_, at) => files[at])
}

/** Data files that a header may describe, likeliest first. */
export async function dataFilesOf(headerPath: string): Promise<DataCandidate[]> {
  const folder = dirname(headerPath)
  const header = basename(headerPath)
  const stem = header.slice(0, header.length - extname(header).length).toLowerCase()
  const names = await readdir(folder).catch((error: unknown) => {
    throw cannotRead(headerPath, error)
  })
  const found: DataCandidate[] = []
  for (const ending of DATA_ENDINGS) {
    for (const name of names) {
      if (name === header || name.toLowerCase() !== stem + ending) continue
      const status = await stat(join(folder, name)).catch(() => null)
      if (status?.isFile()) found.push({ path: join(folder, name), bytes: status.size })
    }
  }
  return found
}

/** The candidate whose size is exactly what the header says; otherwise the first that is large enough; otherwise the first. */
export function bestFitting(candidates: DataCandidate[], dataBytes: number): DataCandidate | null {
  return candidates.find(({ bytes }) => bytes === dataBytes) ?? candidates.find(({ bytes }) => bytes > dataBytes) ?? candidates[0] ?? null
}
