import { describe, expect, it } from 'vitest'
import { matches, notRun } from './known-differences'
import { caseNames, vectorFiles } from './vector-files'

// That every case is run or listed is counted from what ran: tests/golden/count-cases.ts.

describe('reference vectors that are listed as not run', () => {
  // Other vectors need not have every case of our own copy.
  it.skipIf(process.env.CUVETTE_GOLDEN_DIR !== undefined)('exist, and each has a reason', () => {
    for (const { file, cases, reason } of notRun) {
      expect(vectorFiles()).toContain(file)
      expect(reason).toMatch(/^[A-Z].*\.$/)
      for (const pattern of cases) expect(caseNames(file).some((name) => matches(pattern, name)), `${file}: ${pattern}`).toBe(true)
    }
  })
})
