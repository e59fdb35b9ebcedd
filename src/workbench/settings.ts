import { dirname } from 'node:path'
import * as v from 'valibot'
import type { Settings } from '../shared/contract'
import { LARGEST_MEMORY_MB, LEAST_MEMORY_MB } from '../shared/memory'
import { makeFolder } from './folders'
import { readJsonFile, writeJsonFile } from './json-file'

export const SettingsSchema = v.strictObject({
  memoryMB: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(LEAST_MEMORY_MB), v.maxValue(LARGEST_MEMORY_MB))),
  overviews: v.boolean(),
})

const FIRST: Settings = { memoryMB: null, overviews: true }

/** What the person prefers, kept in the user's data folder. A damaged file is set aside and starts anew. */
export class SettingsFile {
  private constructor(
    private readonly path: string,
    private values: Settings,
  ) {}

  static async open(path: string): Promise<SettingsFile> {
    const file = await readJsonFile(path, (value) => v.parse(SettingsSchema, value))
    return new SettingsFile(path, file.found === 'value' ? file.value : FIRST)
  }

  get current(): Settings {
    return this.values
  }

  /** Holds from the next work on. Throws CuvetteError('cannot-write'); then the earlier ones hold. */
  async change(next: Settings): Promise<Settings> {
    await makeFolder(dirname(this.path))
    await writeJsonFile(this.path, next)
    this.values = next
    return next
  }
}
