import { TestRunner, describe, expect, it } from 'vitest'
import { reasonNotRun } from './known-differences'
import type { NodeRun } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, goldenCases } from './read-vectors'

declare module 'vitest' {
  interface TaskMeta {
    /** Reference cases that the test runs, as "file/case" or "file/case/entry". */
    golden?: string[]
  }
}

/**
 * States that the test that is running runs this case ("case/entry" for one that is written inside of another). The cases
 * are counted from what the tests state here; what none states and no list names fails the run.
 */
export function runsCase(file: string, name: string): void {
  const meta = TestRunner.getCurrentTest()?.meta
  if (!meta) throw new Error(`No test is running that could run ${file}/${name}.`)
  ;(meta.golden ??= []).push(`${file}/${name}`)
}

/** One test for every case of a file that is not listed as not run. `run` must handle each of them. */
export function goldenSuite<T extends { name: string } = NodeCase>(file: string, run: (one: T) => Promise<void> | void): void {
  describe(`reference vectors: ${file}`, () => {
    for (const one of goldenCases<T>(file)) {
      if (reasonNotRun(file, one.name) !== null) continue
      it(one.name, () => {
        runsCase(file, one.name)
        return run(one)
      })
    }
  })
}

/** Every error of an errors case is either provoked here or listed as not run. */
export async function expectErrors(file: string, one: NodeCase, provoke: Record<string, () => Promise<unknown> | unknown>): Promise<void> {
  for (const [name, { raised }] of Object.entries(one.errors ?? {})) {
    if (reasonNotRun(file, `${one.name}/${name}`) !== null) continue
    expect(Object.keys(provoke), `${file}/${one.name}/${name} is neither run nor listed`).toContain(name)
    runsCase(file, `${one.name}/${name}`)
    const outcome = await Promise.resolve().then(provoke[name]).then(() => null, (error: unknown) => error)
    if (raised === true) {
      expect(outcome, `${name} must be refused`).toBeInstanceOf(Error)
      expect((outcome as Error).message).toMatch(/^[A-Z].*[.?]$/)
    } else {
      expect(outcome, `${name} must be accepted`).toBeNull()
    }
  }
}

/** Outputs, probe loss and gradients of a case, against its float32 and its float64 numbers. */
export function expectCase(found: NodeRun, one: NodeCase, tolerance: { outputs: number; gradients: number; cancelled?: number }): void {
  const compare = (results: Readonly<Record<string, StoredTensor | NodeRun['outputs'][string]>>, expected: Readonly<Record<string, StoredTensor>> | undefined, relative: number, what: string): void => {
    for (const [name, value] of Object.entries(expected ?? {})) expectClose(results[name], value, relative, `${what} ${name}`, tolerance.cancelled)
  }
  for (const port of Object.keys(one.outputs ?? {})) expect(Object.keys(found.outputs)).toContain(port)
  compare(found.outputs, one.outputs, tolerance.outputs, 'output')
  compare(found.outputs, one.outputs_f64, tolerance.outputs, 'output (float64)')
  for (const grads of [one.grads, one.grads_f64]) {
    compare(found.gradients, grads?.params, tolerance.gradients, 'gradient of')
    compare(found.inputGradients, grads?.inputs, tolerance.gradients, 'gradient of input')
  }
  if (Number.isNaN(Number(one.probe_loss ?? 0))) expect(found.loss).toBeNaN()
  else if (one.probe_loss !== undefined) {
    const size = Object.values(one.outputs ?? {}).reduce((sum, { data }) => sum + data.reduce<number>((total, value) => total + Math.abs(Number(value)), 0), 0)
    expect(Math.abs((found.loss ?? NaN) - one.probe_loss)).toBeLessThanOrEqual(tolerance.outputs * Math.max(Math.abs(one.probe_loss), size))
  }
}
