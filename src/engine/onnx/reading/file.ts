import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { CuvetteError } from '../../../shared/problem'
import type { TensorMessage } from '../messages/schema'
import { encodeModelMessage } from '../messages/schema'
import { readModel } from '../model'

/** Models above this are refused: the file format itself ends at 2 GiB. */
export const LARGEST_MODEL = 2 ** 31 - 1

/**
 * Bytes of a model file with all its weights inside. Weights in other files are taken over when these lie in the folder of
 * the model; links are followed before that is judged. Throws CuvetteError: 'missing-file', 'bad-artifact'.
 */
export async function readModelFile(path: string): Promise<Uint8Array> {
  const bytes = await readWhole(path, path)
  const message = readModel(bytes, path)
  const tensors = (message.graph?.initializer ?? []).filter((tensor) => tensor.data_location === 1 || (tensor.external_data?.length ?? 0) > 0)
  if (tensors.length === 0) return bytes
  const folder = await realpath(dirname(path))
  const files = new Map<string, Uint8Array>()
  let total = bytes.length
  for (const tensor of tensors) {
    const { location, offset, length } = placeOf(tensor, path)
    let content = files.get(location)
    if (!content) {
      content = await readWhole(await insideFolder(folder, location, tensor, path), path)
      files.set(location, content)
    }
    const end = length === null ? content.length : offset + length
    if (end > content.length) {
      throw new CuvetteError('bad-artifact', `The tensor ${tensor.name ?? ''} in the model takes bytes ${offset} to ${end} of ${location}, which has ${content.length}; the file is not whole.`, { path, where: tensor.name })
    }
    total += end - offset
    if (total > LARGEST_MODEL) throw tooLarge(path, total)
    tensor.raw_data = content.slice(offset, end)
    delete tensor.external_data
    delete tensor.data_location
  }
  return encodeModelMessage(message)
}

function placeOf(tensor: TensorMessage, path: string): { location: string; offset: number; length: number | null } {
  const entries = new Map((tensor.external_data ?? []).map((entry) => [(entry as { key?: string }).key, (entry as { value?: string }).value ?? '']))
  const location = entries.get('location') ?? ''
  const offset = Number(entries.get('offset') ?? 0)
  const length = entries.has('length') ? Number(entries.get('length')) : null
  if (location === '' || !Number.isSafeInteger(offset) || offset < 0 || (length !== null && (!Number.isSafeInteger(length) || length < 0))) {
    throw new CuvetteError('bad-artifact', `The tensor ${tensor.name ?? ''} in the model names no proper place of its data.`, { path, where: tensor.name })
  }
  return { location, offset, length }
}

async function insideFolder(folder: string, location: string, tensor: TensorMessage, path: string): Promise<string> {
  const outside = (): CuvetteError => new CuvetteError('bad-artifact', `The tensor ${tensor.name ?? ''} in the model keeps its data at ${location}, which is not in the folder of the model; put both files into one folder, or save the model with all data inside.`, { path, where: tensor.name })
  if (isAbsolute(location)) throw outside()
  const wanted = join(folder, location)
  const within = (place: string): boolean => {
    const way = relative(folder, place)
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
  }
  if (!within(wanted)) throw outside()
  const real = await realpath(wanted).catch((error: NodeJS.ErrnoException) => {
    throw new CuvetteError('missing-file', `The model keeps weights in ${location}, which cannot be read (${error.code ?? error.message}); copy it beside the model.`, { path, cause: error })
  })
  if (!within(real)) throw outside()
  return real
}

async function readWhole(file: string, path: string): Promise<Uint8Array> {
  const handle = await open(file, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === 'ENOENT' ? `There is no model at ${file}; export the scorer to ONNX, and name that file` : `The model ${file} cannot be read (${error.code ?? error.message})`
    throw new CuvetteError(error.code === 'ENOENT' ? 'missing-file' : 'bad-artifact', `${what}.`, { path, cause: error })
  })
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new CuvetteError('bad-artifact', `${file} is not a file; an ONNX model is expected.`, { path })
    if (stat.size > LARGEST_MODEL) throw tooLarge(path, stat.size)
    const bytes = await handle.readFile()
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  } finally {
    await handle.close()
  }
}

function tooLarge(path: string, size: number): CuvetteError {
  return new CuvetteError('bad-artifact', `The model has ${size} bytes with its weights; at most ${LARGEST_MODEL} are supported. Export it with smaller weights, such as float16.`, { path })
}
