// Child processes that are timed from their birth. The kernel tells their largest resident memory (VmHWM) and the
// processor time they took, which, unlike the time on the clock, hardly depends on what else the machine does.
import { fork, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The browse process of the built application, spoken to as the workbench does. */
export function startBrowse(engine) {
  const born = performance.now()
  const child = fork(engine, ['browse'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
  const waiting = new Map()
  let next = 1
  child.on('message', (message) => {
    const call = waiting.get(message.id)
    if (message.kind === 'reply') call?.resolve(message.value)
    if (message.kind === 'failure') call?.reject(new Error(message.problem.message))
  })
  return {
    born,
    call: (name, args) => new Promise((resolve, reject) => {
      waiting.set(next, { resolve, reject })
      child.send({ kind: 'call', id: next, name, args })
      next += 1
    }),
    peakMB: () => peakOf(child.pid),
    cpu: () => cpuOf(child.pid),
    end: () => child.kill(),
  }
}

/** Runs a command to its end; answers its seconds and the largest memory of it. */
export async function measured(command, args, options = {}) {
  const started = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let output = ''
  let said = ''
  child.stdout.on('data', (chunk) => { output += chunk })
  child.stderr.on('data', (chunk) => { said += chunk })
  let peak = 0
  let cpu = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid))
    cpu = Math.max(cpu, cpuOf(child.pid))
  }, 50)
  const code = await new Promise((resolve) => { child.on('close', resolve) })
  clearInterval(timer)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${said.slice(-600)}${output.slice(-600)}`)
  return { seconds: (performance.now() - started) / 1000, cpu, peakMB: peak, output }
}

/** Megabytes; 0 where the kernel does not tell. */
function peakOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Seconds of all threads so far, in steps of a hundredth; 0 where the kernel does not tell. */
function cpuOf(pid) {
  try {
    // The second field is the command in parentheses, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}
