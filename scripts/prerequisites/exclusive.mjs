import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const cache = resolve(import.meta.dirname, '..', '..', '.cache')

/** Runs `work` while no other process does work of the same name in this clone. Takes over from a process that died. */
export async function exclusively(name, work) {
  mkdirSync(cache, { recursive: true })
  const lock = join(cache, `${name}.lock`)
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (isAbandoned(lock)) rmSync(lock, { force: true })
    else await pause(200)
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

/** No work here takes longer than this. */
const LONGEST_MS = 20 * 60 * 1000

/** Its process is gone, or it is so old that another process must have got the same number. */
function isAbandoned(lock) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LONGEST_MS) return true
    const pid = Number(readFileSync(lock, 'utf8'))
    // Zero: being written this moment.
    if (pid > 0) process.kill(pid, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}
