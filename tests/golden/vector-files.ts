import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

// Where the vectors lie and which cases they hold. Needs no test runner: the reporter that counts the cases reads it, too.

export const vectorFolder = process.env.CUVETTE_GOLDEN_DIR ?? resolve(import.meta.dirname, 'vectors')

/** Names of all vector files, without ".json". */
export function vectorFiles(): string[] {
  return readdirSync(vectorFolder).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5)).sort()
}

/** The cases of a file. */
export function goldenCases<T>(file: string): T[] {
  return (JSON.parse(readFileSync(join(vectorFolder, `${file}.json`), 'utf8')) as { cases: T[] }).cases
}

/** Names of a file's cases, and "case/entry" for the cases that are written inside of one: its errors and its own cases. */
export function caseNames(file: string): string[] {
  const written = goldenCases<{ name: string; errors?: Record<string, unknown>; cases?: { name: string }[] }>(file)
  return written.flatMap(({ name, errors = {}, cases = [] }) => [name, ...Object.keys(errors).map((entry) => `${name}/${entry}`), ...cases.map((entry) => `${name}/${entry.name}`)])
}
