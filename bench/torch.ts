import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What a script is asked for: its own words, and how often. */
export type TorchRequest = Readonly<Record<string, unknown>> & { repeats: number }

export interface TorchAnswer {
  ms: number[]
  /** Milliseconds of the processor, over all threads. */
  cpu: number[]
  [more: string]: unknown
}

export interface Torch {
  version: string
  /** Milliseconds of each repeat. */
  measure(request: TorchRequest): Promise<number[]>
  /** The same with whatever else the script answers. */
  ask(request: TorchRequest): Promise<TorchAnswer>
  end(): void
}

/** PyTorch in a child process with so many threads, which lives until `end`; or why there is none. */
export async function startTorch(script: string, threads: number): Promise<Torch | { missing: string }> {
  const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0)
  if (!python) return { missing: 'no python3 with torch was found (Debian: apt-get install python3-torch)' }
  const child = spawn(python, [script], {
    // OpenBLAS keeps threads of its own, which torch.set_num_threads does not reach. Spinning OpenMP threads would fight
    // with them: without the passive policy PyTorch is up to 2.5 times slower on two threads.
    env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE', OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch ended before it answered.')
    return JSON.parse(value) as Record<string, unknown>
  }
  const { torch, missing } = await next()
  if (missing !== undefined) return { missing: String(missing) }
  const ask = async (request: TorchRequest): Promise<TorchAnswer> => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    return (await next()) as TorchAnswer
  }
  return {
    version: String(torch),
    ask,
    measure: async (request) => (await ask(request)).ms,
    end: () => child.stdin.end(),
  }
}
