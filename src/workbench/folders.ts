import { cannotWrite } from '../engine/files/atomic'
import { makeFolders } from '../engine/files/folders'

/** Makes the folder with its parents. Throws CuvetteError('cannot-write'). */
export async function makeFolder(path: string): Promise<void> {
  await makeFolders(path).catch((error: unknown) => {
    throw cannotWrite(path, error)
  })
}
