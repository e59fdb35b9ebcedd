import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FitReport, RunReport } from '../../src/shared/reports'
import { answer, built, cuvette, documentOf, filesBelow } from './cuvette'
import { smallPipeline, writeSmallCube } from './small-cubes'

let folder: string
let cube: string
let pipeline: string

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
  cube = await writeSmallCube(folder, 'cube', { lines: 64, samples: 64 })
  pipeline = join(folder, 'long.yaml')
  await writeFile(pipeline, smallPipeline.replace('epochs: 2', 'epochs: 100000\n  batch: {pixels: 256}'))
}, 180_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Sends signals when the first epoch has been told, one for each line that follows. */
function onEpoch(...signals: NodeJS.Signals[]): (child: ChildProcess) => void {
  return (child) => {
    let told = ''
    child.stderr?.on('data', (text: string) => {
      told += text
      if (signals.length > 0 && /epoch 1\//.test(told)) child.kill(signals.shift())
    })
  }
}

describe('Ctrl+C while training', () => {
  test('once: the state is saved, the report says so, exit code 1; --resume continues to the same end', async () => {
    const out = join(folder, 'stopped')
    const finished = await cuvette(['fit', pipeline, '--data', cube, '--device', 'cpu', '--seed', '3', '--out', out, '--json'], { watch: onEpoch('SIGINT') })
    expect(finished.code).toBe(1)
    expect(finished.stderr).toMatch(/Stopping/)
    expect(finished.stderr).toMatch(/cuvette: The training was stopped after \d+ epochs?/)
    const report = documentOf<FitReport>(finished)
    expect(report.stopped).toBe(true)
    const epochs = report.phases.gradient?.epochs as number
    expect(epochs).toBeGreaterThanOrEqual(1)
    expect(epochs).toBeLessThan(100_000)
    expect(await filesBelow(out)).toEqual([...report.files].map((name) => join(out, name)).sort())

    // What is saved can be used.
    const run = await answer<RunReport>(['run', out, '--data', cube, '--device', 'cpu', '--out', join(folder, 'stopped-run')])
    expect(run.cubes[0].flagged).toBeGreaterThan(0)

    const resumed = await answer<FitReport>(['fit', pipeline, '--data', cube, '--device', 'cpu', '--seed', '3', '--epochs', String(epochs + 3), '--out', out, '--resume'])
    expect(resumed.stopped).toBe(false)
    expect(resumed.phases.gradient?.loss).toHaveLength(epochs + 3)
    const straight = join(folder, 'straight')
    const through = await answer<FitReport>(['fit', pipeline, '--data', cube, '--device', 'cpu', '--seed', '3', '--epochs', String(epochs + 3), '--out', straight])
    expect(resumed.phases.gradient?.loss).toEqual(through.phases.gradient?.loss)
    expect((await readFile(join(out, 'state.safetensors'))).equals(await readFile(join(straight, 'state.safetensors')))).toBe(true)
  }, 120_000)

  test('twice: ends at once; what is there is whole', async () => {
    const out = join(folder, 'killed')
    const finished = await cuvette(['fit', pipeline, '--data', cube, '--device', 'cpu', '--out', out, '--json'], { watch: onEpoch('SIGINT', 'SIGINT') })
    if (finished.signal === null) {
      // The orderly stop was quicker than the second signal.
      expect(documentOf<FitReport>(finished).stopped).toBe(true)
      return
    }
    expect(finished.signal).toBe('SIGINT')
    expect(finished.stdout).toBe('')
    // A killed process cannot clear up; the next fit does.
    const again = await answer<FitReport>(['fit', pipeline, '--data', cube, '--device', 'cpu', '--epochs', '2', '--out', out])
    expect(again.phases.gradient?.epochs).toBe(2)
    expect((await filesBelow(out)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  }, 60_000)
})

/** What the address answers first, what it answers with the cookie that came, and what without. */
async function visit(url: string): Promise<number[]> {
  const first = await fetch(url, { redirect: 'manual' })
  const page = new URL(first.headers.get('location') ?? '/', url)
  const withCookie = await fetch(page, { headers: { cookie: (first.headers.get('set-cookie') ?? '').split(';')[0] } })
  return [first.status, withCookie.status, (await fetch(page)).status]
}

describe('serve', () => {
  test('prints its address, answers, and ends with Ctrl+C', async () => {
    const answers: (number | string | null)[] = []
    const finished = await cuvette(['serve', folder, '--json'], {
      watch: (child) => {
        let told = ''
        child.stdout?.on('data', (text: string) => {
          told += text
          if (!told.trimEnd().endsWith('}')) return
          const { url } = JSON.parse(told) as { url: string }
          void visit(url).then((found) => answers.push(...found)).finally(() => child.kill('SIGINT'))
        })
      },
    })
    expect(finished.code, finished.stderr).toBe(0)
    const { url, project } = documentOf<{ url: string; project: string }>(finished)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//)
    expect(project).toBe(folder)
    // The token becomes a cookie; with it the page comes, without it nothing does.
    expect(answers).toEqual([303, 200, 403])
  }, 60_000)

  test('refuses a folder that is not there and a port that is taken', async () => {
    const nowhere = await cuvette(['serve', join(folder, 'nowhere'), '--json'])
    expect(nowhere.code).toBe(1)
    expect(documentOf(nowhere)).toMatchObject({ error: { code: 'missing-file' } })
  })
})
