import type { BandStatistics, ClassCorrection, CubeCorrections, CubeDescription, DetectedBand, MaskDescription, SpectralAxis } from './cube'
import type { DeviceChoice, DeviceReport } from './device'
import type { LibraryDescription, ResampledSpectrum } from './library'
import type { DetectionMetrics } from './metrics'
import type { NodeDescription, ParameterValue, PipelineSummary } from './nodes'
import type { Problem } from './problem'
import type { BandNode, EpochRecord, ExportReport, FitReport, WorkProgress } from './reports'

// The typed contract between the renderer and the workbench. Values are plain JSON: no Map, Date,
// typed array or undefined in arrays. Pixels travel by URL only, see DataRoutes.

export interface CubeEntry {
  id: string
  name: string
  description: CubeDescription
  mask: MaskDescription | null
  /** The finest stride at which a whole band is read in moments; an overview makes it finer. */
  quickStride: number
  /** What was said of the cube instead of its file; null: nothing. */
  corrections: CubeCorrections | null
  /** What was said of the classes of the mask; null: nothing. */
  maskClasses: ClassCorrection[] | null
  /** Changes whenever the pixels or the mask behind the URLs change. */
  version: number
}

/** A cube of the project that could not be opened again. */
export interface LostCube {
  id: string
  name: string
  /** Where it was. */
  path: string
  problem: Problem
}

export interface LibraryEntry {
  id: string
  name: string
  description: LibraryDescription
}

/** What is to be looked for, as the window names it. */
export type TargetChoice =
  | { kind: 'entry'; libraryId: string; /** 0-based. */ index: number }
  | { kind: 'pixel'; line: number; sample: number }

export interface PipelineEntry {
  id: string
  name: string
  description: string
  origin: 'template' | 'project'
  text: string
  summary: PipelineSummary
}

export type RunStatus = 'running' | 'finished' | 'stopped' | 'failed' | 'interrupted'

export interface RunEntry {
  id: string
  name: string
  pipelineId: string
  pipelineName: string
  cubeId: string | null
  cubeName: string
  folder: string
  created: string
  status: RunStatus
  problem: Problem | null
  epochs: EpochRecord[]
  epochsPlanned: number
  seed: number
  device: DeviceReport | null
  metrics: DetectionMetrics | null
  fit: FitReport | null
  /** Whether scores can be fetched. Changes with `version`. */
  scored: boolean
  /** Threshold of the decider's rule on the scored cube, and the one the user chose instead. */
  ruleThreshold: number | null
  threshold: number | null
  /** What the person says of it, and whether it stands out for them. */
  note: string
  starred: boolean
  /** What happened, oldest first; epochs are in `epochs`. */
  log: RunLogLine[]
  version: number
}

/** A line of what happened in a run. */
export interface RunLogLine {
  /** ISO time. */
  at: string
  /** begin: the training begins, or goes on. */
  kind: 'begin' | 'status' | 'stage' | 'warning'
  /** Of stages: what kind of work it is, such as 'statistics', 'train', 'score'. */
  stage?: string
  message: string
}

export interface JobEntry {
  id: string
  kind: 'fit' | 'score' | 'export' | 'overview' | 'detect'
  title: string
  runId: string | null
  status: 'waiting' | 'running' | 'finished' | 'stopped' | 'failed'
  /** 0 to 1, null when unknown. */
  progress: number | null
  /** Asked to stop when the epoch is finished that is being trained. */
  stopsAfterEpoch: boolean
  message: string
  secondsLeft: number | null
  started: string
  problem: Problem | null
}

export interface EngineEntry {
  role: 'browse' | 'compute'
  status: 'starting' | 'ready' | 'busy' | 'lost'
  /** How often it was started again after a crash. */
  restarts: number
  message: string
}

/** Bytes that Cuvette's processes hold, without the window; null: not known now. */
export interface MemoryUse {
  workbench: number
  browse: number | null
  compute: number | null
}

export interface ProjectEntry {
  name: string
  folder: string
  isSample: boolean
  /** What could not be reopened as it was left: a cube that moved, a damaged file that was set aside. */
  problems: Problem[]
}

/** A project that was open before. */
export interface RecentProject {
  folder: string
  name: string
  /** ISO date. */
  opened: string
  /** Nothing is there any more. */
  missing: boolean
}

export interface SessionInfo {
  version: string
  host: 'electron' | 'browser'
  /** Whether files.choose shows a native dialog; otherwise the renderer lists folders with files.list. */
  nativeDialogs: boolean
  project: ProjectEntry
  engines: EngineEntry[]
  device: DeviceReport
}

/** What the person prefers, in all projects. */
export interface Settings {
  /** Megabytes of pixels in memory while fitting and scoring; null: as the engine thinks fit. */
  memoryMB: number | null
  /** Whether overviews are made of cubes whose bands are slow to read. */
  overviews: boolean
  theme: ThemeChoice
  /** Whether the tour of the window was taken or put away. */
  tourSeen: boolean
}

export type ThemeChoice = 'system' | 'light' | 'dark'

/**
 * How the window was left, by the part of the window that keeps it: plain JSON that only that part
 * understands, and that it checks when it comes back. Losing it loses no work.
 */
export type ViewStates = Record<string, unknown>

/** Where wavelengths come from. */
export type SpectralSource = { kind: 'text'; text: string } | { kind: 'file'; path: string } | { kind: 'cube'; cubeId: string }

/** A header that was written. */
export interface SavedHeader {
  path: string
  /** The data file, and where a copy of it is needed for the header to be opened; null where it lies there. */
  dataToCopy: { from: string; to: string } | null
}

export interface FolderListing {
  path: string
  parent: string | null
  entries: { name: string; path: string; kind: 'folder' | 'cube' | 'library' | 'pipeline' | 'other'; bytes: number | null }[]
}

/** Every call: one argument object, one result. Names are "area.verb". */
export interface Calls {
  'session.info': { args: Record<string, never>; result: SessionInfo }
  /** Newest first, without the one that is open. */
  'projects.recent': { args: Record<string, never>; result: RecentProject[] }
  /** Leaves the open project for the one in this folder; pages begin anew at the event 'project-opened'. `create`: make one where there is none. */
  'projects.open': { args: { folder: string; create: boolean }; result: null }
  'files.choose': { args: { purpose: 'cube' | 'mask' | 'library' | 'wavelengths' | 'export-folder' | 'header-folder' | 'project-folder' }; result: { paths: string[] } }
  'files.list': { args: { path: string | null }; result: FolderListing }
  /** Electron's dropped files: grants the paths that the preload resolved. */
  'files.grant': { args: { paths: string[] }; result: { paths: string[] } }
  'cubes.list': { args: Record<string, never>; result: CubeEntry[] }
  'cubes.open': { args: { path: string }; result: CubeEntry }
  /** Cubes of the project that could not be opened again, and wait to be located or closed. */
  'cubes.lost': { args: Record<string, never>; result: LostCube[] }
  /** Opens a lost cube from another place. `differs`: why it does not seem to be the same file; then nothing is changed unless `anyway`. */
  'cubes.locate': { args: { cubeId: string; path: string; anyway: boolean }; result: { cube: CubeEntry; differs: null } | { cube: null; differs: string } }
  'cubes.close': { args: { cubeId: string }; result: null }
  'cubes.attachMask': { args: { cubeId: string; path: string }; result: CubeEntry }
  'cubes.detachMask': { args: { cubeId: string }; result: CubeEntry }
  /** Bad bands, wavelengths, unit, no-data, scale as the person says; null: as the file says. */
  'cubes.correct': { args: { cubeId: string; corrections: CubeCorrections | null }; result: CubeEntry }
  /** Looks for bands that say nothing, as a job of kind 'detect' that can be stopped; nothing is changed. */
  'cubes.detectBadBands': { args: { cubeId: string }; result: { bands: DetectedBand[] } }
  /** Wavelengths that would fit the cube; nothing is changed. */
  'cubes.readWavelengths': { args: { cubeId: string; source: SpectralSource }; result: SpectralAxis }
  /** Writes the corrected ENVI header to a path of the person's choice, never over the cube's own files. */
  'cubes.saveHeader': { args: { cubeId: string; path: string; replace: boolean }; result: SavedHeader }
  /** Names, colours and uses of the mask's classes as the person says; null: as the file says. */
  'cubes.nameClasses': { args: { cubeId: string; classes: ClassCorrection[] | null }; result: CubeEntry }
  'cubes.bandStatistics': { args: { cubeId: string; bands: number[] }; result: BandStatistics[] }
  'libraries.list': { args: Record<string, never>; result: LibraryEntry[] }
  /** A spectral library: ENVI, or a table of spectra. */
  'libraries.open': { args: { path: string }; result: LibraryEntry }
  'libraries.close': { args: { libraryId: string }; result: null }
  /** Spectra by their 0-based numbers, at the bands of a cube and in its numbers. */
  'libraries.spectra': { args: { libraryId: string; indices: number[]; cubeId: string }; result: ResampledSpectrum[] }
  /** Values of one pixel over the bands; null where the file holds no-data or a non-finite number. */
  'cubes.spectrum': { args: { cubeId: string; line: number; sample: number }; result: { values: (number | null)[] } }
  'settings.get': { args: Record<string, never>; result: Settings }
  /** Changes what is named; the rest stays. */
  'settings.set': { args: Partial<Settings>; result: Settings }
  'views.get': { args: Record<string, never>; result: ViewStates }
  /** Keeps one part; the others stay as they are. */
  'views.set': { args: { part: string; state: unknown }; result: null }
  'nodes.catalogue': { args: Record<string, never>; result: NodeDescription[] }
  'pipelines.list': { args: Record<string, never>; result: PipelineEntry[] }
  /** `pipelineId`: the document that the text is of; models that it names are looked for beside it. null or left out: a new one. */
  'pipelines.check': { args: { text: string; cubeId: string | null; pipelineId?: string | null }; result: PipelineSummary }
  /**
   * Makes these what the first detector with targets of a pipeline looks for. A template is copied into the project; the
   * answer is the document that was written.
   */
  'pipelines.setTargets': { args: { pipelineId: string; targets: TargetChoice[] }; result: PipelineEntry }
  'runs.list': { args: Record<string, never>; result: RunEntry[] }
  'runs.start': {
    /** `fromRunId`: a run from whose trained pipeline this one starts; null or left out: from the beginning. */
    args: { pipelineId: string; cubeId: string; epochs: number | null; seed: number | null; learningRate: number | null; device: DeviceChoice; fromRunId?: string | null }
    result: { jobId: string; runId: string }
  }
  /** Continue an interrupted or stopped run from its last checkpoint. */
  'runs.resume': { args: { runId: string }; result: { jobId: string; runId: string } }
  /** Changes what is named. */
  'runs.annotate': { args: { runId: string; note?: string; starred?: boolean }; result: RunEntry }
  'runs.remove': { args: { runId: string }; result: null }
  /** Remember the threshold chosen on the picture; null goes back to the decider's rule. */
  'runs.setThreshold': { args: { runId: string; threshold: number | null }; result: RunEntry }
  /** The pipeline of a run: as it was trained, or as it is to be. */
  'runs.pipeline': { args: { runId: string }; result: PipelineSummary }
  /** What the trained pipeline of a run learned about the bands. */
  'runs.bands': { args: { runId: string }; result: BandNode[] }
  /** Writes parameters of the decider into the trained pipeline of a finished run, and `threshold` as the one chosen on the picture. */
  'runs.setDecider': { args: { runId: string; parameters: Record<string, ParameterValue>; threshold: number | null }; result: RunEntry }
  'runs.export': { args: { runId: string; folder: string }; result: ExportReport }
  'jobs.list': { args: Record<string, never>; result: JobEntry[] }
  /** `after`: only when the epoch is finished that is being trained; left out: now, and what was begun of an epoch is dropped. */
  'jobs.stop': { args: { jobId: string; after?: 'epoch' }; result: null }
}

export type CallName = keyof Calls

/** Every name, for hosts that must refuse anything else. */
export const CALL_NAMES: readonly CallName[] = [
  'session.info', 'projects.recent', 'projects.open', 'files.choose', 'files.list', 'files.grant',
  'cubes.list', 'cubes.open', 'cubes.lost', 'cubes.locate', 'cubes.close', 'cubes.attachMask', 'cubes.detachMask', 'cubes.correct',
  'cubes.detectBadBands', 'cubes.readWavelengths', 'cubes.saveHeader', 'cubes.nameClasses', 'cubes.bandStatistics', 'cubes.spectrum', 'libraries.list', 'libraries.open', 'libraries.close', 'libraries.spectra', 'settings.get', 'settings.set', 'views.get', 'views.set',
  'nodes.catalogue', 'pipelines.list', 'pipelines.check', 'pipelines.setTargets',
  'runs.list', 'runs.start', 'runs.resume', 'runs.annotate', 'runs.remove', 'runs.setThreshold', 'runs.pipeline', 'runs.bands', 'runs.setDecider', 'runs.export',
  'jobs.list', 'jobs.stop',
]

export interface Events {
  cube: CubeEntry
  'cube-closed': { cubeId: string }
  run: RunEntry
  'run-removed': { runId: string }
  job: JobEntry
  progress: { jobId: string; runId: string | null; progress: WorkProgress }
  engine: EngineEntry
  device: DeviceReport
  /** Every few seconds. */
  memory: MemoryUse
  /** Something could not be reopened or saved: `problems` has grown. */
  project: ProjectEntry
  /** Another project is open now: everything that a page knows is of the one before. */
  'project-opened': ProjectEntry
  /** The host asks the renderer to do something: files opened from outside. */
  command: { command: 'open-paths'; paths: string[] }
}

export type EventName = keyof Events
export type AnyEvent = { [N in EventName]: { name: N; value: Events[N] } }[EventName]

export type Reply<N extends CallName> = { ok: true; value: Calls[N]['result'] } | { ok: false; problem: Problem }

/** What a host gives the renderer. `window.workbenchHost` in Electron; a WebSocket client in the browser. */
export interface WorkbenchHost {
  readonly kind: 'electron' | 'browser'
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Reply<N>>
  onEvent(listener: (event: AnyEvent) => void): () => void
  /** Absolute paths of dropped files; null where the host cannot know them (a browser). */
  pathsOf(files: File[]): string[] | null
}

/**
 * Pixels by URL on the app's own origin, little-endian, row-major.
 *
 *   GET /data/cubes/:cubeId/bands/:band?v=VERSION&stride=N   float32 [ceil(H/N), ceil(W/N)]; NaN = no data
 *       &window=LINE,SAMPLE,LINES,SAMPLES                    only these pixels; LINE and SAMPLE are multiples of N
 *   GET /data/cubes/:cubeId/mask?v=VERSION                   uint8 [H, W] class ids
 *   GET /data/runs/:runId/scores?v=VERSION                   float32 [H, W]; NaN where a pixel could not be scored
 *   PUT /data/drop/:name                                     a dropped file (browser only); answers {path}
 *
 * Every answer carries Content-Length and `x-shape: H,W`. Errors: 4xx/5xx with a Problem as JSON.
 * Keep each band answer at or under about 16 MB by choosing the stride; aborting the fetch stops the read.
 */
export const DATA_PREFIX = '/data/'

/**
 * The browser's control channel: JSON over one WebSocket at this path of the page's origin (the
 * session cookie goes with it). The workbench answers every request, in any order.
 */
export const SOCKET_PATH = '/socket'

export interface SocketRequest {
  id: number
  name: CallName
  args: unknown
}

export type SocketMessage = { kind: 'reply'; id: number; reply: Reply<CallName> } | { kind: 'event'; event: AnyEvent }
