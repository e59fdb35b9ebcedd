import { dirname } from 'node:path'
import * as v from 'valibot'
import type { Settings } from '../shared/contract'
import { LARGEST_MEMORY_MB, LEAST_MEMORY_MB } from '../shared/memory'
import { makeFolder } from './folders'
import { readJsonFile, writeJsonFile } from './json-file'

export const SettingsSchema = v.strictObject({
  memoryMB: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(LEAST_MEMORY_MB), v.maxValue(LARGEST_MEMORY_MB))),
  overviews: v.boolean(),
  theme: v.picklist(['system', 'light', 'dark']),
  tourSeen: v.boolean(),
})

const FIRST: Settings = { memoryMB: null, overviews: true, theme: 'system', tourSeen: false }

/** A file from before a setting was there has its first value. */
const FileSchema = v.strictObject({
  ...SettingsSchema.entries,
  theme: v.optional(SettingsSchema.entries.theme, FIRST.theme),
  tourSeen: v.optional(SettingsSchema.entries.tourSeen, FIRST.tourSeen),
})

/** What the person prefers, kept in the user's data folder. A damaged file is set aside and starts anew. */
export class SettingsFile {
  /** One after the other, so that no change is lost to another. */
  private changing: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly path: string,
    private values: Settings,
  ) {}

  static async open(path: string): Promise<SettingsFile> {
    const file = await readJsonFile(path, (value) => v.parse(FileSchema, value))
    return new SettingsFile(path, file.found === 'value' ? file.value : FIRST)
  }

  get current(): Settings {
    return this.values
  }

  /** Holds from the next work on. Throws CuvetteError('cannot-write'); then the earlier ones hold. */
  async change(change: Partial<Settings>): Promise<Settings> {
    const next = this.changing.then(async () => {
      const values = { ...this.values, ...change }
      await makeFolder(dirname(this.path))
      await writeJsonFile(this.path, values)
      this.values = values
      return values
    })
    this.changing = next.catch(() => undefined)
    return await next
  }
}
