import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
// @ts-expect-error scripts without types
import { buildWorker, fuzz } from '../../scripts/fuzz/supervise.mjs'
// @ts-expect-error scripts without types
import { targetNames } from '../../scripts/fuzz/targets.mjs'
import { mutate } from './mutate'
import { selfTargets } from './self-targets'
import { targets } from './targets'

const root = resolve(import.meta.dirname, '..', '..')
const SEED = 20_261_125

interface Findings {
  tried: Record<string, { refused: number; accepted: number; skipped: number }>
  findings: { target: string; number: number; what: string }[]
}

describe('damaged files', () => {
  it('every parser is a target', () => {
    expect(targetNames).toEqual(Object.keys(targets))
  })

  it('the same number makes the same damage, and nearly every number makes some', () => {
    const bytes = new Uint8Array(300).map((_, at) => at)
    const made = (number: number): string => Buffer.from(mutate(bytes, randomSource(number, 'x'))).toString('hex')
    expect(made(7)).toBe(made(7))
    const changed = Array.from({ length: 200 }, (_, number) => made(number)).filter((hex) => hex !== Buffer.from(bytes).toString('hex'))
    expect(changed.length).toBeGreaterThan(180)
    expect(new Set(changed).size).toBeGreaterThan(170)
  })

  it('every kind of defect is found', { timeout: 60_000 }, async () => {
    const worker = await buildWorker(root)
    const orders = Object.keys(selfTargets).map((target) => ({ target, number: 1 }))
    const { findings } = (await fuzz({ root, worker, targets: Object.keys(selfTargets), seconds: 0, seed: 1, orders })) as Findings
    expect(Object.fromEntries(findings.map(({ target, what }) => [target, what]))).toEqual({
      'self-throws': expect.stringContaining('Cannot read properties'),
      'self-internal': 'An internal error: Something is wrong.',
      'self-wordless': 'Not a sentence: no end',
      'self-hangs': 'took longer than 2 s',
      'self-waits': 'took longer than 2 s',
      'self-crashes': expect.stringMatching(/^ended the process/),
      'self-swells': expect.stringMatching(/^needed \d+ MB, more than 900$/),
    })
  })

  it('are refused in a sentence by every parser, in time and in bounds', { timeout: 120_000 }, async () => {
    const worker = await buildWorker(root)
    const orders = targetNames.flatMap((target: string) => Array.from({ length: 150 }, (_, number) => ({ target, number: SEED + number })))
    const { tried, findings } = (await fuzz({ root, worker, targets: targetNames, seconds: 0, seed: SEED, orders, workers: 1 })) as Findings
    expect(findings).toEqual([])
    for (const target of targetNames) {
      const { refused, accepted, skipped } = tried[target]
      expect(refused + accepted, target).toBe(150)
      // Damage that nobody notices would test nothing.
      expect(refused, target).toBeGreaterThan(15)
      expect(skipped, target).toBe(0)
    }
  })
})
