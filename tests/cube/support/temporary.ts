import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { ProblemCode } from '../../../src/shared/problem'
import { CuvetteError } from '../../../src/shared/problem'

/** A folder for one test file, removed afterwards. */
export function temporaryFolder(): { path: string; file: (name: string, content?: Uint8Array | string) => string } {
  const path = mkdtempSync(join(tmpdir(), 'cuvette-test-'))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    file(name, content) {
      const full = join(path, name)
      if (content !== undefined) writeFileSync(full, content)
      return full
    },
  }
}

/** The problem that a call ends in; fails the test when it does not, or when the error is a defect. */
export async function problemOf(call: () => unknown): Promise<{ code: ProblemCode; message: string; path?: string; where?: string }> {
  try {
    await call()
  } catch (error) {
    if (error instanceof CuvetteError) return error
    throw error
  }
  throw new Error('The call was expected to fail, but it did not.')
}
