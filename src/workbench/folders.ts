import { mkdir } from 'node:fs/promises'
import { cannotWrite } from '../engine/files/atomic'

/** Makes the folder with its parents. Throws CuvetteError('cannot-write'). */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(path, error)
  })
}
