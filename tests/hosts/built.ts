import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

export const root = resolve(import.meta.dirname, '..', '..')

/** Builds out/ when it is older than the sources; the tests of this folder run what is shipped. */
export async function ensureBuiltOnce(): Promise<void> {
  const script = pathToFileURL(join(root, 'scripts', 'prerequisites', 'build.mjs')).href
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', `await (await import(${JSON.stringify(script)})).ensureBuilt()`], { cwd: root })
}

export function built(...parts: string[]): string {
  return join(root, 'out', ...parts)
}
