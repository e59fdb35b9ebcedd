import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RunEntry } from '../../src/shared/contract'
import type { EngineRole } from '../../src/shared/engine-contract'
import { forkEngine } from '../../src/workbench/fork-engine'
import type { EngineProcess } from '../../src/workbench/host'
import { startWebHost } from '../../src/webhost/server'
import { temporaryFolder, until } from '../workbench/fake-host'
import { built, ensureBuiltOnce, root } from './built'
import type { PageClient } from './page-client'
import { openPage } from './page-client'

// The main job through the shipped engines, as a page does it: fit the template on the sample, score, export;
// stop, crash and resume in between.

beforeAll(ensureBuiltOnce, 120_000)

async function start() {
  const folder = await temporaryFolder()
  const processes: { role: EngineRole; process: EngineProcess }[] = []
  const host = await startWebHost({
    host: {
      places: { engine: built('main', 'engine.js'), renderer: built('renderer'), resources: join(root, 'resources'), version: '9.9.9' },
      home: join(folder, 'home'),
      startEngine: (role) => {
        const process = forkEngine(built('main', 'engine.js'), role)
        processes.push({ role, process })
        return process
      },
    },
  })
  onTestFinished(() => host.close())
  const page = await openPage(host.url)
  const [cube] = await page.call('cubes.list', {})
  const killCompute = () => processes.findLast(({ role }) => role === 'compute')!.process.kill()
  return { folder, page, cube, killCompute }
}

const FIT = { pipelineId: 'template:deep-svdd', seed: 1, learningRate: null, device: 'cpu' as const }

async function runOf(page: PageClient, runId: string): Promise<RunEntry> {
  return (await page.call('runs.list', {})).find((run) => run.id === runId)!
}

async function ended(page: PageClient, jobId: string): Promise<string> {
  const last = () => page.events.flatMap((event) => (event.name === 'job' && event.value.id === jobId ? [event.value.status] : [])).at(-1) ?? 'waiting'
  await until(() => !['waiting', 'running'].includes(last()))
  return last()
}

const epochsSeen = (page: PageClient) => page.events.flatMap((event) => (event.name === 'progress' && event.value.progress.kind === 'epoch' ? [event.value.progress.record.epoch] : []))

describe('the main job', () => {
  it('fits the template on the sample, scores it, and exports the pipeline', async () => {
    const { folder, page, cube } = await start()
    const { jobId, runId } = await page.call('runs.start', { ...FIT, cubeId: cube.id, epochs: 3 })
    expect(await ended(page, jobId)).toBe('finished')
    const run = await runOf(page, runId)
    expect(run).toMatchObject({ status: 'finished', problem: null, scored: true, seed: 1, epochsPlanned: 3, device: { device: 'cpu' } })
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    expect(run.metrics!.auc).toBeGreaterThan(0.8)

    const response = await page.get(`/data/runs/${runId}/scores?v=${run.version}`)
    const [lines, samples] = cube.description.shape
    expect(response.headers.get('x-shape')).toBe(`${lines},${samples}`)
    const scores = new Float32Array(await response.arrayBuffer())
    const { truePositives, falsePositives } = run.metrics!.confusion
    expect(scores.filter((score) => score >= run.ruleThreshold!)).toHaveLength(truePositives + falsePositives)

    await mkdir(join(folder, 'out'))
    const exported = await page.call('runs.export', { runId, folder: join(folder, 'out') })
    expect(exported.verified.maxDifference).toBeLessThanOrEqual(exported.verified.tolerance)
    for (const name of ['pipeline.yaml', 'state.safetensors', 'model.onnx', 'run.json']) expect(existsSync(join(exported.out, name)), name).toBe(true)
  }, 120_000)

  it('stops in the middle of the training, keeps what it learned, and goes on', async () => {
    const { page, cube } = await start()
    const { jobId, runId } = await page.call('runs.start', { ...FIT, cubeId: cube.id, epochs: 30 })
    await until(() => epochsSeen(page).length >= 2)
    await page.call('jobs.stop', { jobId })
    expect(await ended(page, jobId)).toBe('stopped')
    const stopped = await runOf(page, runId)
    expect(stopped).toMatchObject({ status: 'stopped', scored: true, fit: { stopped: true } })
    expect(stopped.epochs.length).toBeLessThan(30)

    const again = await page.call('runs.resume', { runId })
    await until(() => epochsSeen(page).includes(stopped.epochs.length + 2))
    await page.call('jobs.stop', { jobId: again.jobId })
    expect(await ended(page, again.jobId)).toBe('stopped')
    const { epochs } = await runOf(page, runId)
    expect(epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: epochs.length }, (_, n) => n + 1))
    expect(epochs.slice(0, stopped.epochs.length)).toEqual(stopped.epochs)
  }, 120_000)

  it('survives the loss of the computing process, and the run can be resumed', async () => {
    const { page, cube, killCompute } = await start()
    const { jobId, runId } = await page.call('runs.start', { ...FIT, cubeId: cube.id, epochs: 4 })
    await until(() => epochsSeen(page).length >= 2)
    killCompute()
    expect(await ended(page, jobId)).toBe('failed')
    expect(await runOf(page, runId)).toMatchObject({ status: 'interrupted', problem: { code: 'engine-lost' } })
    expect((await page.get(`/data/cubes/${cube.id}/bands/0?v=1`)).status).toBe(200)

    const again = await page.call('runs.resume', { runId })
    expect(await ended(page, again.jobId)).toBe('finished')
    const run = await runOf(page, runId)
    expect(run).toMatchObject({ status: 'finished', scored: true, problem: null })
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  }, 120_000)

  it('fails with the sentence of the pipeline when it does not fit the cube', async () => {
    const { page, cube } = await start()
    const pipelines = await page.call('pipelines.list', {})
    expect(pipelines.map(({ id }) => id)).toContain('template:rx')
    const text = pipelines.find(({ id }) => id === FIT.pipelineId)!.text.replace('type: DeepSVDDScores', 'type: DeepSVDDScoresOfTomorrow')
    const summary = await page.call('pipelines.check', { text, cubeId: cube.id })
    expect(summary.nodes.filter(({ known }) => !known)).toHaveLength(1)
    expect(summary.problems[0]).toMatchObject({ code: 'bad-pipeline', message: expect.stringContaining('DeepSVDDScoresOfTomorrow') })
  })
})
