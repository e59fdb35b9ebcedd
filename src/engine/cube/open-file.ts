import { readHead, throwIfCancelled } from './bytes'
import type { Cube, CubeFormat, OpenOptions } from './cube'
import { formats } from './formats'
import { notACube, requireFile } from './looks-like'
import { parseReference } from './reference'

/** Opens one file with the format that recognises it. Errors as `openCube`. */
export async function openFile(path: string, options: OpenOptions): Promise<Cube> {
  throwIfCancelled(path, options.signal)
  return (await formatOf(path)).open(path, options)
}

/** Every file that a cube or mask consists of, the one with the numbers first: what a record of a run hashes. Errors as `openCube`. */
export async function filesOf(reference: string): Promise<string[]> {
  const { path } = parseReference(reference)
  const format = await formatOf(path)
  return format.files ? format.files(path) : [path]
}

async function formatOf(path: string): Promise<CubeFormat> {
  await requireFile(path)
  const head = await readHead(path, 1024)
  for (const format of formats) if (await format.recognises(path, head)) return format
  throw notACube(path, head)
}
