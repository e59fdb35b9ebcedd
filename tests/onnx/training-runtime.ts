import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

// The real training runtime, ONNX Runtime 1.19.2 in WebAssembly. Its package hides the training build from Node, so the
// file itself is imported. Feeds and results are positional whatever their names: all of them, in the model's order.

interface WasmTensor {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

export interface TrainingSession {
  readonly trainingInputNames: readonly string[]
  readonly trainingOutputNames: readonly string[]
  readonly evalInputNames: readonly string[]
  runTrainStep(feeds: Record<string, WasmTensor>): Promise<Record<string, WasmTensor>>
  runEvalStep(feeds: Record<string, WasmTensor>): Promise<Record<string, WasmTensor>>
  runOptimizerStep(): Promise<void>
  lazyResetGrad(): Promise<void>
  /** Damages the memory of the runtime where a parameter is one number: whatever is called afterwards may hang. */
  getContiguousParameters(trainableOnly?: boolean): Promise<WasmTensor>
  release(): Promise<void>
}

export interface TrainingRuntime {
  env: { logLevel: string; wasm: { numThreads: number; wasmPaths: string } }
  Tensor: new (type: 'float32' | 'bool', data: Float32Array | Uint8Array, dims: readonly number[]) => WasmTensor
  TrainingSession: {
    create(artifacts: { checkpointState: Uint8Array; trainModel: Uint8Array; evalModel?: Uint8Array; optimizerModel?: Uint8Array }): Promise<TrainingSession>
  }
}

let instances = 0

/** The runtime with a memory of its own. */
export async function trainingRuntime(): Promise<TrainingRuntime> {
  // The entry file for Node lies in the same folder.
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
  const file = pathToFileURL(join(folder, 'ort.training.wasm.min.mjs'))
  instances += 1
  const runtime = (await import(/* @vite-ignore */ `${file.href}?instance=${instances}`)) as TrainingRuntime
  runtime.env.logLevel = 'fatal'
  runtime.env.wasm.numThreads = 1
  runtime.env.wasm.wasmPaths = pathToFileURL(join(folder, '/')).href
  return runtime
}
