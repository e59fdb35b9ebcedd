import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { useHost } from '../../src/renderer/bridge'
import { useCubes } from '../../src/renderer/stores/cubes'
import { useJobs } from '../../src/renderer/stores/jobs'
import { useNotices } from '../../src/renderer/stores/notices'
import { MOST_PINS, usePins } from '../../src/renderer/stores/pins'
import { withRecord, useRuns } from '../../src/renderer/stores/runs'
import { useScores } from '../../src/renderer/stores/scores'
import { useView } from '../../src/renderer/stores/view'
import type { AnyEvent, CallName, CubeEntry, Reply, RunEntry, WorkbenchHost } from '../../src/shared/contract'
import { confusionAt } from '../../src/shared/threshold-curve'
import { epochs, job } from './fake-workbench'
import * as scene from './scene'

const SHAPE = { lines: 12, samples: 20, bands: 5 }

/** A host that answers from a table and emits what the test says. */
function host(given: Partial<Record<CallName, (args: never) => unknown>>) {
  const answers: typeof given = { 'cubes.lost': () => [], ...given }
  const listeners = new Set<(event: AnyEvent) => void>()
  const calls: { name: CallName; args: unknown }[] = []
  const made = {
    kind: 'electron',
    async call(name: CallName, args: unknown) {
      calls.push({ name, args })
      const answer = answers[name] as ((args: unknown) => unknown) | undefined
      return answer ? { ok: true, value: await answer(args) } : ({ ok: false, problem: { code: 'internal', message: `No answer to ${name}.` } } as Reply<CallName>)
    },
    onEvent(listener: (event: AnyEvent) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    pathsOf: () => null,
  }
  useHost(made as unknown as WorkbenchHost)
  return { calls, emit: (event: AnyEvent) => listeners.forEach((listener) => listener(event)) }
}

function cube(id: string, change: Partial<CubeEntry> = {}): CubeEntry {
  return { id, name: `${id}.hdr`, quickStride: 1, corrections: null, maskClasses: null, version: 1, description: scene.describe(`/data/${id}.hdr`, SHAPE), mask: scene.describeMask('/data/mask.hdr', SHAPE), ...change }
}

function run(id: string, change: Partial<RunEntry> = {}): RunEntry {
  return {
    id, name: id, pipelineId: 'p', pipelineName: 'P', cubeId: 'a', cubeName: 'a.hdr', folder: '/r', created: `2026-11-23T10:00:0${id.length}Z`, status: 'finished', problem: null, epochs: [],
    epochsPlanned: 5, seed: 0, device: null, metrics: null, fit: null, scored: false, ruleThreshold: null, threshold: null, note: '', starred: false, log: [], version: 1, ...change,
  }
}

/** Answers the page's own origin with the scene's pixels. */
function servePixels(overrides: Record<string, Float32Array | Uint8Array> = {}) {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    const path = url.split('?')[0]
    const values = overrides[path] ?? (path.endsWith('/mask') ? scene.mask(SHAPE) : path.endsWith('/scores') ? scene.scores(SHAPE) : scene.band(0, 1, SHAPE))
    return new Response(values.slice().buffer as ArrayBuffer, { headers: { 'x-shape': `${SHAPE.lines},${SHAPE.samples}` } })
  })
  return asked
}

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('cubes', () => {
  it('looks at the first cube, follows events, and at a neighbour when the cube is closed', async () => {
    const { emit } = host({ 'cubes.list': () => [cube('a'), cube('b'), cube('c')] })
    const cubes = useCubes()
    cubes.follow()
    await cubes.load()
    expect(cubes.activeId).toBe('a')
    cubes.activeId = 'b'
    emit({ name: 'cube-closed', value: { cubeId: 'b' } })
    expect(cubes.activeId).toBe('c')
    emit({ name: 'cube', value: cube('c', { mask: null, version: 2 }) })
    expect(cubes.active?.mask).toBeNull()
    emit({ name: 'cube-closed', value: { cubeId: 'c' } })
    emit({ name: 'cube-closed', value: { cubeId: 'a' } })
    expect(cubes.active).toBeNull()
  })

  it('does not take an older entry for a newer one', async () => {
    const { emit } = host({ 'cubes.list': () => [cube('a', { version: 7 })] })
    const cubes = useCubes()
    cubes.follow()
    await cubes.load()
    emit({ name: 'cube', value: cube('a', { version: 6, name: 'late' }) })
    expect(cubes.active?.name).toBe('a.hdr')
  })

  it('asks for the spread of a band once per version, and again after a failure', async () => {
    let fail = true
    const { calls } = host({
      'cubes.bandStatistics': () => {
        if (fail) throw new Error('The disk is slow.')
        return [{ band: 2, percentiles: [] }]
      },
    })
    const cubes = useCubes()
    await expect(cubes.bandStatistics(cube('a'), 2)).rejects.toThrow()
    fail = false
    await cubes.bandStatistics(cube('a'), 2)
    await cubes.bandStatistics(cube('a'), 2)
    await cubes.bandStatistics(cube('a', { version: 2 }), 2)
    expect(calls).toHaveLength(3)
  })
})

describe('view', () => {
  it('goes back to a cube as it was left', async () => {
    host({ 'cubes.list': () => [cube('a'), cube('b')] })
    const cubes = useCubes()
    const view = useView()
    await cubes.load()
    view.showBand(3)
    cubes.activeId = 'b'
    expect(view.shownBands).toHaveLength(3)
    cubes.activeId = 'a'
    expect(view.shownBands).toEqual([3])
  })

  it('keeps bands inside the cube', async () => {
    host({ 'cubes.list': () => [cube('a')] })
    const view = useView()
    await useCubes().load()
    view.showBand(99)
    view.stepBand(1)
    expect(view.shownBands).toEqual([4])
    view.stepBand(-10)
    expect(view.shownBands).toEqual([0])
  })
})

describe('runs', () => {
  it('grow by epochs as they come', async () => {
    const { emit } = host({ 'runs.list': () => [run('a', { status: 'running' })] })
    const runs = useRuns()
    runs.follow()
    await runs.load()
    for (const record of epochs(3)) emit({ name: 'progress', value: { jobId: 'j', runId: 'a', progress: { kind: 'epoch', record, epochs: 9, secondsLeft: 4 } } })
    expect(runs.selected?.epochs.map((each) => each.epoch)).toEqual([1, 2, 3])
    expect(runs.selected?.epochsPlanned).toBe(9)
    expect(runs.secondsLeft.a).toBe(4)
    emit({ name: 'progress', value: { jobId: 'j', runId: 'a', progress: { kind: 'device', device: 'cpu', reason: 'The only one.' } } })
    emit({ name: 'progress', value: { jobId: 'j', runId: 'a', progress: { kind: 'warning', message: 'Band 3 is constant.' } } })
    expect(runs.selected?.device).toEqual({ device: 'cpu', reason: 'The only one.' })
    expect(runs.warnings.a).toEqual(['Band 3 is constant.'])
  })

  it('repeat epochs after a resume without doubling them', () => {
    expect(withRecord(epochs(5), epochs(5)[2]).map((each) => each.epoch)).toEqual([1, 2, 3])
  })

  it('are stopped through their job, once', async () => {
    const { calls } = host({ 'jobs.list': () => [job(run('a'))], 'jobs.stop': () => null })
    await useJobs().load()
    const runs = useRuns()
    await runs.stop('a')
    await runs.stop('a')
    expect(calls.filter((each) => each.name === 'jobs.stop')).toEqual([{ name: 'jobs.stop', args: { jobId: 'job-a' } }])
    expect(useJobs().stopping).toEqual(['job-a'])
  })
})

describe('pins', () => {
  it('are toggled, numbered anew in free places, and limited', async () => {
    const { emit } = host({ 'cubes.list': () => [cube('a'), cube('b')], 'cubes.spectrum': () => ({ values: [1, null, 3] }) })
    const pins = usePins()
    pins.follow()
    await useCubes().load()
    for (let sample = 0; sample < MOST_PINS; sample += 1) await pins.toggle(1, sample)
    expect(pins.ofActive.map((pin) => pin.slot)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(pins.ofActive[0].values).toEqual([1, null, 3])
    await pins.toggle(1, 3)
    expect(pins.ofActive).toHaveLength(MOST_PINS - 1)
    await pins.toggle(5, 5)
    expect(pins.ofActive.at(-1)?.slot).toBe(3)
    await pins.toggle(6, 6)
    expect(pins.ofActive).toHaveLength(MOST_PINS)
    expect(pins.ofActive.some((pin) => pin.sample === 0)).toBe(false)
    useCubes().activeId = 'b'
    expect(pins.ofActive).toEqual([])
    emit({ name: 'cube-closed', value: { cubeId: 'a' } })
    expect(pins.pins).toEqual([])
  })

  it('disappear with a sentence when the spectrum cannot be read', async () => {
    host({ 'cubes.list': () => [cube('a')] })
    await useCubes().load()
    await usePins().toggle(1, 1)
    expect(usePins().pins).toEqual([])
    expect(useNotices().notices.map((notice) => notice.message)).toEqual(['No answer to cubes.spectrum.'])
  })
})

describe('scores', () => {
  async function scored(change: Partial<RunEntry> = {}, cubeChange: Partial<CubeEntry> = {}) {
    const saved: (number | null)[] = []
    const entry = run('a', { scored: true, ruleThreshold: 0.9, ...change })
    const answered = host({
      'cubes.list': () => [cube('a', cubeChange)],
      'runs.list': () => [entry],
      'runs.setThreshold': ({ threshold }: { threshold: number | null }) => {
        saved.push(threshold)
        return { ...entry, threshold }
      },
    })
    const scores = useScores()
    useRuns().follow()
    useCubes().follow()
    await useCubes().load()
    await useRuns().load()
    await vi.waitFor(() => expect(scores.current ?? scores.problem).not.toBeNull())
    return { scores, saved, ...answered }
  }

  it('compares with the mask at the threshold that holds', async () => {
    servePixels()
    const { scores } = await scored()
    expect(scores.threshold).toBe(Math.fround(0.9))
    expect(scores.confusion).toEqual(confusionAt(scores.current!.analysis.curve, Math.fround(0.9)))
    const { confusion } = scores
    expect(scores.flagged).toBe(confusion!.truePositives + confusion!.falsePositives)
    expect(scores.onPicture).not.toBeNull()
    expect(scores.current!.maskReason).toMatch(/marks no anomalous pixel/)
  })

  it('follows the finger at once and saves float32 a moment later, once', async () => {
    servePixels()
    const { scores, saved } = await scored()
    vi.useFakeTimers()
    for (const value of [0.5, 0.6, 0.7]) {
      scores.choose(value)
      expect(scores.threshold).toBe(Math.fround(value))
    }
    expect(saved).toEqual([])
    await vi.advanceTimersByTimeAsync(600)
    expect(saved).toEqual([Math.fround(0.7)])
    expect(scores.threshold).toBe(Math.fround(0.7))
    scores.choose(null)
    expect(scores.threshold).toBe(Math.fround(0.9))
    await vi.advanceTimersByTimeAsync(600)
    expect(saved).toEqual([Math.fround(0.7), null])
  })

  it('does not jump back when an event brings the older threshold', async () => {
    servePixels()
    const { scores, emit } = await scored()
    scores.choose(0.33)
    emit({ name: 'run', value: run('a', { scored: true, ruleThreshold: 0.9, threshold: null }) })
    await nextTick()
    expect(scores.threshold).toBe(Math.fround(0.33))
    await scores.save()
  })

  it('saves the choice of a run before that of another', async () => {
    servePixels()
    const { scores, saved, emit } = await scored()
    emit({ name: 'run', value: run('bb', { scored: true, ruleThreshold: 0.8 }) })
    scores.choose(0.41)
    useRuns().selectedId = 'bb'
    scores.choose(0.42)
    await scores.save()
    expect(saved).toEqual([Math.fround(0.41), Math.fround(0.42)])
  })

  it('says why there is nothing to compare with', async () => {
    servePixels()
    const { scores, emit } = await scored({}, { mask: null })
    expect(scores.current!.maskReason).toMatch(/has no mask/)
    expect(scores.confusion).toBeNull()
    emit({ name: 'cube-closed', value: { cubeId: 'a' } })
    await vi.waitFor(() => expect(scores.current!.maskReason).toMatch(/is not open/))
    expect(scores.onPicture).toBeNull()
  })

  it('reads the scores again when their version changes, and only then', async () => {
    const asked = servePixels()
    const { emit } = await scored()
    const before = asked.filter((url) => url.includes('/scores')).length
    emit({ name: 'run', value: run('a', { scored: true, ruleThreshold: 0.9, threshold: 0.5 }) })
    await nextTick()
    expect(asked.filter((url) => url.includes('/scores'))).toHaveLength(before)
    emit({ name: 'run', value: run('a', { scored: true, ruleThreshold: 0.9, version: 77 }) })
    await vi.waitFor(() => expect(asked.filter((url) => url.includes('/scores?v=77'))).toHaveLength(1))
  })

  it('shows the sentence of a failed answer', async () => {
    vi.stubGlobal('fetch', async () => Response.json({ code: 'truncated', message: 'The scores file is 8 bytes short.' }, { status: 422 }))
    const { scores } = await scored({ version: 501 }, { version: 501 })
    expect(scores.problem).toMatchObject({ code: 'truncated', message: 'The scores file is 8 bytes short.' })
    expect(scores.threshold).toBe(Math.fround(0.9))
  })
})

describe('notices', () => {
  it('carry sentences, keep quiet about what was cancelled, and do not repeat themselves', () => {
    host({})
    const notices = useNotices()
    notices.tell({ code: 'cancelled', message: 'Cancelled.' })
    notices.tell({ code: 'bad-mask', message: 'The mask is too small.', path: '/m.png' })
    notices.tell({ code: 'bad-mask', message: 'The mask is too small.', path: '/m.png' })
    expect(notices.notices).toMatchObject([{ kind: 'error', message: 'The mask is too small.', path: '/m.png' }])
    notices.dismiss(notices.notices[0].id)
    expect(notices.notices).toEqual([])
  })
})
