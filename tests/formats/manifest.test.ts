import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CubeDescription, MaskDescription } from '../../src/shared/cube'
import { FORMATS_READ } from '../../src/engine/cube/formats'
import { readMask } from '../../src/engine/cube/mask'
import { openCube } from '../../src/engine/cube/open-cube'
import { problemOf, temporaryFolder } from '../cube/support/temporary'
import type { Entry } from './entries'
import { readEntries } from './entries'
import { recipes } from './recipes'

// What must be seen of every real file and of every small one, or the exact sentence that refuses it.

const data = process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data')
const there = existsSync(join(data, 'envi'))
if (!there) console.warn(`Skipped: entries of the manifest for real files, because ${data} is not there; set CUVETTE_DATA_DIR to the folder that holds them.`)

const scratch = temporaryFolder()
const entries = readEntries()
/** Longer lists are compared by their length and their ends. */
const WHOLE_LIST = 8
/** No file makes more than this be held, whatever its header claims. */
const MOST_BYTES = 64 * 1024 * 1024

describe('the manifest', () => {
  it('names each entry once', () => {
    const names = entries.map(({ name }) => name)
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })

  for (const entry of entries) {
    it.skipIf(entry.data !== undefined && !there)(entry.name, { timeout: 20_000 }, async () => {
      const folder = entry.data === undefined ? written(entry) : data
      const before = process.memoryUsage().arrayBuffers
      await check(entry, folder)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MOST_BYTES)
    })
  }
})

async function check(entry: Entry, folder: string): Promise<void> {
  const reference = join(folder, entry.open ?? entry.data ?? made.get(folder) ?? '')
  if (entry.error) {
    const { code, message } = await problemOf(() => look(entry, reference, folder, entry.error?.read))
    expect({ code, message }).toEqual({ code: entry.error.code, message: entry.error.message.replaceAll('{folder}', folder).replaceAll('{formats}', FORMATS_READ) })
    return
  }
  const { seen, value } = await look(entry, reference, folder)
  expect(seen).toEqual(JSON.parse(JSON.stringify(entry.seen).replaceAll('{folder}', folder)))
  expect(value).toBe(entry.value?.is === 'NaN' ? NaN : Math.fround(entry.value?.is ?? 0))
}

/** Opens, describes and reads one value. */
async function look(entry: Entry, reference: string, folder: string, mustOpen = false): Promise<{ seen: unknown; value: number }> {
  const [line = 0, sample = 0, band = 0] = entry.value?.at ?? []
  if (entry.maskFor) {
    const { description, values } = await readMask(reference, entry.maskFor)
    return { seen: plain(description, folder), value: values[line * entry.maskFor[1] + sample] }
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

/** What each folder's recipe says is opened. */
const made = new Map<string, string>()

function written(entry: Entry): string {
  const folder = scratch.file(entry.name.replaceAll('/', '-').replaceAll(' ', '_'))
  mkdirSync(folder)
  const recipe = recipes[entry.recipe ?? '']
  if (!recipe) throw new Error(`There is no recipe "${entry.recipe}".`)
  made.set(folder, recipe.write(folder, entry.with))
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
  return folder
}
