import fc from 'fast-check'
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { DEEP_SVDD } from './documents'

const artifacts = resolve(import.meta.dirname, '../golden/artifacts')
const texts = [DEEP_SVDD, ...readdirSync(artifacts).filter((name) => name.endsWith('.yaml')).map((name) => readFileSync(join(artifacts, name), 'utf8'))]

/** A summary comes back, whatever is in the text, and every problem is a sentence. */
function open(text: string): void {
  const { problems, nodes } = describePipeline(text, 'p.yaml', { channels: 8, wavelengthsNm: null })
  for (const { message } of [...problems, ...nodes.flatMap((node) => node.problems)]) expect(message).toMatch(/^[A-Z][^]*[.?]$/)
}

describe('damaged documents', () => {
  it('never crash: characters changed', () => {
    const change = fc.record({ at: fc.nat(3000), take: fc.nat(8), put: fc.constantFrom('', ' ', ':', '[', '{', '- ', '\n', '\t', '"', '&a ', '*a', '0', 'null', '~', '!!binary x', '\u0000', 'é', '<<: ') })
    fc.assert(fc.property(fc.constantFrom(...texts), fc.array(change, { minLength: 1, maxLength: 4 }), (text, changes) => {
      open(changes.reduce((whole, { at, take, put }) => `${whole.slice(0, at % whole.length)}${put}${whole.slice((at % whole.length) + take)}`, text))
    }), { seed: 1, numRuns: 60 })
  })

  it('never crash: lines left out, doubled and swapped', () => {
    fc.assert(fc.property(fc.constantFrom(...texts), fc.nat(200), fc.nat(200), fc.constantFrom('drop', 'double', 'swap'), (text, from, to, how) => {
      const lines = text.split('\n')
      const [a, b] = [from % lines.length, to % lines.length]
      if (how === 'drop') lines.splice(a, 1)
      if (how === 'double') lines.splice(b, 0, lines[a])
      if (how === 'swap') [lines[a], lines[b]] = [lines[b], lines[a]]
      open(lines.join('\n'))
    }), { seed: 2, numRuns: 60 })
  })

  it('never crash: random text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), open), { seed: 3, numRuns: 40 })
  })
})
