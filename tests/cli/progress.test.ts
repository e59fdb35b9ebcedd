import { describe, expect, test } from 'vitest'
import { progressOn } from '../../src/cli/progress'
import { terminalOn } from '../../src/cli/terminal'
import { duration, figures, qualityWords, table } from '../../src/cli/words'
import type { WorkProgress } from '../../src/shared/reports'

/** A stream that keeps what is written. */
function stream(isTTY: boolean, columns = 60) {
  const written: string[] = []
  return { stream: { isTTY, columns, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream, written }
}

const training = (done: number): WorkProgress => ({ kind: 'stage', stage: 'gradient', message: 'Training', done, total: 100, secondsLeft: 12 })
const epoch = (number: number, epochs: number): WorkProgress => ({
  kind: 'epoch', epochs, secondsLeft: 75, record: { epoch: number, loss: 1 / number, validationLoss: null, learningRate: 0.001, gradientNorm: null, metrics: { auc: 0.95 } },
})

describe('progress', () => {
  test('in a log: whole lines, few of them, nothing twice', () => {
    const { stream: log, written } = stream(false)
    const tell = progressOn(terminalOn(log))
    tell({ kind: 'device', device: 'cpu', reason: 'CPU: chosen by the user.' })
    tell({ kind: 'device', device: 'cpu', reason: 'CPU: chosen by the user.' })
    tell({ kind: 'warning', message: 'One band is constant.' })
    for (let number = 1; number <= 100; number += 1) {
      tell(training(number))
      tell(epoch(number, 100))
    }
    expect(written.slice(0, 2)).toEqual(['Runs on CPU: chosen by the user.\n', 'Warning: One band is constant.\n'])
    expect(written.filter((line) => line.startsWith('epoch'))).toHaveLength(11)
    expect(written.at(-1)).toBe('epoch 100/100  loss 0.01  AUC 0.9500  about 1 min 15 s left\n')
    expect(written.filter((line) => line.startsWith('Training'))).toEqual(['Training 1 %  about 12 s left\n'])
    expect(written.join('')).not.toMatch(/[\r\u001b]/)
  })

  test('on a terminal: one line, rewritten, never wider than the window, gone at the end', () => {
    const { stream: screen, written } = stream(true, 40)
    const terminal = terminalOn(screen)
    const tell = progressOn(terminal)
    tell(training(1))
    tell(epoch(1, 100))
    tell(training(2))
    terminal.clearStatus()
    terminal.clearStatus()
    expect(written.every((text) => text.startsWith('\r\u001b[2K'))).toBe(true)
    for (const text of written) expect(text.replace('\r\u001b[2K', '').length).toBeLessThan(40)
    expect(written.join('')).not.toContain('\n')
    // While an epoch runs on, the last one stays in sight.
    expect(written[2]).toContain('epoch 1/100')
    expect(written.at(-1)).toBe('\r\u001b[2K')
    expect(written).toHaveLength(4)
  })
})

describe('words', () => {
  test('durations and figures', () => {
    expect([0.04, 9.96, 59.7, 75, 3700].map((seconds) => duration(seconds))).toEqual(['0.0 s', '10.0 s', '1 min 0 s', '1 min 15 s', '1 h 1 min'])
    expect([1234.5678, 0.00012345, 1e9, NaN].map(figures)).toEqual(['1235', '0.0001234', '1000000000', 'NaN'])
  })

  test('a mask with one class has no AUC', () => {
    const confusion = { truePositives: 0, falsePositives: 1, trueNegatives: 2, falseNegatives: 0 }
    expect(qualityWords({ auc: null, averagePrecision: null, precision: 0, recall: 0, f1: 0, iou: 0, threshold: 1, confusion })).toBe(
      'AUC not defined (the mask holds one class only), precision 0.000, recall 0.000, F1 0.000, IoU 0.000',
    )
  })

  test('a table aligns numbers to the right', () => {
    expect(table(['name', 'n'], [['a', '10'], ['bcdef', '2']])).toBe('  name    n\n  a      10\n  bcdef   2')
  })
})
