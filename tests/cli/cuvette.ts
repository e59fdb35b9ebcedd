import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { Problem } from '../../src/shared/problem'

export const root = resolve(import.meta.dirname, '..', '..')
export const sample = join(root, 'resources', 'sample', 'farm.hdr')
export const pipelines = join(root, 'resources', 'pipelines')
/** Real cubes; see CONTRIBUTING. */
export const dataFolder = resolve(process.env.CUVETTE_DATA_DIR ?? join(root, '..', 'shared', 'data'))

const entry = join(root, 'out', 'main', 'cli.js')

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** The tests look at what is shipped, so out/ must be as new as the sources. */
export async function built(): Promise<void> {
  const script = `const { ensureBuilt } = await import(${JSON.stringify(pathToFileURL(join(root, 'scripts', 'prerequisites', 'build.mjs')).href)}); await ensureBuilt()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
}

export interface HowToRun {
  cwd?: string
  /** Looks at the child while it runs. */
  watch?: (child: ChildProcess) => void
  program?: string
  /** Before the arguments; default: the built entry. */
  words?: string[]
}

/** Runs the built command line. */
export function cuvette(args: readonly string[], { cwd = root, watch, program = process.execPath, words = [entry] }: HowToRun = {}): Promise<Finished> {
  return new Promise((settle, reject) => {
    const child = spawn(program, [...words, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) => settle({ code, signal, stdout, stderr }))
    watch?.(child)
  })
}

/** stdout as the one JSON document that it must be. */
export function documentOf<T>(finished: Finished): T {
  expect(finished.stdout.trimEnd(), finished.stderr).toMatch(/^[{[][\s\S]*[}\]]$/)
  return JSON.parse(finished.stdout) as T
}

/** Runs with --json, expects success, gives the document. */
export async function answer<T>(args: readonly string[], how?: HowToRun): Promise<T> {
  const finished = await cuvette([...args, '--json'], how)
  expect(finished.code, `${finished.stderr}${finished.stdout}`).toBe(0)
  return documentOf<T>(finished)
}

/** Runs with --json, expects exit code 1 and one sentence, gives the problem. */
export async function refusal(args: readonly string[], how?: HowToRun): Promise<Problem> {
  const finished = await cuvette([...args, '--json'], how)
  expect(finished.code, `${finished.stderr}${finished.stdout}`).toBe(1)
  const { error } = documentOf<{ error: Problem }>(finished)
  expect(error.code).not.toBe('internal')
  expect(error.message).toMatch(/^[\S\s]*[.!?)]$/)
  expect(error.message).not.toMatch(/\n|\bat .*:\d+:\d+|TypeError|undefined|NaN:/)
  return error
}

/** Every file below a folder, for "nothing is left behind". Empty when the folder is not there. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((found) => !found.isDirectory()).map((found) => join(found.parentPath, found.name)).sort()
}
