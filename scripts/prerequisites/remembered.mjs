import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const cache = resolve(import.meta.dirname, '..', '..', '.cache')
const DAY_MS = 24 * 60 * 60 * 1000

/** Why something failed less than a day ago, or null. So that every start need not wait for the same unreachable host. */
export function rememberedFailure(name) {
  try {
    const { time, reason } = JSON.parse(readFileSync(join(cache, `${name}.json`), 'utf8'))
    const age = Date.now() - time
    return age >= 0 && age < DAY_MS ? String(reason) : null
  } catch {
    return null
  }
}

export function rememberFailure(name, reason) {
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, `${name}.json`), JSON.stringify({ time: Date.now(), reason }))
}
