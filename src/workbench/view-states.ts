import { basename } from 'node:path'
import * as v from 'valibot'
import type { ViewStates } from '../shared/contract'
import { CuvetteError } from '../shared/problem'
import { readJsonFile, writeJsonFile } from './json-file'

const SAVE_AFTER_MS = 500
/** One part of the window; an arrangement of all panels takes some thousand characters. */
const MOST_CHARACTERS = 1_000_000

export const PartSchema = v.pipe(v.string(), v.regex(/^[a-z][a-z-]{0,39}$/, 'a name of lower-case letters'))
export const StateSchema = v.pipe(
  v.unknown(),
  v.check((state) => state !== undefined && JSON.stringify(state).length <= MOST_CHARACTERS, `JSON of at most ${MOST_CHARACTERS} characters`),
)

const FileSchema = v.record(PartSchema, v.unknown())

/**
 * How the window of a project was left: views.json beside project.json. What is in it is the
 * window's own business. A damaged file is set aside, and the window begins as it was at first.
 */
export class ViewStatesFile {
  private timer: NodeJS.Timeout | null = null
  private saving: Promise<void> = Promise.resolve()

  private constructor(
    private readonly path: string,
    private states: ViewStates,
    private readonly onProblem: (error: unknown) => void,
  ) {}

  static async open(path: string, onProblem: (error: unknown) => void): Promise<ViewStatesFile> {
    const file = await readJsonFile(path, (value) => v.parse(FileSchema, value))
    if (file.found === 'damage') {
      onProblem(new CuvetteError('bad-data', `How the window was left could not be read (${file.reason}); it was kept as ${basename(file.setAside)}, and the window looks as it did at first. Nothing else is touched.`, { path }))
    }
    return new ViewStatesFile(path, file.found === 'value' ? file.value : {}, onProblem)
  }

  get current(): ViewStates {
    return this.states
  }

  /** Written a moment from now; changes in quick succession are written once. */
  keep(part: string, state: unknown): void {
    this.states = { ...this.states, [part]: state }
    this.timer ??= setTimeout(() => void this.save(), SAVE_AFTER_MS)
  }

  /** Writes what waits to be written. */
  async close(): Promise<void> {
    if (this.timer) await this.save()
    await this.saving
  }

  private async save(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.saving = this.saving.then(() => writeJsonFile(this.path, this.states)).catch(this.onProblem)
    await this.saving
  }
}
