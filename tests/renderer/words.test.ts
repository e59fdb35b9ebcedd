import { describe, expect, it } from 'vitest'
import { bytes, percent, plural, ratio, significant, tickText } from '../../src/renderer/format/numbers'
import { duration, moment } from '../../src/renderer/format/times'
import { inOrder } from '../../src/renderer/panels/pipeline/node-order'
import { parseSetting } from '../../src/renderer/panels/pipeline/settings'
import { principalFiles } from '../../src/renderer/stores/open-files'

describe('numbers', () => {
  it('keep their significant digits', () => {
    expect([0.034567, 1234567, 12.3456, 0, -0.5, 1.5e-7, null, NaN, Infinity].map((value) => significant(value))).toEqual([
      '0.03457', '1.235e+6', '12.35', '0', '−0.5000', '1.5e−7', '–', '–', '∞',
    ])
  })

  it('stand short beside an axis', () => {
    expect([0.1, 0.30000000000000004, 1200, 2e-7, 0, -4].map(tickText)).toEqual(['0.1', '0.3', '1200', '2e−7', '0', '−4'])
  })

  it('have units', () => {
    expect([bytes(812), bytes(14_600_000), bytes(2.4e11)]).toEqual(['812 B', '14.6 MB', '240 GB'])
    expect([percent(0.0312), ratio(null), ratio(0.95264), plural(1, 'band'), plural(2048, 'band')]).toEqual(['3.1 %', '–', '0.953', '1 band', '2,048 bands'])
  })

  it('say how long', () => {
    expect([0, 59.4, 60, 200, 3900].map(duration)).toEqual(['0 s', '59 s', '1 min 00 s', '3 min 20 s', '1 h 05 min'])
  })

  it('say when', () => {
    const now = new Date(2026, 10, 23, 18, 0)
    expect(moment(new Date(2026, 10, 23, 9, 5).toISOString(), now)).toBe('09:05')
    expect(moment(new Date(2026, 10, 20, 9, 5).toISOString(), now)).toBe('20 Nov, 09:05')
    expect(moment('not a time', now)).toBe('not a time')
  })
})

describe('settings', () => {
  const epochs = { name: 'Epochs', whole: true, least: 1, most: 100 }
  const rate = { name: 'Learning rate', whole: false, above: 0 }

  it('are left to the pipeline when empty', () => {
    expect(parseSetting('  ', epochs)).toEqual({ value: null, problem: null })
  })

  it('are numbers within their rule', () => {
    expect(parseSetting('20', epochs)).toEqual({ value: 20, problem: null })
    expect(parseSetting('1e-3', rate)).toEqual({ value: 0.001, problem: null })
    expect(parseSetting('0,01', rate)).toEqual({ value: 0.01, problem: null })
  })

  it('say what is expected', () => {
    for (const text of ['0', '101', '2.5', 'many']) expect(parseSetting(text, epochs).problem).toBe('Epochs must be a whole number from 1 to 100.')
    for (const text of ['0', '-1', 'Infinity']) expect(parseSetting(text, rate).problem).toBe('Learning rate must be a number above 0.')
  })
})

describe('nodes', () => {
  const node = (name: string) => ({ name, type: 'T', known: true, parameters: {}, problems: [] })
  const summary = (names: string[], connections: [string, string][]) => ({
    name: '', epochs: null, problems: [], nodes: names.map(node), connections: connections.map(([from, to]) => ({ from: `${from}.out`, to: `${to}.in` })),
  })
  const names = (...args: Parameters<typeof summary>) => inOrder(summary(...args)).map((each) => each.name)

  it('come after those they hear from', () => {
    expect(names(['decider', 'norm', 'scores'], [['scores', 'decider'], ['norm', 'scores']])).toEqual(['norm', 'scores', 'decider'])
  })

  it('keep the order of the document otherwise', () => {
    expect(names(['b', 'a', 'c'], [])).toEqual(['b', 'a', 'c'])
  })

  it('are all shown even in a cycle or with a connection from nowhere', () => {
    expect(names(['a', 'b', 'c'], [['a', 'b'], ['b', 'a'], ['ghost', 'c']])).toHaveLength(3)
  })
})

describe('dropped files', () => {
  it('open a header instead of its data', () => {
    expect(principalFiles(['/d/a.hdr', '/d/a.img', '/d/b.mat', '/d/c.dat'])).toEqual(['/d/a.hdr', '/d/b.mat', '/d/c.dat'])
    expect(principalFiles(['/d/a.raw.hdr', '/d/a.raw'])).toEqual(['/d/a.raw.hdr'])
    expect(principalFiles(['C:\\x\\a.HDR', 'C:\\x\\a.bsq'])).toEqual(['C:\\x\\a.HDR'])
    expect(principalFiles(['/d/a', '/d/a.hdr'])).toEqual(['/d/a.hdr'])
  })
})
