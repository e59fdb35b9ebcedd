import { readHead, throwIfCancelled } from './bytes'
import type { Cube, CubeFormat, OpenOptions } from './cube'
import { envi, enviFiles } from './formats/envi'
import { matlab5 } from './formats/matlab5'
import { matlab73 } from './formats/matlab73'
import { notACube, requireFile } from './looks-like'
import { parseReference } from './reference'

/** By content first, by name second. */
const formats: readonly CubeFormat[] = [matlab5, matlab73, envi]

/** Opens one file with the format that recognises it. Errors as `openCube`. */
export async function openFile(path: string, options: OpenOptions): Promise<Cube> {
  throwIfCancelled(path, options.signal)
  return (await formatOf(path)).open(path, options)
}

/** Every file that a cube or mask consists of, the one with the numbers first: what a record of a run hashes. Errors as `openCube`. */
export async function filesOf(reference: string): Promise<string[]> {
  const { path } = parseReference(reference)
  return (await formatOf(path)) === envi ? enviFiles(path) : [path]
}

async function formatOf(path: string): Promise<CubeFormat> {
  await requireFile(path)
  const head = await readHead(path, 1024)
  for (const format of formats) if (await format.recognises(path, head)) return format
  throw notACube(path, head)
}
