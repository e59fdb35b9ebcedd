import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FORMATS_READ } from '../../src/engine/cube/formats'
import { problemOf, temporaryFolder } from '../cube/support/temporary'
import type { Entry } from './entries'
import { readEntries } from './entries'
import { look, written } from './look'

// What must be seen of every real file and of every small one, or the exact sentence that refuses it.

const data = process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data')
const there = existsSync(join(data, 'envi'))
if (!there) console.warn(`Skipped: entries of the manifest for real files, because ${data} is not there; set CUVETTE_DATA_DIR to the folder that holds them.`)

const scratch = temporaryFolder()
const entries = readEntries()
/** No file makes more than this be held, whatever its header claims. */
const MOST_BYTES = 64 * 1024 * 1024

describe('the manifest', () => {
  it('names each entry once', () => {
    const names = entries.map(({ name }) => name)
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })

  it('holds as many files as were promised, broken ones among them', () => {
    expect(entries.length).toBeGreaterThanOrEqual(120)
    expect(entries.filter(({ error }) => error !== undefined).length).toBeGreaterThanOrEqual(50)
  })

  it.skipIf(!there)('leaves out no real file', () => {
    const listed = entries.flatMap((entry) => (entry.data ? [entry.data] : []))
    const stem = (name: string): string => name.replace(/\.[^./]*$/, '')
    const missing = readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((found) => found.isFile() && !/^(README|LICENSE)/.test(found.name))
      .map((found) => relative(data, join(found.parentPath, found.name)))
      // Header and data of an image are looked at together.
      .filter((name) => !listed.some((other) => other === name || (name.startsWith('envi/') && (stem(other) === stem(name) || other === stem(name) || stem(other) === name))))
    expect(missing).toEqual([])
  })

  for (const entry of entries) {
    it.skipIf(entry.data !== undefined && !there)(entry.name, { timeout: 20_000 }, async () => {
      const folder = entry.data === undefined ? scratch.file(entry.name.replace(/[^a-z0-9]+/gi, '-')) : data
      const reference = entry.data === undefined ? written(entry, folder) : join(data, entry.open ?? entry.data)
      const before = process.memoryUsage().arrayBuffers
      await check(entry, reference, folder)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MOST_BYTES)
    })
  }
})

async function check(entry: Entry, reference: string, folder: string): Promise<void> {
  if (entry.error) {
    const { code, message } = await problemOf(() => look(entry, reference, folder, entry.error?.read))
    expect({ code, message }).toEqual({ code: entry.error.code, message: entry.error.message.replaceAll('{folder}', folder).replaceAll('{formats}', FORMATS_READ) })
    return
  }
  const { seen, value } = await look(entry, reference, folder)
  expect(seen).toEqual(JSON.parse(JSON.stringify(entry.seen).replaceAll('{folder}', folder)))
  expect(value).toBe(entry.value?.is === 'NaN' ? NaN : Math.fround(entry.value?.is ?? 0))
}
