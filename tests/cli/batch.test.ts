import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { BatchReport, FitReport, WorkerReport } from '../../src/shared/reports'
import { answer, built, cuvette, documentOf, filesBelow, refusal } from './cuvette'
import type { Finished } from './cuvette'
import type { TestRedis } from './redis'
import { freePort, redisProgram, startRedis } from './redis'
import { smallPipeline, writeSmallCube } from './small-cubes'

// Many cubes by local processes and over a queue on a real Redis: nothing is lost, nothing is there twice.

const redis = await redisProgram()

let folder: string
let cubes: string
let fitted: string
let out: string

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-batch-'))
  cubes = join(folder, 'cubes')
  await mkdir(cubes)
  for (const name of ['a', 'b', 'c', 'd', 'e']) await writeSmallCube(cubes, name, { lines: 40, samples: 30 })
  const pipeline = join(folder, 'small.yaml')
  await writeFile(pipeline, smallPipeline)
  fitted = (await answer<FitReport>(['fit', pipeline, '--data', join(cubes, 'a.hdr'), '--device', 'cpu', '--out', join(folder, 'fitted')])).out
}, 240_000)
beforeEach(async () => {
  out = await mkdtemp(join(folder, 'out-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const batch = (...more: string[]): string[] => ['batch', fitted, '--data', cubes, '--out', out, '--device', 'cpu', '--format', 'npy', ...more]

/** What is in the results: the folders, and who made each. Everything else would be half-written. */
async function results(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(out)).sort()) {
    if (name === 'batch.json') continue
    const { by, report } = JSON.parse(await readFile(join(out, name, 'result.json'), 'utf8')) as { by: string; report: { files: string[] } }
    expect((await readdir(join(out, name))).sort()).toEqual([...report.files, 'metrics.json', 'result.json'].sort())
    found[name] = by
  }
  return found
}

async function withBrokenCube(work: (broken: string) => Promise<void>): Promise<void> {
  const broken = await writeSmallCube(cubes, 'broken', { lines: 40, samples: 30, cut: 40 * 30 * 6 * 4 - 100 })
  try {
    await work(broken)
  } finally {
    await Promise.all(['hdr', 'img'].map((ending) => rm(join(cubes, `broken.${ending}`))))
  }
}

describe('a batch by processes of this machine', () => {
  test('scores every cube into a folder of its own, and only what is not there yet', async () => {
    const first = await answer<BatchReport>(batch('--processes', '2'))
    expect(first).toMatchObject({ out, queue: null, done: 5, kept: 0, failed: 0 })
    expect(first.cubes.map(({ name, status }) => [name, status])).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => [name, 'done']))
    expect(Object.keys(await results())).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(JSON.parse(await readFile(join(out, 'batch.json'), 'utf8'))).toEqual(first)
    // The same numbers as those of a run.
    const alone = join(folder, 'alone')
    await answer(['run', fitted, '--data', join(cubes, 'b.hdr'), '--out', alone, '--device', 'cpu', '--format', 'npy'])
    expect((await readFile(join(out, 'b', 'b_scores.npy'))).equals(await readFile(join(alone, 'b_scores.npy')))).toBe(true)

    const made = (await stat(join(out, 'a', 'result.json'))).mtimeMs
    await rm(join(out, 'c'), { recursive: true })
    const again = await answer<BatchReport>(batch())
    expect(again).toMatchObject({ done: 1, kept: 4 })
    expect(again.cubes.find(({ status }) => status === 'done')?.name).toBe('c')
    expect((await stat(join(out, 'a', 'result.json'))).mtimeMs).toBe(made)

    // Other options are other work: the old results make room.
    const other = await answer<BatchReport>(batch('--threshold', '0.001', '--regions', 'csv'))
    expect(other).toMatchObject({ done: 5, kept: 0 })
    expect(existsSync(join(out, 'a', 'a_regions.csv'))).toBe(true)
    expect(Object.keys(await results())).toEqual(['a', 'b', 'c', 'd', 'e'])
  }, 120_000)

  test('goes on where a cube fails, and says which and why', async () => {
    await withBrokenCube(async (broken) => {
      const finished = await cuvette([...batch(), '--json'])
      expect(finished.code).toBe(1)
      const report = documentOf<BatchReport>(finished)
      expect(report).toMatchObject({ done: 5, failed: 1 })
      expect(report.cubes.find(({ status }) => status === 'failed')).toMatchObject({ name: 'broken', by: null, report: null, problem: { code: 'truncated' } })
      expect(finished.stderr).toContain('1 cube of 6 could not be scored')
      expect(finished.stderr).toMatch(new RegExp(`broken.* was not scored: `))
      expect(broken).toContain('broken')
      expect(Object.keys(await results())).toEqual(['a', 'b', 'c', 'd', 'e'])
    })
  }, 60_000)

  test("never writes into a folder of somebody else's", async () => {
    await mkdir(join(out, 'b'))
    await writeFile(join(out, 'b', 'mine.txt'), 'mine')
    expect(await refusal(batch())).toMatchObject({ code: 'cannot-write', message: expect.stringContaining('is no result of a batch') as string })
    expect(await filesBelow(out)).toEqual([join(out, 'b', 'mine.txt')])
  }, 60_000)
})

describe('a queue that is not there', () => {
  test('is one sentence, soon, for batch and worker', async () => {
    const url = `redis://user:secret@127.0.0.1:${await freePort()}`
    for (const words of [batch('--queue', url), ['worker', '--queue', url]]) {
      const started = Date.now()
      const { code, message } = await refusal(words)
      expect(code).toBe('queue-unavailable')
      expect(message).toMatch(/^There is no queue at redis:\/\/127\.0\.0\.1:\d+: no program listens there; /)
      expect(message).not.toContain('secret')
      expect(Date.now() - started).toBeLessThan(15_000)
    }
    expect(await filesBelow(out)).toEqual([])
  }, 60_000)

  test('nor something else that listens', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined))
    const port = await new Promise<number>((resolve) => silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port)))
    expect((await refusal(['worker', '--queue', `redis://127.0.0.1:${port}`])).message).toContain('nothing there answers like Redis')
    silent.close()
    expect(await refusal(['worker', '--queue', 'http://127.0.0.1:80'])).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('redis://127.0.0.1:6379') as string })
  }, 60_000)
})

describe.skipIf(redis === null)('a batch over a queue', () => {
  let server: TestRedis
  const running: ChildProcess[] = []
  beforeEach(async () => {
    server = await startRedis(redis as string)
  })
  afterEach(async () => {
    for (const child of running.splice(0)) child.kill('SIGKILL')
    await server.close()
  })

  /** Starts a command that goes on while the test does other things. */
  function begin(words: string[]): { child: ChildProcess; finished: Promise<Finished>; said: () => string } {
    let child: ChildProcess | undefined
    let said = ''
    const finished = cuvette([...words, '--json'], { watch: (started) => {
      child = started
      started.stderr?.on('data', (text: string) => (said += text))
    } })
    running.push(child as ChildProcess)
    return { child: child as ChildProcess, finished, said: () => said }
  }
  const worker = (...more: string[]): string[] => ['worker', '--queue', server.url, ...more]

  async function until(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 60_000): Promise<void> {
    for (const end = Date.now() + milliseconds; !(await holds()); ) {
      if (Date.now() > end) throw new Error(`Waited in vain: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** A cube that takes a second or more to score. */
  async function largeCubes(count: number): Promise<string> {
    const place = join(folder, 'large')
    await mkdir(place, { recursive: true })
    for (let number = 0; number < count; number += 1) {
      if (!existsSync(join(place, `large${number}.hdr`))) await writeSmallCube(place, `large${number}`, { lines: 1200, samples: 400, value: (line, sample, band) => band + ((line * 31 + sample * 17) % 101) / 50 })
    }
    return place
  }

  test('is shared out among workers, tells about failures, and ends with everything once', async () => {
    await withBrokenCube(async () => {
      const first = begin(worker())
      const second = begin(worker('--processes', '2'))
      const finished = await cuvette([...batch('--queue', server.url), '--json'])
      const report = documentOf<BatchReport>(finished)
      expect(finished.code).toBe(1)
      expect(report).toMatchObject({ queue: server.url, done: 5, kept: 0, failed: 1 })
      expect(report.cubes.find(({ name }) => name === 'broken')?.problem).toMatchObject({ code: 'truncated' })
      const made = await results()
      expect(Object.keys(made)).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(report.cubes.filter(({ status }) => status === 'done').map(({ name, by }) => [name, by])).toEqual(Object.entries(made))

      for (const { child } of [first, second]) child.kill('SIGINT')
      const ended = await Promise.all([first.finished, second.finished])
      expect(ended.map(({ code }) => code)).toEqual([0, 0])
      const said = ended.map((each) => documentOf<WorkerReport>(each))
      expect(said.reduce((sum, { scored }) => sum + scored, 0)).toBe(5)
      expect(said.reduce((sum, { failed }) => sum + failed, 0)).toBe(1)
    })
  }, 120_000)

  test('loses nothing when a worker is killed in the middle, and has no result twice', async () => {
    const data = await largeCubes(3)
    const victim = begin(worker('--lease', '2'))
    const sent = begin(['batch', fitted, '--data', data, '--out', out, '--device', 'cpu', '--queue', server.url])
    await until('the worker begins', async () => (await readdir(join(out, '.unfinished')).catch(() => [])).length > 0)
    victim.child.kill('SIGKILL')
    await victim.finished
    const before = (await readdir(out)).filter((name) => name.startsWith('large'))
    expect(before.length).toBeLessThan(3)
    const rescuer = begin(worker('--lease', '2', '--until-empty'))
    const report = documentOf<BatchReport>(await sent.finished)
    expect(report).toMatchObject({ done: 3, failed: 0 })
    expect(Object.keys(await results())).toEqual(['large0', 'large1', 'large2'])
    expect(existsSync(join(out, '.unfinished'))).toBe(false)
    // What the victim had begun came from the other one.
    const ended = await rescuer.finished
    expect(ended.code, ended.stderr).toBe(0)
    expect(documentOf<WorkerReport>(ended).scored).toBe(3 - before.length)
  }, 120_000)

  test('sends its cubes again when the queue comes back empty', async () => {
    const sent = begin(batch('--queue', server.url))
    await until('the batch asks for workers', () => sent.said().includes('No worker takes cubes'))
    await server.kill()
    await server.start()
    const help = begin(worker())
    const finished = await sent.finished
    expect(documentOf<BatchReport>(finished)).toMatchObject({ done: 5, failed: 0 })
    expect(Object.keys(await results())).toEqual(['a', 'b', 'c', 'd', 'e'])
    help.child.kill('SIGINT')
    expect((await help.finished).code).toBe(0)
  }, 120_000)

  test('ends with a sentence when the queue stays away; what was finished is whole, and the same command continues', async () => {
    const data = await largeCubes(3)
    const words = ['batch', fitted, '--data', data, '--out', out, '--device', 'cpu']
    const help = begin(worker('--patience', '1'))
    const sent = begin([...words, '--queue', server.url, '--patience', '1'])
    await until('the worker begins', async () => (await readdir(join(out, '.unfinished')).catch(() => [])).length > 0)
    await server.kill()
    for (const each of [sent, help]) {
      const finished = await each.finished
      expect(finished.code).toBe(1)
      expect(documentOf<{ error: { code: string; message: string } }>(finished).error).toMatchObject({ code: 'queue-unavailable', message: expect.stringMatching(/went away and did not come back within 1 s/) as string })
    }
    const whole = Object.keys(await results())
    expect(whole.length).toBeLessThan(3)
    const rest = await answer<BatchReport>(words)
    expect(rest).toMatchObject({ done: 3 - whole.length, kept: whole.length })
  }, 120_000)

  test('takes back what nobody has begun when it is stopped', async () => {
    const sent = begin(batch('--queue', server.url))
    await until('the batch asks for workers', () => sent.said().includes('No worker takes cubes'))
    sent.child.kill('SIGINT')
    const finished = await sent.finished
    expect(documentOf<{ error: { code: string } }>(finished).error.code).toBe('cancelled')
    const ended = await answer<WorkerReport>(worker('--until-empty'))
    expect(ended.scored).toBe(0)
    expect(await filesBelow(out)).toEqual([])
  }, 60_000)

  test('does not trust what lies in the queue', async () => {
    const { Queue } = await import('bullmq')
    const { Redis } = await import('ioredis')
    const connection = new Redis(server.url, { maxRetriesPerRequest: null })
    const queue = new Queue('cuvette', { connection })
    const outside = join(folder, 'outside')
    await queue.add('evil', { key: 'x', name: '../outside', cube: 'a', pipelineFolder: fitted, out, settings: {} }, { jobId: 'evil' })
    const ended = await cuvette([...worker('--until-empty'), '--json'])
    expect(documentOf<WorkerReport>(ended)).toMatchObject({ scored: 0, failed: 1 })
    expect(ended.stderr).toContain('The job evil in the queue is not one of a batch of this version')
    expect(existsSync(outside)).toBe(false)
    await queue.close()
    connection.disconnect()
  }, 60_000)
})
