import { readdirSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import { reasonNotRun } from './known-differences'
import type {} from './suite'
import { caseNames, vectorFiles } from './vector-files'

type Outcome = 'passed' | 'failed' | 'skipped'

/** Of reference cases, how each came out, and one line that says so. */
export interface Count {
  line: string
  /** Cases that no test ran and that are not listed; cases that tests ran and no file has; cases that ran although they are listed. */
  wrong: string[]
}

/**
 * Counts the cases of the files from what tests say they ran: `ran` holds the outcome of every test by the cases it stated.
 * A case passed when all tests of it did.
 */
export function countCases(ran: readonly { cases: readonly string[]; outcome: Outcome }[], files: Readonly<Record<string, readonly string[]>>, listed: (file: string, name: string) => boolean): Count {
  const outcomes = new Map<string, Outcome>()
  for (const { cases, outcome } of ran) {
    for (const name of cases) {
      const before = outcomes.get(name)
      if (before === undefined || outcome === 'failed' || (outcome === 'skipped' && before === 'passed')) outcomes.set(name, outcome)
    }
  }
  const count: Record<Outcome, number> = { passed: 0, failed: 0, skipped: 0 }
  for (const outcome of outcomes.values()) count[outcome] += 1
  const excused = new Map<string, number>()
  const known = new Set<string>()
  const wrong: string[] = []
  for (const [file, names] of Object.entries(files)) {
    for (const name of names) {
      known.add(`${file}/${name}`)
      const hasRun = outcomes.has(`${file}/${name}`)
      if (listed(file, name)) {
        excused.set(file, (excused.get(file) ?? 0) + 1)
        if (hasRun) wrong.push(`${file}/${name} is listed as not run, but was run`)
      } else if (!hasRun) wrong.push(`${file}/${name} was neither run nor is it listed with a reason`)
    }
  }
  for (const name of outcomes.keys()) if (!known.has(name)) wrong.push(`${name} was run, but is in no file`)
  const total = [...excused.values()].reduce((sum, number) => sum + number, 0)
  const where = [...excused].map(([file, number]) => `${file} ${number}`).join(', ')
  const parts = [`${count.passed} cases passed`]
  if (count.failed > 0) parts.push(`${count.failed} failed`)
  if (count.skipped > 0) parts.push(`${count.skipped} skipped because their files are not there`)
  parts.push(`${total} listed with their reason${total > 0 ? ` (${where})` : ''}`)
  return { line: `golden: ${parts.join(', ')}, of ${known.size} in ${Object.keys(files).length} files`, wrong }
}

/**
 * Prints how many reference cases passed and how many are listed. A run of all golden tests in which cases ran that no file
 * has, or did not run although no list names them, fails. Runs of a part only print.
 */
export default class CaseCounter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const golden = modules.filter(({ moduleId }) => moduleId.includes('/tests/golden/'))
    const tests = golden.flatMap((module) => [...module.children.allTests()])
    const ran = tests.map((test) => ({ cases: test.meta().golden ?? [], outcome: test.result().state as Outcome | 'pending' }))
      .map(({ cases, outcome }) => ({ cases, outcome: outcome === 'pending' ? 'failed' as const : outcome }))
    if (ran.every(({ cases }) => cases.length === 0)) return
    const { line, wrong } = countCases(ran, Object.fromEntries(vectorFiles().map((file) => [file, caseNames(file)])), (file, name) => reasonNotRun(file, name) !== null)
    const all = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
    const isWhole = all.every((name) => golden.some(({ moduleId }) => moduleId.endsWith(`/${name}`)))
    console.log(`\n${line}${isWhole ? '' : '; not all golden tests were asked for'}`)
    if (!isWhole) return
    for (const sentence of wrong) console.error(`golden: ${sentence}`)
    if (wrong.length > 0) process.exitCode = 1
  }
}
