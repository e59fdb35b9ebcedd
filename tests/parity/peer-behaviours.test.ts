import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missingTests } from './hold-behaviours'
import { BEHAVIOURS, subjects } from './peer-behaviours'

const all = subjects.flatMap(({ subject, behaviours }) => behaviours.map((one) => ({ subject, ...one })))

describe('the list of the behaviours that the peer tests', () => {
  it('has all of them, each once', () => {
    expect(all.length).toBe(BEHAVIOURS)
    expect(new Set(all.map(({ subject, says }) => `${subject}: ${says}`)).size).toBe(BEHAVIOURS)
  })

  it('names a file that is there, or says why not in a sentence', () => {
    for (const one of all) {
      if ('why' in one) expect(one.why).toMatch(/^[A-Z].{20,}\.$/)
      else expect(existsSync(resolve(import.meta.dirname, '../..', one.file)), one.file).toBe(true)
    }
    expect(all.filter((one) => 'why' in one).length).toBeLessThan(all.length / 8)
  })

  it('is held against the tests that ran: the whole last part of a name, in the file that it names', () => {
    const file = 'tests/a.test.ts'
    const list = [{ subject: 's', behaviours: [{ says: 'b', file, test: 'does it' }, { says: 'c', why: 'Not here.' }] }]
    expect(missingTests(list, [{ file, name: 'group > does it' }])).toEqual([])
    expect(missingTests(list, [{ file: 'tests/b.test.ts', name: 'does it' }])).toEqual([])
    expect(missingTests(list, [{ file, name: 'group > undoes it' }])).toEqual([`"s: b" names the test "does it" of ${file}, which is not there`])
  })
})
