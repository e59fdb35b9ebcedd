import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomSource } from '../../src/engine/nodes/random'
import { CuvetteError } from '../../src/shared/problem'
import { mutate } from './mutate'
import { selfTargets } from './self-targets'
import type { FuzzTarget } from './targets'
import { lay, targets } from './targets'

// A process that tries damaged files, one when asked. Its supervisor ends it when one takes too long.

export interface FuzzOrder {
  target: string
  /** Which damage: the same number makes the same file. */
  number: number
}

export type FuzzAnswer =
  | { kind: 'began'; order: FuzzOrder }
  | { kind: 'ended'; order: FuzzOrder; outcome: 'refused' | 'accepted' | 'skipped'; finding: string | null; peakMB: number }

const folder = mkdtempSync(join(tmpdir(), 'cuvette-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('disconnect', () => process.exit(0))
process.on('message', (order: FuzzOrder) => void attempt(order))

/** Damaged bytes of a target; undefined when it has no seed here. */
export async function damaged({ target, number }: FuzzOrder): Promise<{ files: Record<string, Uint8Array>; name: string } | undefined> {
  const seeds = await (known[target] ??= all[target].seeds())
  if (seeds.length === 0) return undefined
  const random = randomSource(number, target)
  const files = { ...seeds[random.integer(seeds.length)] }
  const names = Object.keys(files)
  // The first file is the one that is opened and the one that is damaged most.
  const name = random.integer(8) === 0 ? names[random.integer(names.length)] : names[0]
  files[name] = mutate(files[name], random)
  return { files, name: names[0] }
}

const all: Readonly<Record<string, FuzzTarget>> = { ...targets, ...selfTargets }
const known: Partial<Record<string, Promise<Record<string, Uint8Array>[]>>> = {}

async function attempt(order: FuzzOrder): Promise<void> {
  const made = await damaged(order)
  let finding: string | null = null
  let outcome: 'refused' | 'accepted' | 'skipped' = 'skipped'
  if (made) {
    const place = join(folder, `${order.target}-${order.number}`)
    lay(place, made.files)
    tell({ kind: 'began', order })
    outcome = 'accepted'
    finding = await all[order.target].run(join(place, made.name)).then(() => null, (error: unknown) => {
      outcome = 'refused'
      return faultOf(error)
    })
    rmSync(place, { recursive: true, force: true })
  }
  tell({ kind: 'ended', order, outcome, finding, peakMB: process.resourceUsage().maxRSS / 1024 })
}

/** What is wrong with how a damaged file was refused; null when it was refused in a sentence. */
function faultOf(error: unknown): string | null {
  if (!(error instanceof CuvetteError)) return error instanceof Error ? (error.stack ?? String(error)) : String(error)
  if (error.code === 'internal') return `An internal error: ${error.message}`
  return /^\S.*[.?]$/s.test(error.message) && error.message.length < 4000 ? null : `Not a sentence: ${error.message}`
}

function tell(answer: FuzzAnswer): void {
  process.send?.(answer)
}
