import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { produceResult, requirePlace, resultOf } from '../../src/cli/batch/results'
import type { SceneJob } from '../../src/cli/batch/scene-job'
import type { RunReport } from '../../src/shared/reports'

let out: string
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'cuvette-results-'))
})
afterEach(() => rm(out, { recursive: true, force: true }))

const jobOf = (name: string, key = 'a'): SceneJob => ({ key: key.repeat(64), name, cube: `/data/${name}.hdr`, pipelineFolder: '/fitted', out, settings: { format: ['npy'], device: 'cpu' } })

/** Stands for a run: one file, and the report that names it. */
function scoreOf(job: SceneJob, content: string, meanwhile: () => Promise<unknown> = () => Promise.resolve()) {
  return async (folder: string): Promise<RunReport> => {
    await writeFile(join(folder, 'scores.npy'), content)
    await meanwhile()
    const report = { path: job.cube, shape: [1, 1, 1] as [number, number, number], threshold: 1, flagged: 0, seconds: 1, metrics: null, warnings: [], files: ['scores.npy'] }
    return { out: folder, device: 'cpu', deviceReason: '', peakMemoryMB: 1, cubes: [report] }
  }
}

const contentOf = (name: string): Promise<string> => readFile(join(out, name, 'scores.npy'), 'utf8')

describe('results of a batch', () => {
  it('are made once: who comes second finds the first', async () => {
    const job = jobOf('a')
    const first = await produceResult(job, 'one', scoreOf(job, 'first'))
    const second = await produceResult(job, 'two', scoreOf(job, 'second'))
    expect(first.by).toBe('one')
    expect(second).toEqual(first)
    expect(await contentOf('a')).toBe('first')
  })

  it('that two make at the same time are one', async () => {
    const job = jobOf('a')
    // The other one finishes while this one is still at work.
    const late = await produceResult(job, 'late', scoreOf(job, 'late', () => produceResult(job, 'early', scoreOf(job, 'early'))))
    expect(late.by).toBe('early')
    expect(await contentOf('a')).toBe('early')
    expect((await readdir(out)).filter((name) => name !== '.unfinished')).toEqual(['a'])
    expect(await readdir(join(out, '.unfinished')).catch(() => [])).toEqual([])
  })

  it('do not mind that others remove the folder above when it is empty', async () => {
    let going = true
    const remove = async (): Promise<void> => {
      while (going) {
        await rmdir(join(out, '.unfinished')).catch(() => undefined)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const removing = remove()
    try {
      for (let number = 0; number < 150; number += 1) {
        const job = jobOf(`cube${number}`)
        await produceResult(job, 'one', scoreOf(job, job.name))
      }
    } finally {
      going = false
      await removing
    }
    expect((await readdir(out)).filter((name) => name !== '.unfinished')).toHaveLength(150)
  })

  it('sweep away what others left at the same work, and nothing else', async () => {
    const job = jobOf('a')
    const left = join(out, '.unfinished', `a.${'a'.repeat(16)}.left-by-a-dead-worker`)
    const others = join(out, '.unfinished', `b.${'a'.repeat(16)}.of-another-cube`)
    for (const folder of [left, others]) await mkdir(folder, { recursive: true })
    await produceResult(job, 'one', scoreOf(job, 'first'))
    expect(await readdir(join(out, '.unfinished'))).toEqual([`b.${'a'.repeat(16)}.of-another-cube`])
  })

  it('make room for those of other work, and not when that fails', async () => {
    await produceResult(jobOf('a', '1'), 'one', scoreOf(jobOf('a'), 'old'))
    const job = jobOf('a', '2')
    expect(await resultOf(job)).toBeNull()
    await expect(produceResult(job, 'two', () => Promise.reject(new Error('no')))).rejects.toMatchObject({ code: 'cannot-write' })
    expect(await contentOf('a')).toBe('old')
    await produceResult(job, 'two', scoreOf(job, 'new'))
    expect(await contentOf('a')).toBe('new')
    expect((await readdir(out)).filter((name) => name !== '.unfinished')).toEqual(['a'])
  })

  it('never take the place of a folder that is none', async () => {
    const job = jobOf('a')
    await mkdir(join(out, 'a'))
    await requirePlace(job)
    await writeFile(join(out, 'a', 'mine.txt'), 'mine')
    await expect(requirePlace(job)).rejects.toMatchObject({ code: 'cannot-write' })
    await expect(produceResult(job, 'one', scoreOf(job, 'first'))).rejects.toMatchObject({ code: 'cannot-write' })
    expect(await readdir(join(out, 'a'))).toEqual(['mine.txt'])
  })
})
