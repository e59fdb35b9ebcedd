import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { AnyEvent, CallName, Calls } from '../../src/shared/contract'
import type { CubeDescription } from '../../src/shared/cube'
import type { EngineCallName, EngineRole, FromEngine, ToEngine } from '../../src/shared/engine-contract'
import { CuvetteError, toProblem } from '../../src/shared/problem'
import type { WorkProgress } from '../../src/shared/reports'
import type { EngineProcess, Host } from '../../src/workbench/host'
import type { WorkbenchOptions } from '../../src/workbench/workbench'
import { Workbench } from '../../src/workbench/workbench'

export interface FakeContext {
  role: EngineRole
  signal: AbortSignal
  progress(progress: WorkProgress): void
}

export type FakeHandlers = Partial<Record<EngineCallName, (args: never, context: FakeContext) => unknown>>

/** An engine process without a process: answers from a table, and dies when told to. */
export class FakeEngine implements EngineProcess {
  readonly received: ToEngine[] = []
  alive = true
  private tell: (message: FromEngine) => void = () => undefined
  private ended: (how: string) => void = () => undefined
  private readonly controllers = new Map<number, AbortController>()

  constructor(
    readonly role: EngineRole,
    private readonly handlers: FakeHandlers,
    private readonly getsReady = true,
  ) {}

  post(message: ToEngine): void {
    if (!this.alive) throw new Error('The process is gone.')
    this.received.push(structuredClone(message))
    if (message.kind === 'cancel') this.controllers.get(message.id)?.abort()
    else void this.answer(message)
  }

  onMessage(listener: (message: FromEngine) => void): void {
    this.tell = listener
    if (this.getsReady) setImmediate(() => this.send({ kind: 'ready' }))
  }

  onExit(listener: (how: string) => void): void {
    this.ended = listener
  }

  tellMemory(bytes: number): void {
    this.send({ kind: 'memory', bytes })
  }

  kill(): void {
    this.die('signal SIGKILL')
  }

  die(how = 'exit code 86'): void {
    if (!this.alive) return
    this.alive = false
    // What it was doing ends with it.
    for (const controller of this.controllers.values()) controller.abort()
    setImmediate(() => this.ended(how))
  }

  private async answer(message: Extract<ToEngine, { kind: 'call' }>): Promise<void> {
    const { id, name, args } = message
    const controller = new AbortController()
    this.controllers.set(id, controller)
    try {
      const handler = this.handlers[name]
      if (!handler) throw new CuvetteError('bad-argument', `The fake engine has no ${name}.`)
      const value = await handler(args as never, {
        role: this.role,
        signal: controller.signal,
        progress: (progress) => this.send({ kind: 'progress', id, progress }),
      })
      this.send({ kind: 'reply', id, value })
    } catch (error) {
      this.send({ kind: 'failure', id, problem: toProblem(error) })
    }
  }

  private send(message: FromEngine): void {
    if (this.alive) this.tell(structuredClone(message))
  }
}

/** A cube of 4 lines, 6 samples and 3 bands; band b holds b * 100 + line * 10 + sample. */
export function description(path: string, change: Partial<CubeDescription> = {}): CubeDescription {
  return {
    path, variable: null, format: 'ENVI', shape: [4, 6, 3], dtype: 'float32', interleave: 'bsq', wavelengths: [500, 600, 700], wavelengthUnit: 'nm',
    fwhm: null, bandNames: null, badBands: [], defaultBands: null, noData: null, scale: null, variables: [], mask: null, warnings: [], ...change,
  }
}

/** A browse process over imaginary cubes. */
export function browseHandlers(): FakeHandlers {
  return {
    'cube.describe': ({ reference }: { reference: string }) => description(reference),
    'cube.reading': () => ({ quickStride: 1, overviewStride: null }),
    'cube.band': ({ band, stride }: { band: number; stride: number }) => {
      const [lines, samples] = [Math.ceil(4 / stride), Math.ceil(6 / stride)]
      const values = Float32Array.from({ length: lines * samples }, (_, n) => band * 100 + Math.floor(n / samples) * stride * 10 + (n % samples) * stride)
      return { shape: [lines, samples], values }
    },
    'cube.spectrum': ({ line, sample }: { line: number; sample: number }) => ({ values: Float32Array.of(line, NaN, sample) }),
    'cube.bandStatistics': ({ bands }: { bands: number[] }) =>
      bands.map((band) => ({ band, min: 0, max: 1, mean: 0.5, percentiles: Array.from({ length: 101 }, (_, p) => p / 100), validPixels: 24, totalPixels: 24 })),
    'data.fingerprint': ({ reference }: { reference: string }) => ({ bytes: basename(reference).length, sha256: basename(reference) }),
    'cube.release': () => null,
    'mask.describe': ({ reference, shape }: { reference: string; shape: [number, number] }) => ({
      path: reference, variable: null, shape, classes: [{ id: 0, count: 20 }, { id: 1, count: 4 }],
    }),
    'mask.read': ({ shape }: { shape: [number, number] }) => ({ shape, values: new Uint8Array(shape[0] * shape[1]).fill(1, 0, 4) }),
    'nodes.catalogue': () => [],
    'pipeline.describe': ({ path, text }: { path: string; text: string }) => ({
      summary: { name: basename(path), nodes: [], connections: [], epochs: 20, problems: [] },
      description: `Text of ${text.length} characters.`,
    }),
    'pipeline.check': ({ path }: { path: string }) => ({ name: path, nodes: [], connections: [], epochs: 20, problems: [] }),
  }
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cuvette-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Bench {
  root: string
  home: string
  host: Host
  workbench: Workbench
  events: AnyEvent[]
  /** Every engine process ever started, in order. */
  engines: FakeEngine[]
  /** The living one of a role. */
  engine(role: EngineRole): FakeEngine
  /** The value of a call that must succeed. */
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']>
  problem(name: string, args: unknown): Promise<{ code: string; message: string }>
  data(path: string, init?: RequestInit): Promise<Response>
}

export interface BenchOptions extends Partial<WorkbenchOptions> {
  root?: string
  handlers?: FakeHandlers
  host?: Partial<Host>
}

/** A workbench on a temporary home with one sample cube, one template and fake engines. */
export async function startBench({ root: given, handlers = {}, host: changes = {}, ...options }: BenchOptions = {}): Promise<Bench> {
  const root = given ?? (await temporaryFolder())
  const resources = join(root, 'resources')
  await mkdir(join(resources, 'sample'), { recursive: true })
  await mkdir(join(resources, 'pipelines'), { recursive: true })
  for (const name of ['farm.hdr', 'farm.img', 'farm_mask.hdr', 'farm_mask.img']) await writeFile(join(resources, 'sample', name), '')
  await writeFile(join(resources, 'pipelines', 'deep-svdd.yaml'), 'nodes: {}\n')

  const engines: FakeEngine[] = []
  const home = join(root, 'home')
  const table: FakeHandlers = { ...browseHandlers(), 'device.probe': () => ({ device: 'cpu', reason: 'CPU: tests.' }), ...handlers }
  const host: Host = {
    kind: 'browser',
    places: { engine: '', renderer: join(root, 'pages'), resources, version: '9.9.9' },
    home,
    startEngine(role) {
      const engine = new FakeEngine(role, table)
      engines.push(engine)
      return engine
    },
    choose: null,
    confirmAccess: async () => true,
    ...changes,
  }
  const workbench = await Workbench.boot(host, { project: null, engineTiming: { restartDelays: [5, 10, 20], healthyAfter: 1000, busyAfter: 5 }, ...options })
  onTestFinished(() => workbench.shutdown())
  const events: AnyEvent[] = []
  workbench.onEvent((event) => events.push(structuredClone(event)))
  return {
    root, home, host, workbench, events, engines,
    engine: (role) => engines.filter((engine) => engine.role === role && engine.alive).at(-1)!,
    async call(name, args) {
      const reply = await workbench.dispatch(name, args)
      if (!reply.ok) throw new CuvetteError(reply.problem.code, reply.problem.message)
      return reply.value as never
    },
    async problem(name, args) {
      const reply = await workbench.dispatch(name, args)
      if (reply.ok) throw new Error(`${name} should have been refused.`)
      return reply.problem
    },
    data: (path, init) => workbench.data(new Request(`http://127.0.0.1${path}`, init)),
  }
}

/** Waits until the condition holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
