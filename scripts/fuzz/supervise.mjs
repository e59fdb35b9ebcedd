// Runs fuzz workers until the time is over. A file that ends a worker, takes longer than two seconds, needs more memory
// than the budget or is refused by anything but a sentence is a finding.
import { fork } from 'node:child_process'
import { join } from 'node:path'

const HANG_MS = 2000
const BUDGET_MB = 900

/** Builds the worker from the sources as they are; answers its path. */
export async function buildWorker(root) {
  const { build } = await import('vite')
  const outDir = join(root, '.cache', 'fuzz')
  await build({ root, configFile: false, logLevel: 'error', build: { ssr: join(root, 'tests', 'fuzz', 'worker.ts'), outDir, target: 'node20' } })
  return join(outDir, 'worker.js')
}

/**
 * Tries damaged files of every target in turn. `seed` fixes which; `seconds` how long; `orders`, where given, which
 * alone. Answers how many were tried, by target, and the findings.
 */
export async function fuzz({ root, worker, targets, seconds, seed, orders, workers = 2 }) {
  const until = Date.now() + seconds * 1000
  const tried = Object.fromEntries(targets.map((target) => [target, { refused: 0, accepted: 0, skipped: 0 }]))
  const findings = []
  const faulty = new Map()
  let next = 0
  const nextOrder = () => {
    if (orders) return orders[next++]
    if (Date.now() >= until) return undefined
    const target = targets[next % targets.length]
    const number = seed + Math.floor(next / targets.length)
    next += 1
    return { target, number }
  }
  const note = (order, what) => {
    // Twenty of a target say enough.
    const count = (faulty.get(order.target) ?? 0) + 1
    faulty.set(order.target, count)
    if (count <= 20) findings.push({ ...order, what })
  }

  async function work() {
    for (let order = nextOrder(); order; ) {
      const child = fork(worker, { cwd: root, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--max-old-space-size=512'] })
      order = await new Promise((resolve) => {
        let timer
        let current = order
        const stop = (value) => {
          clearTimeout(timer)
          child.removeAllListeners()
          child.kill('SIGKILL')
          resolve(value)
        }
        child.on('message', (answer) => {
          clearTimeout(timer)
          if (answer.kind === 'began') {
            timer = setTimeout(() => {
              note(answer.order, `took longer than ${HANG_MS / 1000} s`)
              stop(nextOrder())
            }, HANG_MS)
            return
          }
          tried[answer.order.target][answer.outcome] += 1
          if (answer.finding !== null) note(answer.order, answer.finding)
          const swollen = answer.peakMB > BUDGET_MB
          if (swollen) note(answer.order, `needed ${Math.round(answer.peakMB)} MB, more than ${BUDGET_MB}`)
          current = nextOrder()
          if (current && !swollen) child.send(current)
          else stop(current)
        })
        child.on('exit', (code, signal) => {
          note(current, `ended the process (${signal ?? code})`)
          stop(nextOrder())
        })
        child.send(current)
      })
    }
  }

  await Promise.all(Array.from({ length: workers }, work))
  return { tried, findings }
}
