import { readHead, throwIfCancelled } from './bytes'
import { isCorrection, openCorrected, readCorrection } from './corrected-cube'
import type { Cube, CubeFormat, OpenOptions } from './cube'
import { formats, maskFormats } from './formats'
import { notACube, requireFile } from './looks-like'
import { isNamedMask, readNamedMask } from './named-mask'
import { parseReference } from './reference'

/** What is looked at to find out what a file is. */
const HEAD_BYTES = 1024

/** Opens one file with the format that recognises it. Errors as `openCube`. */
export async function openFile(path: string, options: OpenOptions): Promise<Cube> {
  throwIfCancelled(path, options.signal)
  await requireFile(path)
  const head = await readHead(path, HEAD_BYTES)
  return isCorrection(head) ? openCorrected(path, options, openItself) : (await formatOf(path, head, candidatesFor(options))).open(path, options)
}

/** A cube that a correction names; corrections of corrections are refused. */
async function openItself(path: string, options: OpenOptions): Promise<Cube> {
  await requireFile(path)
  return (await formatOf(path, await readHead(path, HEAD_BYTES), candidatesFor(options))).open(path, options)
}

/** Every file that a cube or mask consists of, the one with the numbers first: what a record of a run hashes. Errors as `openCube`. */
export async function filesOf(reference: string): Promise<string[]> {
  const { path } = parseReference(reference)
  await requireFile(path)
  const head = await readHead(path, HEAD_BYTES)
  if (isCorrection(head)) return [...(await filesOfItself(parseReference((await readCorrection(path)).reference).path)), path]
  if (isNamedMask(head)) return [...(await filesOfItself(parseReference((await readNamedMask(path)).reference).path)), path]
  return await filesOfItself(path)
}

async function filesOfItself(path: string): Promise<string[]> {
  await requireFile(path)
  const format = await formatOf(path, await readHead(path, HEAD_BYTES), [...formats, ...maskFormats])
  return format.files ? await format.files(path) : [path]
}

/** A picture is a mask, never a cube. */
function candidatesFor(options: OpenOptions): readonly CubeFormat[] {
  return options.maskFor ? [...formats, ...maskFormats] : formats
}

async function formatOf(path: string, head: Uint8Array, candidates: readonly CubeFormat[]): Promise<CubeFormat> {
  for (const format of candidates) if (await format.recognises(path, head)) return format
  throw notACube(path, head)
}
