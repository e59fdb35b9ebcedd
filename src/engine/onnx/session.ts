import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import { CuvetteError } from '../../shared/problem'
import type { DeviceChoice, DeviceName, DeviceReport } from '../../shared/device'
import { deviceReport, planDevice, unavailable } from './device'
import { withoutDefaults } from './messages/defaults'
import { runtimeError, runtimeSentence } from './runtime-error'
import type { ElementType, Tensor } from './tensor'
import { elementCount } from './tensor'

export interface SessionOptions {
  /** Threads inside one operator; default: as many as there are cores. */
  threads?: number
}

/** A model that is ready to run. `run` blocks the thread it is called on. */
export interface Session {
  /** Every input, those with a default included. */
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** Inputs that may be left out, and what they are then. */
  readonly defaults: ReadonlyMap<string, Tensor>
  readonly report: DeviceReport
  /**
   * Computes `fetches` (default: all outputs). Throws CuvetteError('bad-argument') for missing or unknown names,
   * 'bad-data' when the numbers do not fit the model.
   */
  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>>
  release(): Promise<void>
}

/**
 * Opens a model on a device. With 'auto' the best device on which the model opens is taken and the report says why
 * no better one; a device that the user named is used or refused ('device-unavailable').
 */
export async function openSession(model: Uint8Array, device: DeviceChoice, options: SessionOptions = {}): Promise<Session> {
  const plan = await planDevice(device)
  const { model: bytes, defaults } = splitDefaults(model)
  const passedOver = [...plan.passedOver]
  for (const candidate of plan.candidates) {
    try {
      const native = await create(bytes, candidate, options)
      return wrap(native, await runtime(), defaults, deviceReport(candidate, device, passedOver))
    } catch (error) {
      if (candidate === 'cpu') throw runtimeError(error, 'be loaded')
      // Whether the model or the device is at fault shows on the CPU.
      if (device !== 'auto') {
        await create(bytes, 'cpu', options).then((native) => native.release(), (onCpu: unknown) => {
          throw runtimeError(onCpu, 'be loaded')
        })
        throw unavailable(candidate, `the model cannot be opened on it (${runtimeSentence(error)})`)
      }
      passedOver.push({ device: candidate, because: `the model cannot be opened on it (${runtimeSentence(error)})` })
    }
  }
  throw new CuvetteError('internal', 'No device is left to run the model on.')
}

async function runtime(): Promise<typeof import('onnxruntime-node')> {
  const loaded = await import('onnxruntime-node')
  // What goes wrong comes back as an error; the runtime's own log would only repeat it on stderr.
  loaded.env.logLevel = 'fatal'
  return loaded
}

async function create(model: Uint8Array, device: DeviceName, options: SessionOptions): Promise<InferenceSession> {
  const { InferenceSession } = await runtime()
  return await InferenceSession.create(model, {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    // Threads that spin while they wait take the processor from the next session, and from the window.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(options.threads !== undefined && { intraOpNumThreads: options.threads }),
  })
}

/** Damaged bytes are left to the runtime, whose message says more. */
function splitDefaults(model: Uint8Array): ReturnType<typeof withoutDefaults> {
  try {
    return withoutDefaults(model)
  } catch {
    return { model, defaults: new Map() }
  }
}

function wrap(native: InferenceSession, { Tensor }: Pick<typeof import('onnxruntime-node'), 'Tensor'>, defaults: ReadonlyMap<string, Tensor>, report: DeviceReport): Session {
  const inputNames = [...native.inputNames]
  const outputNames = [...native.outputNames]
  const [inputs, outputs] = [new Set(inputNames), new Set(outputNames)]
  // Parameters and constants are the same tensors in every run; the runtime reads the numbers where they lie.
  const known = new WeakMap<Tensor, RuntimeTensor>()
  const given = (name: string, index: number, tensor: Tensor): RuntimeTensor => {
    const before = known.get(tensor)
    if (before) return before
    refuseMisfit(tensor, native.inputMetadata[index])
    const made = toRuntime(Tensor, name, tensor)
    known.set(tensor, made)
    return made
  }
  let open = true
  return {
    inputNames,
    outputNames,
    defaults,
    report,
    async run(feeds, fetches = outputNames) {
      if (!open) throw new CuvetteError('internal', 'The session was released before this run.')
      refuseNames(Object.keys(feeds), inputs, 'input')
      refuseNames(fetches, outputs, 'output')
      const all: Record<string, RuntimeTensor> = {}
      for (const [index, name] of inputNames.entries()) {
        const tensor = feeds[name] ?? defaults.get(name)
        if (!tensor) throw new CuvetteError('bad-argument', `The model needs a value for its input ${name}.`, { where: name })
        all[name] = given(name, index, tensor)
      }
      let results: Readonly<Record<string, RuntimeTensor>>
      try {
        results = (await native.run(all, [...fetches])) as Readonly<Record<string, RuntimeTensor>>
      } catch (error) {
        throw runtimeError(error, 'run')
      }
      return Object.fromEntries(fetches.map((name) => [name, fromRuntime(name, results[name])]))
    },
    async release() {
      if (!open) return
      open = false
      await native.release()
    },
  }
}

function refuseNames(given: readonly string[], known: ReadonlySet<string>, kind: 'input' | 'output'): void {
  const unknown = given.find((name) => !known.has(name))
  if (unknown !== undefined) throw new CuvetteError('bad-argument', `The model has no ${kind} ${unknown}; it has ${[...known].join(', ')}.`, { where: unknown })
}

function refuseMisfit({ type, shape }: Tensor, stated: InferenceSession.ValueMetadata): void {
  if (!stated.isTensor) return
  const fits = stated.type === type && stated.shape.length === shape.length && stated.shape.every((size, axis) => typeof size !== 'number' || size === shape[axis])
  if (fits) return
  const expected = `${stated.type} [${stated.shape.map((size) => (size === '' ? '?' : size)).join(', ')}]`
  throw new CuvetteError('bad-data', `The input ${stated.name} of the model was given ${type} [${shape.join(', ')}]; ${expected} is expected.`, { where: stated.name })
}

function toRuntime(Tensor: typeof RuntimeTensor, name: string, { type, shape, data }: Tensor): RuntimeTensor {
  if (data.length !== elementCount(shape)) {
    throw new CuvetteError('bad-argument', `The input ${name} holds ${data.length} numbers; its shape [${shape.join(', ')}] needs ${elementCount(shape)}.`, { where: name })
  }
  return new Tensor(type as 'float32', data as Float32Array, [...shape])
}

const readable: ReadonlySet<string> = new Set<ElementType>(['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'])

function fromRuntime(name: string, tensor: RuntimeTensor): Tensor {
  if (!readable.has(tensor.type)) throw new CuvetteError('unsupported', `The output ${name} has the element type ${tensor.type}, which is not supported.`, { where: name })
  return { type: tensor.type as ElementType, shape: [...tensor.dims], data: tensor.data as Tensor['data'] }
}
