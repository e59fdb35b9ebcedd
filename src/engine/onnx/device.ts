import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { DeviceChoice, DeviceName, DeviceReport } from '../../shared/device'
import { runtimeSentence } from './runtime-error'

/** How people call them. */
const titles: Record<DeviceName, string> = { cuda: 'CUDA', webgpu: 'WebGPU', dml: 'DirectML', coreml: 'Core ML', cpu: 'CPU' }

/** A graphics driver may take long to come up the first time; longer is a hang. */
const PROBE_LIMIT_MS = 20_000

export type Probe = { usable: true } | { usable: false; because: string }

/** What `auto` tries, best first. */
export function devicesInOrder(platform: NodeJS.Platform = process.platform): DeviceName[] {
  return ['cuda', 'webgpu', ...(platform === 'win32' ? (['dml'] as const) : []), ...(platform === 'darwin' ? (['coreml'] as const) : []), 'cpu']
}

const probes = new Map<DeviceName, Promise<Probe>>()

/**
 * Whether a device works here, tried once per process. The trial runs in a child process with a time limit,
 * because a broken driver ends or hangs the process that loads it.
 */
export function probe(device: DeviceName): Promise<Probe> {
  const known = probes.get(device)
  if (known) return known
  const result = tryDevice(device)
  probes.set(device, result)
  return result
}

async function tryDevice(device: DeviceName): Promise<Probe> {
  if (device === 'cpu') return { usable: true }
  const missing = missingPiece(device)
  if (missing) return { usable: false, because: missing }
  return await tryInChild(device, createRequire(import.meta.url).resolve('onnxruntime-node'), PROBE_LIMIT_MS)
}

/** What can be seen to be missing without loading anything. */
function missingPiece(device: DeviceName): string | null {
  if (device === 'dml' && process.platform !== 'win32') return 'it exists on Windows only'
  if (device === 'coreml' && process.platform !== 'darwin') return 'it exists on macOS only'
  if (device === 'cuda') {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'the runtime offers it on Linux x64 only'
    if (!existsSync(join(runtimeFolder(), 'libonnxruntime_providers_cuda.so'))) {
      return 'libonnxruntime_providers_cuda.so is not installed (npm run setup:cuda)'
    }
  }
  return null
}

/** Folder of the runtime's native libraries for this machine. */
export function runtimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch)
}

// y = relu(x) for x float32 [4], opset 17, as the bytes of an .onnx file.
const TRIAL_MODEL = 'CAg6MwoMCgF4EgF5IgRSZWx1EgFnWg8KAXgSCgoICAESBAoCCARiDwoBeRIKCggIARIECgIIBEICEBE='

const TRIAL = `
const [library, device, model] = process.argv.slice(1)
const ort = require(library)
ort.env.logLevel = 'fatal'
const say = (answer) => process.stdout.write(JSON.stringify(answer), () => process.exit(0))
ort.InferenceSession.create(Buffer.from(model, 'base64'), { executionProviders: [device], logSeverityLevel: 4 })
  .then((session) => session.run({ x: new ort.Tensor('float32', Float32Array.of(-1, 2, -3, 4), [4]) }))
  .then(({ y }) => say(y.data.join() === '0,2,0,4' ? { usable: true } : { usable: false, message: 'it computes wrong numbers' }))
  .catch((error) => say({ usable: false, message: error instanceof Error ? error.message : String(error) }))
`

/** Runs a small model on the device in a child process. `library`: entry file of the runtime. */
export function tryInChild(device: DeviceName, library: string, limitMs: number): Promise<Probe> {
  return new Promise((resolve) => {
    // Electron's binary runs plain Node with this variable; Node ignores it.
    const child = spawn(process.execPath, ['-e', TRIAL, library, device, TRIAL_MODEL], {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let answer = ''
    let hung = false
    const limit = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, limitMs)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (answer += text))
    child.once('error', (error) => {
      clearTimeout(limit)
      resolve({ usable: false, because: `a trial process could not be started (${error.message})` })
    })
    child.once('close', (code, signal) => {
      clearTimeout(limit)
      if (hung) return resolve({ usable: false, because: `a trial did not answer within ${limitMs / 1000} s` })
      try {
        const { usable, message } = JSON.parse(answer) as { usable: boolean; message?: string }
        resolve(usable ? { usable } : { usable, because: plain(device, message ?? '') })
      } catch {
        resolve({ usable: false, because: `its driver ended the trial process (${signal ?? `exit code ${code}`})` })
      }
    })
  })
}

/** Well-known reasons in words; others as the runtime says them. */
function plain(device: DeviceName, message: string): string {
  if (device === 'webgpu' && /No supported adapters|Failed to get a WebGPU adapter/.test(message)) return 'no graphics adapter was found'
  if (/backend not found/.test(message)) return 'this build of the runtime does not contain it'
  if (device === 'cuda' && /Failed to load shared library/.test(message)) return 'its libraries (CUDA 12 and cuDNN 9) could not be loaded'
  const sentence = runtimeSentence(message)
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** What a device choice means here. */
export interface DevicePlan {
  /** Devices to open a session on, best first; the last one is the CPU for 'auto'. */
  candidates: DeviceName[]
  /** Why better devices are not among them. */
  passedOver: { device: DeviceName; because: string }[]
}

/** Devices that a choice may run on. A device that the user named and that does not work is an error. */
export async function planDevice(choice: DeviceChoice): Promise<DevicePlan> {
  if (choice !== 'auto') {
    const result = await probe(choice)
    if (!result.usable) throw unavailable(choice, result.because)
    return { candidates: [choice], passedOver: [] }
  }
  const plan: DevicePlan = { candidates: [], passedOver: [] }
  for (const device of devicesInOrder()) {
    const result = await probe(device)
    if (result.usable) plan.candidates.push(device)
    else plan.passedOver.push({ device, because: result.because })
  }
  return plan
}

/** 'device-unavailable', with the way out. */
export function unavailable(device: DeviceName, because: string): CuvetteError {
  return new CuvetteError('device-unavailable', `The device ${device} cannot be used: ${because}; choose another device, or auto.`, { where: device })
}

/** One sentence: which device runs, and why no better one does. */
export function deviceReport(device: DeviceName, choice: DeviceChoice, passedOver: DevicePlan['passedOver']): DeviceReport {
  if (choice !== 'auto') return { device, reason: `${titles[device]}: chosen by the user.` }
  if (passedOver.length === 0) return { device, reason: `${titles[device]}: the best device of this machine.` }
  const reasons = passedOver.map(({ device: other, because }) => `${titles[other]} is not usable because ${because}`)
  return { device, reason: `${titles[device]}: ${reasons.join('; ')}.` }
}

/** What would run, without opening a model. Throws CuvetteError('device-unavailable') for a named device that does not work. */
export async function probeDevice(choice: DeviceChoice): Promise<DeviceReport> {
  const { candidates, passedOver } = await planDevice(choice)
  return deviceReport(candidates[0], choice, passedOver)
}
