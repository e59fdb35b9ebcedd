import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { CubeDescription, MaskDescription } from '../../src/shared/cube'
import { readMask } from '../../src/engine/cube/mask'
import { openCube } from '../../src/engine/cube/open-cube'
import { openLibrary } from '../../src/engine/cube/spectral-library/library'
import type { Entry } from './entries'
import { recipes } from './recipes'

/** Longer lists are compared by their length and their ends. */
const WHOLE_LIST = 8

/** Opens, describes and reads one value. */
export async function look(entry: Entry, reference: string, folder: string, mustOpen = false): Promise<{ seen: unknown; value: number }> {
  const [line = 0, sample = 0, band = 0] = entry.value?.at ?? []
  if (entry.maskFor) {
    const { description, values } = await readMask(reference, entry.maskFor)
    return { seen: plain(description, folder), value: values[line * entry.maskFor[1] + sample] }
  }
  if (entry.library) {
    const library = await openLibrary(reference)
    try {
      return { seen: plain(library.description, folder), value: Math.fround((await library.spectrum(line))[sample]) }
    } finally {
      await library.close()
    }
  }
  const cube = await openCube(reference).catch((error: unknown) => {
    throw mustOpen ? new Error('It was expected to open.', { cause: error }) : error
  })
  try {
    const [value] = await cube.readPixels({ line, sample, lines: 1, samples: 1 }, [band])
    return { seen: plain(cube.description, folder), value }
  } finally {
    await cube.close()
  }
}

/** A description as entries write it: without what is absent or empty, paths relative, long lists by their ends. */
function plain(description: CubeDescription | MaskDescription, folder: string): unknown {
  const facts = JSON.parse(JSON.stringify(description)) as Record<string, unknown>
  if ('format' in facts) delete facts.path
  else facts.path = relative(folder, description.path)
  if (facts.mask) facts.mask = plain(facts.mask as MaskDescription, folder)
  const library = facts.library as { spectra: unknown } | undefined
  if (library) library.spectra = short(library.spectra)
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== null && !(Array.isArray(fact) && fact.length === 0)).map(([key, fact]) => [key, key === 'variables' || key === 'classes' || key === 'warnings' ? fact : short(fact)]))
}

function short(fact: unknown): unknown {
  return Array.isArray(fact) && fact.length > WHOLE_LIST ? { count: fact.length, first: fact[0], last: fact[fact.length - 1] } : fact
}

/** Writes the files of an entry into a new folder; answers what is opened. */
export function written(entry: Entry, folder: string): string {
  mkdirSync(folder)
  const recipe = recipes[entry.recipe ?? '']
  if (!recipe) throw new Error(`There is no recipe "${entry.recipe}".`)
  const opens = recipe.write(folder, entry.with)
  for (const change of entry.damage ?? []) {
    const path = join(folder, change.file)
    const bytes = readFileSync(path)
    if ('keep' in change) writeFileSync(path, bytes.subarray(0, change.keep))
    else if ('cut' in change) writeFileSync(path, bytes.subarray(0, bytes.length - change.cut))
    else {
      bytes.set(Buffer.from(change.hex.replaceAll(' ', ''), 'hex'), change.at < 0 ? bytes.length + change.at : change.at)
      writeFileSync(path, bytes)
    }
  }
  return join(folder, entry.open ?? opens)
}
