import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { matches, notRun, reasonNotRun } from './known-differences'
import { goldenCases, vectorFiles } from './read-vectors'

interface Listed {
  name: string
  errors?: Record<string, unknown>
  cases?: { name: string }[]
}

/** Vector files that some test file names: those of goldenSuite run case by case, the others read the file themselves. */
function filesRunByTests(): Set<string> {
  const sources = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts') && name !== 'coverage.test.ts')
  const named = sources.flatMap((name) => [...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/['"/]([a-z0-9_]+)(?:\.json)?['"]/g)])
  return new Set(named.map(([, file]) => file))
}

/** Names of a file's cases, and "case/entry" for what cases hold inside. */
function allNames(file: string): string[] {
  return goldenCases<Listed>(file).flatMap(({ name, errors = {}, cases = [] }) => [name, ...Object.keys(errors).map((entry) => `${name}/${entry}`), ...cases.map((entry) => `${name}/${entry.name}`)])
}

describe('reference vectors are run or listed', () => {
  const run = filesRunByTests()

  it.each(vectorFiles())('%s', (file) => {
    if (run.has(file)) return
    const forgotten = goldenCases<Listed>(file).filter(({ name }) => reasonNotRun(file, name) === null).map(({ name }) => name)
    expect(forgotten, `no test runs ${file}.json`).toEqual([])
  })

  // Other vectors need not have every case of our own copy.
  it.skipIf(process.env.CUVETTE_GOLDEN_DIR !== undefined)('lists only what exists, each with a reason', () => {
    for (const { file, cases, reason } of notRun) {
      expect(vectorFiles()).toContain(file)
      expect(reason).toMatch(/^[A-Z].*\.$/)
      for (const pattern of cases) expect(allNames(file).some((name) => matches(pattern, name)), `${file}: ${pattern}`).toBe(true)
    }
  })
})
