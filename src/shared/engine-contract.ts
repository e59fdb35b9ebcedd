import type { BandStatistics, CubeDescription, DetectedBand, Fingerprint, MaskDescription, SpectralAxis } from './cube'
import type { DeviceChoice, DeviceReport } from './device'
import type { LibraryDescription, ResampledSpectrum } from './library'
import type { NodeDescription, PipelineSummary, SpectralTargets } from './nodes'
import type { Problem } from './problem'
import type { BandNode, DeciderReport, DeciderRequest, ExportReport, ExportRequest, FitReport, FitRequest, RunReport, RunRequest, WorkProgress } from './reports'

// Between the workbench and an engine process. Structured clone: typed arrays are allowed here.
// A cube or mask reference is a path, optionally followed by #variable.

/** A rectangle of pixels. */
export interface PixelWindow {
  line: number
  sample: number
  lines: number
  samples: number
}

/** Every stride-th line and sample of a cube, in a file of its own. */
export interface OverviewFile {
  path: string
  stride: number
}

export interface EngineCalls {
  // browse
  'cube.describe': { args: { reference: string }; result: CubeDescription }
  /** How the cube is read for pictures: the finest stride that is quick, and the overview that would make it finer; null where none is needed. */
  'cube.reading': { args: { reference: string }; result: { quickStride: number; overviewStride: number | null } }
  /** Finds or makes the overview in a folder; progress is told by the line. */
  'cube.overview': { args: { reference: string; folder: string }; result: OverviewFile | null }
  /** Every stride-th line and sample of a window, default the whole image; from the overview where it has them. */
  'cube.band': { args: { reference: string; band: number; stride: number; window: PixelWindow | null; overview: OverviewFile | null }; result: { shape: [number, number]; values: Float32Array } }
  'cube.spectrum': { args: { reference: string; line: number; sample: number }; result: { values: Float32Array } }
  /** Of every stride-th line and sample. */
  'cube.bandStatistics': { args: { reference: string; bands: number[]; stride: number; overview: OverviewFile | null }; result: BandStatistics[] }
  /** Bands that say nothing, over all pixels; progress is told. */
  'cube.detectBadBands': { args: { reference: string }; result: DetectedBand[] }
  /** Wavelengths for so many bands from pasted text, or from a header, a list or another cube. */
  'spectral.read': { args: { bands: number; source: { text: string } | { reference: string } }; result: SpectralAxis }
  /** The ENVI header of a cube that was opened through corrections, with what they say. */
  'cube.writeHeader': { args: { reference: string; path: string; replace: boolean }; result: { path: string; dataToCopy: { from: string; to: string } | null } }
  /** By what the files of a cube or mask are known again. */
  'data.fingerprint': { args: { reference: string }; result: Fingerprint }
  /** A spectral library without its spectra. */
  'library.describe': { args: { reference: string }; result: LibraryDescription }
  /** Spectra by their 0-based numbers, at the bands of a cube and in its numbers. */
  'library.spectra': { args: { reference: string; indices: number[]; cube: string }; result: ResampledSpectrum[] }
  'cube.release': { args: { reference: string }; result: null }
  'mask.describe': { args: { reference: string; shape: [number, number] }; result: MaskDescription }
  'mask.read': { args: { reference: string; shape: [number, number] }; result: { shape: [number, number]; values: Uint8Array } }
  'nodes.catalogue': { args: Record<string, never>; result: NodeDescription[] }
  /**
   * Parses and checks, models that nodes name included; with a cube, also channel counts, wavelengths and whether the
   * training can go through the models. `modelFolders`: as in FitRequest. Never throws for a bad document.
   */
  'pipeline.check': { args: { text: string; path: string; cube: string | null; modelFolders: string[] }; result: PipelineSummary }
  /** Parses and checks without a cube; `description` is what the document says of itself, '' when it says nothing. Never throws for a bad document. */
  'pipeline.describe': { args: { text: string; path: string }; result: { summary: PipelineSummary; description: string } }
  /** Changes the decider of a trained pipeline in its folder. */
  'pipeline.setDecider': { args: DeciderRequest; result: DeciderReport }
  /** The text with other targets of its first detector that has any. */
  'pipeline.withTargets': { args: { text: string; path: string; targets: SpectralTargets }; result: { text: string } }
  // compute
  'device.probe': { args: { device: DeviceChoice }; result: DeviceReport }
  fit: { args: FitRequest; result: FitReport }
  /** What a trained pipeline learned about the bands. */
  'pipeline.bands': { args: { pipelineFolder: string }; result: BandNode[] }
  run: { args: RunRequest; result: RunReport }
  export: { args: ExportRequest; result: ExportReport }
  /** For tests of crash handling: the process exits at once. Refused unless CUVETTE_TEST_CRASH is set. */
  'test.crash': { args: Record<string, never>; result: null }
}

export type EngineCallName = keyof EngineCalls
export type EngineRole = 'browse' | 'compute'

export type ToEngine =
  | { kind: 'call'; id: number; name: EngineCallName; args: unknown }
  | { kind: 'cancel'; id: number }

export type FromEngine =
  | { kind: 'ready' }
  /** What the process holds now, told every few seconds while it is not computing. */
  | { kind: 'memory'; bytes: number }
  | { kind: 'reply'; id: number; value: unknown }
  | { kind: 'failure'; id: number; problem: Problem }
  | { kind: 'progress'; id: number; progress: WorkProgress }
