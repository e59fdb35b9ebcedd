import { describe, expect, it } from 'vitest'
import { countCases } from './count-cases'

const files = { rx: ['small', 'errors', 'errors/empty'], lad: ['default'] }
const listed = (file: string, name: string): boolean => `${file}/${name}` === 'rx/errors/empty'
const all = [{ cases: ['rx/small'], outcome: 'passed' as const }, { cases: ['rx/errors'], outcome: 'passed' as const }, { cases: ['lad/default'], outcome: 'passed' as const }]

describe('the count of the reference cases', () => {
  it('says how many passed and how many are listed, and where', () => {
    expect(countCases(all, files, listed)).toEqual({ line: 'golden: 3 cases passed, 1 listed with their reason (rx 1), of 4 in 2 files', wrong: [] })
  })

  it('counts a case as passed when all tests of it did', () => {
    const { line, wrong } = countCases([...all, { cases: ['rx/small', 'rx/small'], outcome: 'failed' }, { cases: ['lad/default'], outcome: 'skipped' }, { cases: ['lad/default'], outcome: 'passed' }], files, listed)
    expect(line).toBe('golden: 1 cases passed, 1 failed, 1 skipped because their files are not there, 1 listed with their reason (rx 1), of 4 in 2 files')
    expect(wrong).toEqual([])
  })

  it('names what was neither run nor listed, what is listed and ran, and what no file has', () => {
    expect(countCases(all.slice(1), files, listed).wrong).toEqual(['rx/small was neither run nor is it listed with a reason'])
    expect(countCases([...all, { cases: ['rx/errors/empty'], outcome: 'passed' }], files, listed).wrong).toEqual(['rx/errors/empty is listed as not run, but was run'])
    expect(countCases([...all, { cases: ['rx/large'], outcome: 'passed' }], files, listed).wrong).toEqual(['rx/large was run, but is in no file'])
  })
})
