import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunEntry } from '../../src/shared/contract'
import { CuvetteError } from '../../src/shared/problem'
import type { DeciderReport, DeciderRequest, ExportRequest, FitReport, FitRequest, RunReport, RunRequest } from '../../src/shared/reports'
import type { Bench, FakeContext, FakeHandlers } from './fake-host'
import { startBench, until } from './fake-host'

const METRICS = {
  auc: 0.9, averagePrecision: 0.5, precision: 0.6, recall: 0.7, f1: 0.65, iou: 0.4, threshold: 2.5,
  confusion: { truePositives: 3, falsePositives: 2, trueNegatives: 18, falseNegatives: 1 },
}

/** A fit that does as many epochs as `allow` says, stops when told, and writes a checkpoint as it goes. */
function fakeFit() {
  const requests: FitRequest[] = []
  let allowed = 0
  let done = 0
  const fit = async (request: FitRequest, { signal, progress }: FakeContext): Promise<FitReport> => {
    requests.push(request)
    await mkdir(join(request.out, 'training'), { recursive: true })
    progress({ kind: 'device', device: 'cpu', reason: 'CPU: asked for.' })
    const epochs = request.epochs ?? 20
    const first = request.resume ? Number(await readFile(join(request.out, 'training', 'checkpoint'), 'utf8')) : 0
    const loss: number[] = []
    for (let epoch = first + 1; epoch <= epochs; epoch += 1) {
      await until(() => signal.aborted || done < allowed)
      if (signal.aborted) return report(request, loss, true)
      await writeFile(join(request.out, 'training', 'checkpoint'), String(epoch))
      done += 1
      loss.push(1 / epoch)
      progress({ kind: 'stage', stage: 'train', message: 'Training', done: epoch, total: epochs, secondsLeft: epochs - epoch })
      progress({ kind: 'epoch', record: { epoch, loss: 1 / epoch, validationLoss: null, learningRate: 0.01, gradientNorm: null, metrics: {} }, epochs, secondsLeft: epochs - epoch })
    }
    return report(request, loss, false)
  }
  return { requests, fit, allow: (epochs: number) => (allowed = epochs) }
}

function report(request: FitRequest, loss: number[], stopped: boolean): FitReport {
  return {
    out: request.out, device: 'cpu', deviceReason: 'CPU: asked for.', seed: request.seed ?? 42, seconds: 1, stopped,
    phases: { statistical: { nodes: [], pixels: 24, seconds: 0 }, gradient: { epochs: loss.length, loss, seconds: 1 } },
    metrics: null, warnings: [], files: ['pipeline.yaml'],
  }
}

async function fakeRun(request: RunRequest): Promise<RunReport> {
  await mkdir(request.out, { recursive: true })
  return {
    out: request.out, device: 'cpu', deviceReason: 'CPU: asked for.', peakMemoryMB: 1,
    cubes: [{ path: request.data[0], shape: [4, 6, 3], threshold: 2.5, flagged: 5, seconds: 0, metrics: METRICS, warnings: [], files: ['farm_scores.hdr', 'farm_scores.img', 'farm_decisions.hdr'] }],
  }
}

const START = { pipelineId: 'template:deep-svdd', cubeId: 'farm', epochs: 3, seed: 7, learningRate: null, device: 'cpu' as const }

async function startRunBench(training: ReturnType<typeof fakeFit>, more: FakeHandlers = {}, root?: string): Promise<Bench> {
  const bench = await startBench({ root, handlers: { fit: training.fit, run: fakeRun, ...more } as FakeHandlers })
  await bench.call('cubes.list', {})
  return bench
}

async function runOf(bench: Bench, runId: string): Promise<RunEntry> {
  return (await bench.call('runs.list', {})).find((run) => run.id === runId)!
}

/** Lets the training do `epochs` epochs in all, and waits until they are known. */
async function trainTo(bench: Bench, training: ReturnType<typeof fakeFit>, epochs: number): Promise<void> {
  training.allow(epochs)
  await until(() => {
    return bench.events.filter((event) => event.name === 'progress' && event.value.progress.kind === 'epoch').length >= epochs
  })
}

async function ended(bench: Bench, jobId: string): Promise<string> {
  const statusOf = () => bench.events.findLast((event) => event.name === 'job' && event.value.id === jobId)
  await until(() => {
    const event = statusOf()
    return event?.name === 'job' && !['waiting', 'running'].includes(event.value.status)
  })
  const event = statusOf()
  return event?.name === 'job' ? event.value.status : ''
}

describe('a run', () => {
  it('fits, scores, and is kept with everything that is known of it', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 3)
    expect(await ended(bench, jobId)).toBe('finished')

    const folder = join(bench.home, 'projects', 'sample', 'runs', runId)
    expect(training.requests).toEqual([{
      pipeline: { text: expect.stringContaining('nodes: {}') as string, path: join(bench.root, 'resources', 'pipelines', 'deep-svdd.yaml') },
      modelFolders: [join(bench.root, 'resources'), join(bench.home, 'projects', 'sample')],
      data: [join(bench.root, 'resources', 'sample', 'farm.hdr')],
      masks: [join(bench.root, 'resources', 'sample', 'farm_mask.hdr')],
      validation: [], out: folder, epochs: 3, seed: 7, device: 'cpu', resume: false,
    }])
    const run = await runOf(bench, runId)
    expect(run).toMatchObject({
      id: runId, folder, status: 'finished', problem: null, epochsPlanned: 3, seed: 7, cubeId: 'farm', scored: true, ruleThreshold: 2.5, threshold: null,
      metrics: METRICS, fit: { stopped: false }, device: { device: 'cpu', reason: 'CPU: asked for.' },
    })
    expect(run.epochs.map(({ epoch, loss }) => [epoch, loss])).toEqual([[1, 1], [2, 0.5], [3, 1 / 3]])

    const scores = await bench.data(`/data/runs/${runId}/scores?v=${run.version}`)
    expect(scores.headers.get('x-shape')).toBe('4,6')
    expect(bench.engine('browse').received.findLast((message) => message.kind === 'call' && message.name === 'cube.band')).toMatchObject({
      args: { reference: join(folder, 'scores', 'farm_scores.hdr'), band: 0, stride: 1 },
    })

    await bench.workbench.shutdown()
    const again = await startRunBench(fakeFit(), {}, bench.root)
    expect(await runOf(again, runId)).toEqual(run)
  })

  it('stops after the epoch that is being trained, and tells the whole story in its log', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', { ...START, epochs: 9 })
    await trainTo(bench, training, 1)
    await bench.call('jobs.stop', { jobId, after: 'epoch' })
    expect((await bench.call('jobs.list', {})).find((job) => job.id === jobId)).toMatchObject({ status: 'running', stopsAfterEpoch: true })
    await trainTo(bench, training, 2)
    expect(await ended(bench, jobId)).toBe('stopped')
    const run = await runOf(bench, runId)
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
    expect(run.log.map(({ kind, message }) => [kind, message])).toEqual([
      ['begin', 'Begins.'], ['status', 'CPU: asked for.'], ['stage', 'Training'], ['status', 'Stopped; what was trained is kept.'],
    ])
    const resumed = await bench.call('runs.resume', { runId })
    await trainTo(bench, training, 3)
    await bench.call('jobs.stop', { jobId: resumed.jobId })
    await ended(bench, resumed.jobId)
    expect((await runOf(bench, runId)).log.slice(4).map(({ message }) => message).slice(0, 3)).toEqual(['Goes on from its last checkpoint.', 'CPU: asked for.', 'Training'])
  })

  it('keeps its note and its star', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 3)
    await ended(bench, jobId)
    expect(await runOf(bench, runId)).toMatchObject({ note: '', starred: false })
    await bench.call('runs.annotate', { runId, note: 'nu 0.1 “ist besser” 🌾' })
    expect(await bench.call('runs.annotate', { runId, starred: true })).toMatchObject({ note: 'nu 0.1 “ist besser” 🌾', starred: true })
    await bench.workbench.shutdown()
    const again = await startRunBench(fakeFit(), {}, bench.root)
    expect(await runOf(again, runId)).toMatchObject({ note: 'nu 0.1 “ist besser” 🌾', starred: true, log: expect.arrayContaining([expect.objectContaining({ message: 'Finished.' })]) as unknown })
  })

  it('changes the decider of a finished run, and of no other', async () => {
    const training = fakeFit()
    const asked: unknown[] = []
    const bench = await startRunBench(training, { 'pipeline.setDecider': (request: DeciderRequest): DeciderReport => {
      asked.push(request)
      return { threshold: null, metrics: { ...METRICS, f1: 0.1 } }
    } } as FakeHandlers)
    const { jobId, runId } = await bench.call('runs.start', START)
    const change = { runId, parameters: { quantile: 0.9, threshold: null }, threshold: 0.1 }
    expect(await bench.problem('runs.setDecider', change)).toMatchObject({ code: 'bad-artifact' })
    await trainTo(bench, training, 2)
    await bench.call('jobs.stop', { jobId })
    await ended(bench, jobId)
    expect(await bench.problem('runs.setDecider', change)).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('resume it first') as string })
    const resumed = await bench.call('runs.resume', { runId })
    await trainTo(bench, training, 3)
    await ended(bench, resumed.jobId)
    expect(await bench.call('runs.setDecider', change)).toMatchObject({ ruleThreshold: null, threshold: Math.fround(0.1), metrics: { f1: 0.1 } })
    const folder = join(bench.home, 'projects', 'sample', 'runs', runId)
    expect(asked).toEqual([{ pipelineFolder: folder, parameters: change.parameters, scores: join(folder, 'scores', 'farm_scores.hdr'), mask: join(bench.root, 'resources', 'sample', 'farm_mask.hdr') }])
    expect(await bench.problem('runs.setDecider', { ...change, parameters: { quantile: [1] } } as never)).toMatchObject({ code: 'bad-argument' })
  })

  it('starts from the trained pipeline of another, also when it has to begin anew', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const first = await bench.call('runs.start', START)
    expect(await bench.problem('runs.start', { ...START, fromRunId: first.runId })).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('has no trained pipeline yet.') as string })
    await trainTo(bench, training, 3)
    await ended(bench, first.jobId)
    const second = await bench.call('runs.start', { ...START, fromRunId: first.runId })
    await until(() => training.requests.length === 2)
    const from = join(bench.home, 'projects', 'sample', 'runs', first.runId)
    expect(training.requests[1]).toMatchObject({ from, resume: false })
    await bench.call('jobs.stop', { jobId: second.jobId })
    await ended(bench, second.jobId)
    // It has a folder without a checkpoint: nothing was finished.
    const resumed = await bench.call('runs.resume', { runId: second.runId })
    await until(() => training.requests.length === 3)
    expect(training.requests[2]).toMatchObject({ from, resume: false })
    training.allow(4)
    await until(() => existsSync(join(bench.home, 'projects', 'sample', 'runs', second.runId, 'training', 'checkpoint')))
    await bench.call('jobs.stop', { jobId: resumed.jobId })
    await ended(bench, resumed.jobId)
    await bench.call('runs.resume', { runId: second.runId })
    await until(() => training.requests.length === 4)
    expect(training.requests[3].resume).toBe(true)
    expect(training.requests[3]).not.toHaveProperty('from')
  })

  it('tells progress, seconds left and the loss of each epoch', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 2)
    expect((await bench.call('jobs.list', {})).find((job) => job.id === jobId)).toMatchObject({
      kind: 'fit', runId, status: 'running', progress: 2 / 3, secondsLeft: 1, message: 'Epoch 2 of 3, loss 0.5000.',
    })
    await bench.call('jobs.stop', { jobId })
    await ended(bench, jobId)
  })

  it('stops after the last finished epoch, is scored as it is, and goes on from there', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 2)
    await bench.call('jobs.stop', { jobId })
    expect(await ended(bench, jobId)).toBe('stopped')
    const stopped = await runOf(bench, runId)
    expect(stopped).toMatchObject({ status: 'stopped', scored: true, problem: null, fit: { stopped: true } })

    const resumed = await bench.call('runs.resume', { runId })
    await trainTo(bench, training, 3)
    expect(await ended(bench, resumed.jobId)).toBe('finished')
    expect(training.requests[1]).toMatchObject({ resume: true, epochs: 3, seed: 7 })
    const run = await runOf(bench, runId)
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    expect(run.version).toBeGreaterThan(stopped.version)
    expect(await bench.problem('runs.resume', { runId })).toMatchObject({ code: 'bad-argument' })
  })

  it('is interrupted by a crash of the engine, and resumed from its checkpoint', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 2)
    bench.engine('compute').die('signal SIGSEGV')
    expect(await ended(bench, jobId)).toBe('failed')
    expect(await runOf(bench, runId)).toMatchObject({ status: 'interrupted', problem: { code: 'engine-lost' }, epochs: [{ epoch: 1 }, { epoch: 2 }] })
    expect(await bench.data(`/data/runs/${runId}/scores`).then((response) => response.status)).toBe(404)

    const resumed = await bench.call('runs.resume', { runId })
    await trainTo(bench, training, 3)
    expect(await ended(bench, resumed.jobId)).toBe('finished')
    expect(training.requests[1]).toMatchObject({ resume: true })
    expect(await runOf(bench, runId)).toMatchObject({ status: 'finished', scored: true, problem: null })
  })

  it('begins anew when the crash came before the first checkpoint', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', START)
    await until(() => training.requests.length === 1)
    bench.engine('compute').die()
    await ended(bench, jobId)
    const resumed = await bench.call('runs.resume', { runId })
    await trainTo(bench, training, 3)
    expect(await ended(bench, resumed.jobId)).toBe('finished')
    expect(training.requests[1]).toMatchObject({ resume: false })
  })

  it('is interrupted when Cuvette is closed meanwhile, and can be resumed at the next start', async () => {
    const training = fakeFit()
    const first = await startRunBench(training)
    const { runId } = await first.call('runs.start', START)
    await trainTo(first, training, 1)
    await first.workbench.shutdown()
    const next = fakeFit()
    const second = await startRunBench(next, {}, first.root)
    expect(await runOf(second, runId)).toMatchObject({ status: 'interrupted', epochs: [{ epoch: 1 }], problem: { message: expect.stringContaining('resumed') } })
    const { jobId } = await second.call('runs.resume', { runId })
    await trainTo(second, next, 2)
    expect(await ended(second, jobId)).toBe('finished')
    expect(next.requests).toMatchObject([{ resume: true }])
  })

  it('fails with the problem of its pipeline, and leaves no scores', async () => {
    const bench = await startRunBench(fakeFit(), {
      fit: () => {
        throw new CuvetteError('bad-pipeline', 'The node "x" is unknown.', { where: 'nodes.x' })
      },
    })
    const { jobId, runId } = await bench.call('runs.start', START)
    expect(await ended(bench, jobId)).toBe('failed')
    expect(await runOf(bench, runId)).toMatchObject({ status: 'failed', scored: false, problem: { code: 'bad-pipeline', where: 'nodes.x' } })
    expect(await bench.problem('runs.export', { runId, folder: bench.root })).toMatchObject({ code: 'bad-artifact' })
  })

  it('keeps a training whose scoring fails, and scores it on resume', async () => {
    const training = fakeFit()
    let full = true
    const bench = await startRunBench(training, {
      run: async (request: RunRequest) => {
        if (full) throw new CuvetteError('cannot-write', 'The disk is full.')
        return await fakeRun(request)
      },
    } as FakeHandlers)
    const { jobId, runId } = await bench.call('runs.start', START)
    await trainTo(bench, training, 3)
    expect(await ended(bench, jobId)).toBe('failed')
    expect(await runOf(bench, runId)).toMatchObject({ status: 'finished', scored: false, fit: { stopped: false }, problem: { code: 'cannot-write' } })
    full = false
    const again = await bench.call('runs.resume', { runId })
    expect(await ended(bench, again.jobId)).toBe('finished')
    expect(training.requests).toHaveLength(1)
    expect(await runOf(bench, runId)).toMatchObject({ status: 'finished', scored: true, problem: null })
  })

  it('waits for the one before it, and can be stopped while it waits', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const first = await bench.call('runs.start', START)
    const second = await bench.call('runs.start', START)
    await until(() => training.requests.length === 1)
    const statuses = (await bench.call('jobs.list', {})).map((job) => job.status)
    expect(statuses).toEqual(['running', 'waiting'])
    await bench.call('jobs.stop', { jobId: second.jobId })
    expect(await ended(bench, second.jobId)).toBe('stopped')
    expect(await runOf(bench, second.runId)).toMatchObject({ status: 'stopped', problem: null })
    await trainTo(bench, training, 3)
    expect(await ended(bench, first.jobId)).toBe('finished')
    expect(training.requests).toHaveLength(1)
    const names = (await bench.call('runs.list', {})).map((run) => run.name)
    expect(new Set(names).size).toBe(2)
  })

  it('remembers the chosen threshold as float32, and forgets it', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', { ...START, epochs: 1 })
    await trainTo(bench, training, 1)
    await ended(bench, jobId)
    expect(await bench.call('runs.setThreshold', { runId, threshold: 0.1 })).toMatchObject({ threshold: Math.fround(0.1), ruleThreshold: 2.5 })
    await bench.workbench.shutdown()
    const again = await startRunBench(fakeFit(), {}, bench.root)
    expect(await runOf(again, runId)).toMatchObject({ threshold: Math.fround(0.1) })
    expect(await again.call('runs.setThreshold', { runId, threshold: null })).toMatchObject({ threshold: null })
  })

  it('exports into a folder of its own', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training, {
      export: async (request: ExportRequest) => {
        await mkdir(request.out)
        return { out: request.out, to: request.to, files: ['model.onnx'], verified: { maxDifference: 0, tolerance: 1e-5 } }
      },
    } as FakeHandlers)
    const { jobId, runId } = await bench.call('runs.start', { ...START, epochs: 1 })
    await trainTo(bench, training, 1)
    await ended(bench, jobId)
    const first = await bench.call('runs.export', { runId, folder: bench.root })
    const second = await bench.call('runs.export', { runId, folder: bench.root })
    expect(first).toMatchObject({ to: 'folder', files: ['model.onnx'] })
    expect(second.out).toBe(`${first.out}-2`)
    expect((await bench.call('jobs.list', {})).filter((job) => job.kind === 'export').map((job) => job.status)).toEqual(['finished', 'finished'])
  })

  it('is removed with its folder, also while it works, without waiting for others or being scored', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { runId } = await bench.call('runs.start', START)
    const other = await bench.call('runs.start', START)
    await trainTo(bench, training, 1)
    const { folder } = await runOf(bench, runId)
    expect(existsSync(folder)).toBe(true)
    await bench.call('runs.remove', { runId })
    expect(bench.engines.flatMap((engine) => engine.received).some((message) => message.kind === 'call' && message.name === 'run')).toBe(false)
    await bench.call('runs.remove', { runId: other.runId })
    expect(await bench.call('runs.list', {})).toEqual([])
    expect([existsSync(folder), existsSync(`${folder}.json`)]).toEqual([false, false])
    expect(bench.events.filter((event) => event.name === 'run-removed')).toHaveLength(2)
    await bench.workbench.shutdown()
    const again = await startRunBench(fakeFit(), {}, bench.root)
    expect(await again.call('runs.list', {})).toEqual([])
  })

  it('with a damaged record is set aside and named', async () => {
    const training = fakeFit()
    const bench = await startRunBench(training)
    const { jobId, runId } = await bench.call('runs.start', { ...START, epochs: 1 })
    await trainTo(bench, training, 1)
    await ended(bench, jobId)
    const { folder } = await runOf(bench, runId)
    await bench.workbench.shutdown()
    await writeFile(`${folder}.json`, '{"entry": {}}')
    const again = await startRunBench(fakeFit(), {}, bench.root)
    expect(await again.call('runs.list', {})).toEqual([])
    expect((await again.call('session.info', {})).project.problems).toMatchObject([{ code: 'bad-data', message: expect.stringContaining(runId) }])
    expect(existsSync(folder)).toBe(true)
  })

  it('says which pipeline or cube does not exist', async () => {
    const bench = await startRunBench(fakeFit())
    expect(await bench.problem('runs.start', { ...START, pipelineId: 'none' })).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('"none"') })
    expect(await bench.problem('runs.start', { ...START, cubeId: 'none' })).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('"none"') })
    expect(await bench.problem('jobs.stop', { jobId: 'none' })).toMatchObject({ code: 'bad-argument' })
  })
})
