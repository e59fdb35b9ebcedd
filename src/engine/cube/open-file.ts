import { readHead, throwIfCancelled } from './bytes'
import type { Cube, CubeFormat, OpenOptions } from './cube'
import { envi } from './formats/envi'
import { matlab5 } from './formats/matlab5'
import { matlab73 } from './formats/matlab73'
import { notACube, requireFile } from './looks-like'

/** By content first, by name second. */
const formats: readonly CubeFormat[] = [matlab5, matlab73, envi]

/** Opens one file with the format that recognises it. Errors as `openCube`. */
export async function openFile(path: string, options: OpenOptions): Promise<Cube> {
  throwIfCancelled(path, options.signal)
  await requireFile(path)
  const head = await readHead(path, 1024)
  for (const format of formats) {
    if (await format.recognises(path, head)) return format.open(path, options)
  }
  throw notACube(path, head)
}
