import type { CubeDescription } from './cube'
import type { DeviceChoice, DeviceName } from './device'
import type { DetectionMetrics } from './metrics'
import type { ParameterValue, SpectralTarget } from './nodes'
import type { Problem } from './problem'

// What the long works take and give. These types are the public JSON contract of the command
// line (docs/cli.md) and what travels between the workbench and the compute process.

export interface FitRequest {
  /** YAML text of the pipeline, and where it came from, for messages. */
  pipeline: { text: string; path: string }
  /** Cube paths, each optionally with #variable, or folders of cubes. Empty: those of the document. */
  data: string[]
  /** One per data cube, null for none; or empty: then a mask is looked for beside or inside each cube. */
  masks: (string | null)[]
  /** Cubes for validation at each epoch. Empty: those of the document, else the training cubes. */
  validation: string[]
  /** As `masks`, of the validation cubes. */
  validationMasks?: (string | null)[]
  /**
   * Whether cubes of the document's data section are read for what is not named here. Only where the caller may read
   * whatever the document names, relative to `pipeline.path`.
   */
  dataOfDocument?: boolean
  /**
   * Folders and files, beside the folder of `pipeline.path`, from which models that the document names may be read. Left
   * out: from anywhere.
   */
  modelFolders?: string[]
  /** Cubes that are scored after the training, with the weights that were chosen. */
  test?: string[]
  /** As `masks`, of the test cubes. */
  testMasks?: (string | null)[]
  out: string
  /**
   * A trained-pipeline folder, or X.yaml with its weights X.pt beside it, whose nodes of the same name, type and shapes
   * are taken over. Not together with `resume`.
   */
  from?: string
  epochs?: number
  seed?: number
  learningRate?: number
  device: DeviceChoice
  /** Continue from the checkpoint in `out`. */
  resume: boolean
  /** Megabytes of pixels in memory; default 512. With fewer, training draws from fewer pixels. */
  memoryMB?: number
}

/** Training artifacts that were made elsewhere, to be trained on cubes. */
export interface ArtifactsRequest {
  /** Folder with training_model.onnx, eval_model.onnx, optimizer_model.onnx and checkpoint. */
  artifacts: string
  data: string[]
  /** As in FitRequest. */
  masks: (string | null)[]
  /** Cubes for the validation loss. Empty: the training cubes. */
  validation: string[]
  validationMasks?: (string | null)[]
  /** A new or empty folder, or that of the artifacts. */
  out: string
  /** How many more. */
  epochs: number
  /** Default: that of the checkpoint. */
  seed?: number
  /** Default: that of the checkpoint. */
  learningRate?: number
  /** Pixels in a batch; default 1024. */
  batch?: number
  /** Numbers for further inputs of the models, by name. */
  inputs?: Record<string, number>
  device: DeviceChoice
  memoryMB?: number
}

export interface EpochRecord {
  epoch: number
  loss: number
  validationLoss: number | null
  learningRate: number
  gradientNorm: number | null
  metrics: Record<string, number>
  /** Settings that follow the epochs, such as a temperature, by "<node>.<setting>", as this epoch had them. Left out where there are none. */
  settings?: Record<string, number>
}

/** Progress of a fit, a run or an export. */
export type WorkProgress =
  | { kind: 'stage'; stage: string; message: string; done: number; total: number; secondsLeft: number | null }
  | { kind: 'epoch'; record: EpochRecord; epochs: number; secondsLeft: number | null }
  | { kind: 'device'; device: DeviceName; reason: string }
  | { kind: 'warning'; message: string }

/** What the trained pipeline says of cubes that it never saw. */
export interface TestReport {
  /** Of all pixels together, at the threshold that the decider's rule gives for them together; null without masks. */
  metrics: DetectionMetrics | null
  cubes: {
    path: string
    /** null without a decider. */
    threshold: number | null
    flagged: number | null
    /** Pixels that could not be scored. */
    unusable: number
    metrics: DetectionMetrics | null
  }[]
}

/** Epochs whose state was kept beside the last one, and the one that became the pipeline. */
export interface KeptEpochs {
  /** Name of the watched number. */
  monitor: string
  mode: 'min' | 'max'
  /** Number of the epoch whose state the pipeline holds. */
  restored: number
  /** Best first; files relative to the pipeline's folder. */
  best: { epoch: number; value: number; file: string }[]
  /** File of the last epoch, where another one became the pipeline. */
  last: string | null
}

/** What a fit took of a pipeline that was trained earlier. Nodes that keep nothing are not named. */
export interface StartedFrom {
  path: string
  /** Of its state. */
  sha256: string
  /** Nodes whose parameters and statistics were taken. */
  taken: string[]
  /** Nodes that started anew, each with a sentence. */
  anew: { node: string; reason: string }[]
}

export interface FitReport {
  out: string
  device: DeviceName
  deviceReason: string
  seed: number
  seconds: number
  /** True when the user stopped it: the folder holds the state after the last finished epoch. */
  stopped: boolean
  phases: {
    statistical: { nodes: string[]; pixels: number; seconds: number }
    gradient: { epochs: number; loss: number[]; seconds: number } | null
  }
  metrics: DetectionMetrics | null
  /** Where the fit started from another pipeline. */
  from?: StartedFrom
  /** Where test cubes were named. */
  test?: TestReport
  /** Where the trainer keeps checkpoints. */
  checkpoints?: KeptEpochs
  warnings: string[]
  /** Relative to `out`. */
  files: string[]
}

/** Of the rasters that a run writes; png: pictures for people, with a legend, and decisions as a mask. */
export type RasterFormat = 'envi' | 'npy' | 'tiff' | 'png'

/** Of the list of detected regions. */
export type RegionFormat = 'coco' | 'csv'

export interface RunRequest {
  /** A trained-pipeline folder, or the document of a pipeline that the reference implementation saved, with its .pt beside it. */
  pipelineFolder: string
  data: string[]
  /** As in FitRequest. */
  masks: (string | null)[]
  out: string
  /** One, or several at once. */
  format: RasterFormat | readonly RasterFormat[]
  /** Lists of the connected regions of flagged pixels. Left out: none. */
  regions?: readonly RegionFormat[]
  /** Which pixels belong together: 4 that share a side, 8 that share a side or a corner. Default 8. */
  connectivity?: 4 | 8
  /** Regions of fewer pixels are left out of the lists. Default 1. */
  leastArea?: number
  /** Further images of the pipeline to write, "node.port"; "rgb" stands for every false-colour image of a selector. */
  images?: readonly string[]
  /** Overrides the decider's own rule. */
  threshold?: number
  memoryMB?: number
  device: DeviceChoice
}

export interface CubeRunReport {
  path: string
  shape: [number, number, number]
  threshold: number
  flagged: number
  seconds: number
  metrics: DetectionMetrics | null
  warnings: string[]
  /** Relative to the run's `out`. */
  files: string[]
}

export interface RunReport {
  out: string
  device: DeviceName
  deviceReason: string
  peakMemoryMB: number
  cubes: CubeRunReport[]
}

/** What became of one cube of a batch. */
export interface BatchScene {
  path: string
  /** Its folder inside the batch's `out`. */
  name: string
  /** done: scored now. kept: its result was there already, from the same cube, pipeline and options. */
  status: 'done' | 'kept' | 'failed'
  /** Which process scored it, "host:pid"; null where it failed. */
  by: string | null
  report: CubeRunReport | null
  /** Why it failed. */
  problem: Problem | null
}

export interface BatchReport {
  out: string
  /** Without user and password; null: the processes of this machine. */
  queue: string | null
  seconds: number
  done: number
  kept: number
  failed: number
  cubes: BatchScene[]
}

/** What a worker says when it ends. */
export interface WorkerReport {
  queue: string
  scored: number
  failed: number
}

export interface ExportRequest {
  /** As in RunRequest. */
  pipelineFolder: string
  to: 'onnx' | 'ort-training' | 'folder' | 'triton' | 'cuvis'
  out: string
  /** A threshold that was tuned on the picture: the exported decider then uses it instead of its rule. */
  threshold?: number
  /** Of `onnx`: ports "node.port" that the model gives out beside scores and decisions. */
  ports?: string[]
  /** A cube with the bands of a document that does not state them itself. */
  data?: string
}

/** How an exported model was checked: the largest difference from the app's own numbers on a tile. */
export interface ExportCheck {
  to: ExportRequest['to']
  /** Where it was written. */
  out: string
  created: string
  maxDifference: number
  tolerance: number
}

export interface ExportReport {
  out: string
  to: ExportRequest['to']
  files: string[]
  /** The exported model against the app's own scores on a held-back tile. */
  verified: { maxDifference: number; tolerance: number }
  /** Where the target cannot follow the pipeline. Left out where there is nothing to say. */
  warnings?: string[]
}

/** Other parameters for the decider of a trained pipeline. */
export interface DeciderRequest {
  pipelineFolder: string
  /** Those that are not named stay as they are. */
  parameters: Record<string, ParameterValue>
  /** Scores [H, W] that the pipeline made, by reference. */
  scores: string
  /** Reference of the mask; null: none. */
  mask: string | null
}

/** What the decider makes of the scores now. */
export interface DeciderReport {
  /** null: nothing is flagged. */
  threshold: number | null
  metrics: DetectionMetrics | null
}

/** Weights of one layer: a row for each output, a column for each input. */
export interface BandLayer {
  weights: number[][]
  /** The band of the cube of each column, from 0; null: the columns are outputs of the layer before. */
  bands: number[] | null
}

/** What a node of a trained pipeline learned about the bands of the cube. */
export interface BandNode {
  node: string
  type: string
  /** selection: shares of the bands by output; weights: of each band; mixer: layers of weights; components: loadings. */
  kind: 'selection' | 'weights' | 'mixer' | 'components'
  layers: BandLayer[]
  /** The bands that are chosen, from 0, one for each output; null where nothing is chosen. */
  chosen: number[] | null
  /** Share of the variance along each component. */
  variance: number[] | null
}

/** A target of a detector, as the document states it, and the file that it was read from. */
export interface TargetRecord {
  node: string
  name: string
  target: SpectralTarget
  /** Of an ENVI library, the spectra are hashed. */
  file?: { path: string; sha256: string }
  /** By what numbers of the library were multiplied to be numbers of the cube; left out where they are the same. */
  factor?: number
}

/** `run.json` of a trained pipeline. */
export interface RunRecord {
  cuvette: string
  created: string
  seed: number
  device: DeviceName
  deviceReason: string
  versions: Record<string, string>
  /** sha256: of the pixels. corrections: SHA-256 of the file with corrections through which the cube was opened. */
  data: { path: string; variable: string | null; sha256: string; shape: [number, number, number]; corrections?: string }[]
  /** classes: SHA-256 of the file that names the classes of the mask, where `path` is such a file. */
  masks: { path: string; variable: string | null; sha256: string; classes?: string }[]
  wavelengths: number[] | null
  wavelengthUnit: string | null
  statistical: { nodes: string[]; pixels: number }
  /** Where detectors have targets. */
  targets?: TargetRecord[]
  /** Where the fit started from another pipeline. */
  from?: StartedFrom
  epochs: EpochRecord[]
  epochsPlanned: number
  /** Where the trainer keeps checkpoints. */
  checkpoints?: KeptEpochs
  /** Cubes that were validated on, where they are not the training cubes. */
  validation?: Pick<RunRecord, 'data' | 'masks'>
  /** Where test cubes were named. */
  test?: TestReport & Pick<RunRecord, 'data' | 'masks'>
  stopped: boolean
  metrics: DetectionMetrics | null
  warnings: string[]
  /** The last export to each target. Left out where there was none. */
  exports?: ExportCheck[]
}

export type { CubeDescription }
