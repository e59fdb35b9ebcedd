import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Page, Route } from '@playwright/test'
import { CONTENT_SECURITY_POLICY } from '../../src/shared/content-security-policy'
import type { AnyEvent, CallName, Calls, CubeEntry, Settings, EngineEntry, JobEntry, LostCube, PipelineEntry, Reply, RecentProject, RunEntry, ViewStates } from '../../src/shared/contract'
import type { NodeDescription, ParameterValue, PipelineSummary } from '../../src/shared/nodes'
import type { DetectedBand, SpectralAxis } from '../../src/shared/cube'
import type { Problem } from '../../src/shared/problem'
import { CuvetteError, toProblem } from '../../src/shared/problem'
import type { EpochRecord } from '../../src/shared/reports'
import { quantileOfSorted } from '../../src/shared/quantile'
import { detectionMetrics, thresholdCurve } from '../../src/shared/threshold-curve'
import * as scene from './scene'

const ORIGIN = 'http://cuvette.test'
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

type Answers = { [N in CallName]: (args: Calls[N]['args']) => Calls[N]['result'] | Promise<Calls[N]['result']> }

/**
 * A workbench for tests of the screens: the built page under the real policy, window.workbenchHost, and
 * pixels by URL. It keeps the contract and computes nothing that a test would want to check.
 */
export class FakeWorkbench {
  cubes: CubeEntry[] = []
  runs: RunEntry[] = []
  jobs: JobEntry[] = []
  pipelines: PipelineEntry[] = templates()
  engines: EngineEntry[] = [
    { role: 'browse', status: 'ready', restarts: 0, message: 'Reads files and pictures.' },
    { role: 'compute', status: 'ready', restarts: 0, message: 'Trains and scores.' },
  ]
  nativeDialogs = false
  /** Calls that are answered only when their promise is. */
  readonly held = new Map<CallName, Promise<void>>()
  shape = scene.SHAPE
  /** What is found when bad bands are looked for, once `detectHeld` lets it be. */
  detected: DetectedBand[] = [{ band: 4, reason: 'constant', value: 0.5 }, { band: 5, reason: 'nan', value: null }, { band: 40, reason: 'no-data', value: null }]
  detectHeld: Promise<void> = Promise.resolve()
  axis: SpectralAxis | null = null
  /** Milliseconds until classes are named. */
  namingTakes = 0
  settings: Settings = { memoryMB: null, overviews: true, theme: 'system', tourSeen: true }
  views: ViewStates = {}
  recent: RecentProject[] = []
  /** Parameters that were written into deciders, by run. */
  readonly deciders = new Map<string, Record<string, ParameterValue>>()
  lost: LostCube[] = []
  /** Every call that came, in order. */
  readonly calls: { name: CallName; args: unknown }[] = []
  /** Calls that are to fail. */
  readonly failures = new Map<CallName, Problem>()
  /** Requests below /data/ wait for this. */
  dataHeld: Promise<void> = Promise.resolve()
  private page!: Page

  constructor(private readonly pages: string) {}

  async show(page: Page, query = ''): Promise<void> {
    this.page = page
    await page.exposeFunction('fakeCall', (name: CallName, args: unknown) => this.answer(name, args))
    await page.addInitScript(installHost)
    await page.route(`${ORIGIN}/**`, (route) => this.serve(route))
    await page.goto(`${ORIGIN}/${query}`)
  }

  async emit(event: AnyEvent): Promise<void> {
    this.remember(event)
    await this.page.evaluate((sent) => (window as unknown as { fakeEmit: (event: unknown) => void }).fakeEmit(sent), event)
  }

  addCube(name = 'field.hdr', withMask = true): CubeEntry {
    const path = `/data/${name}`
    const cube: CubeEntry = {
      id: `cube${this.cubes.length + 1}`, name, quickStride: 1, corrections: null, maskClasses: null, version: 1, description: scene.describe(path, this.shape),
      mask: withMask ? scene.describeMask('/data/field-mask.hdr', this.shape) : null,
    }
    this.cubes.push(cube)
    return cube
  }

  addRun(change: Partial<RunEntry> = {}): RunEntry {
    const cube = this.cubes[0]
    const run: RunEntry = {
      id: `run${this.runs.length + 1}`, name: `Deep SVDD on ${cube?.name ?? 'field.hdr'}`, pipelineId: 'template:deep-svdd', pipelineName: 'Deep SVDD', cubeId: cube?.id ?? null,
      cubeName: cube?.name ?? 'field.hdr', folder: '/project/runs/run1', created: new Date().toISOString(), status: 'running', problem: null, epochs: [], epochsPlanned: 20, seed: 0,
      device: { device: 'cpu', reason: 'CPU: CUDA is not usable because libonnxruntime_providers_cuda.so is not installed (npm run setup:cuda); WebGPU is not usable because no graphics adapter was found.' },
      metrics: null, fit: null, scored: false, ruleThreshold: null, threshold: null, note: '', starred: false, log: [], version: 1, ...change,
    }
    this.runs.push(run)
    return run
  }

  /** A run that is through, with scores. */
  addFinishedRun(change: Partial<RunEntry> = {}): RunEntry {
    const curve = thresholdCurve(scene.scores(this.shape), scene.mask(this.shape))
    const ruleThreshold = quantileOfSorted(curve.sorted, 0.98)
    return this.addRun({
      status: 'finished', epochs: epochs(20), scored: true, ruleThreshold, metrics: detectionMetrics(curve, ruleThreshold),
      fit: {
        out: '/project/runs/run1', device: 'cpu', deviceReason: 'The only one.', seed: 0, seconds: 14.2, stopped: false,
        phases: { statistical: { nodes: ['zscore'], pixels: 10000, seconds: 0.4 }, gradient: { epochs: 20, loss: [], seconds: 13 } },
        metrics: null, warnings: [], files: ['model.onnx', 'pipeline.yaml', 'run.json', 'state.safetensors'],
      },
      ...change,
    })
  }

  private async answer(name: CallName, args: unknown): Promise<Reply<CallName>> {
    this.calls.push({ name, args })
    try {
      await this.held.get(name)
      const failure = this.failures.get(name)
      if (failure) throw new CuvetteError(failure.code, failure.message, { path: failure.path, where: failure.where })
      return { ok: true, value: await (this.answers[name] as (args: unknown) => Calls[CallName]['result'])(args) }
    } catch (error) {
      return { ok: false, problem: toProblem(error) }
    }
  }

  private readonly answers: Answers = {
    'session.info': () => ({
      version: '0.1.0', host: 'electron', nativeDialogs: this.nativeDialogs, engines: this.engines,
      project: { name: 'Sample', folder: '/home/ada/Cuvette/sample', isSample: true, problems: [] },
      device: { device: 'cpu', reason: 'CPU: CUDA is not usable because libonnxruntime_providers_cuda.so is not installed (npm run setup:cuda); WebGPU is not usable because no graphics adapter was found.' },
    }),
    'projects.recent': () => this.recent,
    'projects.open': () => null,
    'files.choose': ({ purpose }) => ({ paths: purpose === 'cube' ? ['/data/chosen.hdr'] : purpose === 'mask' ? ['/data/mask.hdr'] : purpose === 'wavelengths' ? ['/data/bands.csv'] : ['/data/out'] }),
    'files.list': ({ path }) => listing(path ?? '/home/ada'),
    'files.grant': ({ paths }) => ({ paths }),
    'cubes.list': () => this.cubes,
    'cubes.open': ({ path }) => this.addCube(path.split('/').at(-1), false),
    'cubes.lost': () => this.lost,
    'cubes.locate': ({ cubeId, path, anyway }) => {
      if (!anyway && path.includes('other')) return { cube: null, differs: `${path} does not seem to be the same.` }
      this.lost = this.lost.filter(({ id }) => id !== cubeId)
      return { cube: this.addCube(path.split('/').at(-1), false), differs: null }
    },
    'cubes.close': ({ cubeId }) => {
      this.cubes = this.cubes.filter((cube) => cube.id !== cubeId)
      return null
    },
    'cubes.attachMask': ({ cubeId, path }) => this.changeCube(cubeId, (cube) => ({ ...cube, mask: scene.describeMask(path, this.shape), version: cube.version + 1 })),
    'cubes.detachMask': ({ cubeId }) => this.changeCube(cubeId, (cube) => ({ ...cube, mask: null, version: cube.version + 1 })),
    'cubes.correct': ({ cubeId, corrections }) => {
      const said = corrections && Object.keys(corrections).length > 0 ? corrections : null
      return this.changeCube(cubeId, (cube) => ({ ...cube, corrections: said, version: cube.version + 1, description: { ...scene.describe(cube.description.path, this.shape), ...said } }))
    },
    'cubes.detectBadBands': async () => {
      await this.detectHeld
      return { bands: this.detected }
    },
    'cubes.readWavelengths': ({ source }) => {
      if (this.axis) return this.axis
      throw new CuvetteError('bad-data', `The wavelengths in the ${source.kind} cannot be used: line 2 holds "55o" where a number is expected.`, { where: 'line 2' })
    },
    'cubes.saveHeader': ({ path }) => ({ path, dataToCopy: { from: '/data/field.img', to: path.replace(/hdr$/, 'img') } }),
    'cubes.nameClasses': async ({ cubeId, classes }) => {
      await new Promise((resolve) => setTimeout(resolve, this.namingTakes))
      return this.changeCube(cubeId, (cube) => ({
        ...cube, maskClasses: classes, version: cube.version + 1,
        mask: cube.mask && { ...cube.mask, classes: cube.mask.classes.map(({ id, count }) => ({ id, count, ...classes?.find((each) => each.id === id) })) },
      }))
    },
    'settings.get': () => this.settings,
    'settings.set': (next) => (this.settings = { ...this.settings, ...next }),
    'views.get': () => this.views,
    'views.set': ({ part, state }) => {
      this.views = { ...this.views, [part]: state }
      return null
    },
    'libraries.list': () => [],
    'libraries.open': ({ path }) => {
      throw new CuvetteError('bad-data', `${path} cannot be read as a table of spectra: there is nothing in it.`, { path })
    },
    'libraries.close': () => null,
    'libraries.spectra': () => [],
    'cubes.bandStatistics': ({ bands }) => bands.map((band) => {
      const values = scene.percentiles(scene.band(band, Math.ceil(this.shape.lines / 200), this.shape))
      return { band, min: values[0], max: values[100], mean: values[50], percentiles: values, validPixels: 10000, totalPixels: 10800 }
    }),
    'cubes.spectrum': ({ line, sample }) => ({
      values: Array.from({ length: this.shape.bands }, (_, band) => (scene.hasData(line, sample, this.shape) && band !== 20 ? scene.reflectance(line, sample, band) : null)),
    }),
    'nodes.catalogue': () => catalogue(),
    'pipelines.list': () => this.pipelines,
    'pipelines.check': ({ text }) => this.pipelines.find((pipeline) => pipeline.text === text)!.summary,
    'pipelines.setTargets': ({ pipelineId }) => this.pipelines.find(({ id }) => id === pipelineId)!,
    'runs.list': () => this.runs,
    'runs.start': ({ epochs: planned, seed }) => {
      const run = this.addRun({ id: 'started', epochsPlanned: planned ?? 20, seed: seed ?? 0 })
      void this.emit({ name: 'run', value: run })
      void this.emit({ name: 'job', value: job(run, { message: 'Fitting zscore.', progress: null }) })
      return { jobId: 'job-started', runId: 'started' }
    },
    'runs.resume': ({ runId }) => ({ jobId: `job-${runId}`, runId }),
    'runs.annotate': ({ runId, ...said }) => {
      this.runs = this.runs.map((run) => (run.id === runId ? { ...run, ...said } : run))
      return this.runs.find((run) => run.id === runId)!
    },
    'runs.remove': ({ runId }) => {
      this.runs = this.runs.filter((run) => run.id !== runId)
      return null
    },
    'runs.setThreshold': ({ runId, threshold }) => {
      this.runs = this.runs.map((run) => (run.id === runId ? { ...run, threshold } : run))
      return this.runs.find((run) => run.id === runId)!
    },
    'runs.pipeline': ({ runId }) => {
      const summary = this.pipelines.find(({ id }) => id === this.runs.find((run) => run.id === runId)?.pipelineId)?.summary ?? this.pipelines[0].summary
      return { ...summary, nodes: summary.nodes.map((node) => (this.deciders.has(runId) && node.name === 'decider' ? { ...node, parameters: { ...node.parameters, ...this.deciders.get(runId) } } : node)) }
    },
    'runs.bands': () => [],
    'runs.setDecider': ({ runId, parameters, threshold }) => {
      this.deciders.set(runId, { ...this.deciders.get(runId), ...parameters })
      const { sorted } = thresholdCurve(scene.scores(this.shape), null)
      const held = parameters.threshold
      const ruleThreshold = typeof held === 'number' ? held : quantileOfSorted(sorted, parameters.quantile as number)
      this.runs = this.runs.map((run) => (run.id === runId ? { ...run, threshold, ruleThreshold } : run))
      return this.runs.find((run) => run.id === runId)!
    },
    'runs.export': ({ folder }) => ({
      out: `${folder}/deep-svdd-on-field`, to: 'folder', files: ['model.onnx', 'pipeline.yaml', 'run.json', 'state.safetensors', 'training/checkpoint', 'training/training_model.onnx'],
      verified: { maxDifference: 0, tolerance: 1e-5 },
    }),
    'jobs.list': () => this.jobs,
    'jobs.stop': () => null,
  }

  private changeCube(id: string, change: (cube: CubeEntry) => CubeEntry): CubeEntry {
    this.cubes = this.cubes.map((cube) => (cube.id === id ? change(cube) : cube))
    return this.cubes.find((cube) => cube.id === id)!
  }

  private remember(event: AnyEvent): void {
    if (event.name === 'run') this.runs = [...this.runs.filter((run) => run.id !== event.value.id), event.value]
    if (event.name === 'job') this.jobs = [...this.jobs.filter((each) => each.id !== event.value.id), event.value]
    if (event.name === 'engine') this.engines = this.engines.map((engine) => (engine.role === event.value.role ? event.value : engine))
  }

  private async serve(route: Route): Promise<void> {
    const url = new URL(route.request().url())
    if (url.pathname.startsWith('/data/')) return this.serveData(route, url)
    const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1)
    const body = await readFile(join(this.pages, name)).catch(() => null)
    if (!body) return route.fulfill({ status: 404, body: 'Not found.' })
    await route.fulfill({ body, headers: { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream', 'content-security-policy': CONTENT_SECURITY_POLICY } })
  }

  private async serveData(route: Route, url: URL): Promise<void> {
    await this.dataHeld
    const { lines, samples } = this.shape
    const stride = Number(url.searchParams.get('stride') ?? 1)
    const bandPath = /^\/data\/cubes\/[^/]+\/bands\/(\d+)$/.exec(url.pathname)
    const values = bandPath
      ? scene.band(Number(bandPath[1]), stride, this.shape)
      : url.pathname.endsWith('/mask') ? scene.mask(this.shape) : scene.scores(this.shape)
    const rows = bandPath ? Math.ceil(lines / stride) : lines
    const columns = bandPath ? Math.ceil(samples / stride) : samples
    // The page may have given up meanwhile.
    await route.fulfill({ body: Buffer.from(values.buffer), headers: { 'content-type': 'application/octet-stream', 'x-shape': `${rows},${columns}` } }).catch(() => undefined)
  }
}

/** Runs in the page, before its own scripts. */
function installHost(): void {
  const listeners = new Set<(event: unknown) => void>()
  const page = window as unknown as Record<string, unknown> & { fakeCall: (name: string, args: unknown) => Promise<unknown> }
  page.fakeEmit = (event: unknown) => listeners.forEach((listener) => listener(event))
  page.workbenchHost = {
    kind: 'electron',
    call: (name: string, args: unknown) => page.fakeCall(name, args),
    onEvent: (listener: (event: unknown) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    pathsOf: (files: File[]) => files.map((file) => `/dropped/${file.name}`),
  }
}

export function epochs(count: number): EpochRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    epoch: index + 1, loss: 0.9 * Math.exp(-index / 5) + 0.12, validationLoss: 0.95 * Math.exp(-index / 5.5) + 0.14, learningRate: 1e-3, gradientNorm: 0.4, metrics: {},
  }))
}

export function job(run: RunEntry, change: Partial<JobEntry> = {}): JobEntry {
  return {
    id: `job-${run.id}`, kind: 'fit', title: `Fit "${run.name}"`, runId: run.id, status: 'running', progress: 0.4, stopsAfterEpoch: false, message: 'Epoch 8 of 20.', secondsLeft: 9,
    started: run.created, problem: null, ...change,
  }
}

function listing(path: string): Calls['files.list']['result'] {
  const at = (name: string) => `${path}/${name}`
  return {
    path, parent: path.split('/').slice(0, -1).join('/') || '/',
    entries: [
      { name: 'flights', path: at('flights'), kind: 'folder', bytes: null },
      { name: 'results', path: at('results'), kind: 'folder', bytes: null },
      { name: 'field.hdr', path: at('field.hdr'), kind: 'cube', bytes: 2381 },
      { name: 'gulfport.mat', path: at('gulfport.mat'), kind: 'cube', bytes: 14_600_000 },
      { name: 'notes.txt', path: at('notes.txt'), kind: 'other', bytes: 812 },
    ],
  }
}

function templates(): PipelineEntry[] {
  const node = (name: string, type: string, parameters: PipelineSummary['nodes'][number]['parameters'] = {}) => ({ name, type, known: true, parameters, problems: [] as Problem[] })
  const deepSvdd: PipelineSummary = {
    name: 'Deep SVDD', epochs: 20, problems: [],
    nodes: [
      node('bandpass', 'BandpassByWavelength', { min_wavelength_nm: 430, max_wavelength_nm: 900 }), node('unit_norm', 'PerPixelUnitNorm', { eps: 1e-8 }),
      node('zscore', 'ZScoreNormalizerGlobal', { num_channels: 'auto', sample_n: 500000, seed: 0 }),
      node('encoder', 'DeepSVDDProjection', { rep_dim: 32, hidden: 128, kernel: 'linear' }), node('center', 'DeepSVDDCenterTracker', { rep_dim: 32, alpha: 0.1 }),
      node('loss', 'DeepSVDDSoftBoundaryLoss', { nu: 0.05 }), node('scores', 'DeepSVDDScores'), node('decider', 'QuantileBinaryDecider', { quantile: 0.98 }),
      node('metrics', 'AnomalyDetectionMetrics'),
    ],
    connections: [
      { from: 'bandpass.filtered', to: 'unit_norm.data' }, { from: 'unit_norm.normalized', to: 'zscore.data' }, { from: 'zscore.normalized', to: 'encoder.data' },
      { from: 'encoder.embeddings', to: 'center.embeddings' }, { from: 'encoder.embeddings', to: 'loss.embeddings' }, { from: 'center.center', to: 'loss.center' },
      { from: 'encoder.embeddings', to: 'scores.embeddings' }, { from: 'center.center', to: 'scores.center' }, { from: 'scores.scores', to: 'decider.logits' },
      { from: 'decider.decisions', to: 'metrics.decisions' },
    ],
  }
  const rx: PipelineSummary = {
    name: 'RX', epochs: null, problems: [],
    nodes: [node('bandpass', 'BandpassByWavelength'), node('rx', 'RXGlobal', { eps: 1e-6 }), node('decider', 'QuantileBinaryDecider', { quantile: 0.995 })],
    connections: [{ from: 'bandpass.filtered', to: 'rx.data' }, { from: 'rx.scores', to: 'decider.logits' }],
  }
  return [
    { id: 'template:deep-svdd', name: 'Deep SVDD', origin: 'template', text: 'deep', summary: deepSvdd, description: 'Learns a small sphere around normal spectra; what lies far from its centre is anomalous. Needs no labels.' },
    { id: 'template:rx', name: 'RX', origin: 'template', text: 'rx', summary: rx, description: 'Distance of each pixel to the mean of the scene, measured by its covariance. No training.' },
  ]
}

function catalogue(): NodeDescription[] {
  const entry = (type: string, role: NodeDescription['role'], summary: string, trainable = false, needsStatistics = false): NodeDescription => ({
    type, aliases: [], family: 'test', summary, formula: '', source: '', inputs: [], outputs: [], parameters: [], role, needsStatistics, trainable,
  })
  return [
    entry('BandpassByWavelength', 'transform', 'Keeps the bands whose wavelength lies inside an interval.'),
    entry('PerPixelUnitNorm', 'transform', 'Scales each spectrum to length one.'),
    entry('ZScoreNormalizerGlobal', 'transform', 'Subtracts the mean and divides by the standard deviation of each band.', false, true),
    entry('DeepSVDDProjection', 'transform', 'Projects each spectrum into a small space.', true, false),
    entry('DeepSVDDCenterTracker', 'transform', 'Follows the centre of the projected spectra.', false, true),
    entry('DeepSVDDSoftBoundaryLoss', 'loss', 'Pulls spectra into a sphere and lets a share lie outside.', true),
    entry('DeepSVDDScores', 'transform', 'Squared distance to the centre.'),
    entry('QuantileBinaryDecider', 'decider', 'Flags scores at or above a quantile.'),
    entry('RXGlobal', 'transform', 'Mahalanobis distance to the mean of the scene.', false, true),
    entry('AnomalyDetectionMetrics', 'metric', 'Precision, recall, F1 and IoU.'),
  ]
}
