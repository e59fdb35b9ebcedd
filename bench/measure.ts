import { cpus } from 'node:os'
import { CHUNK, fitOnNoise, SCORE_ROWS, scoreContestants, STEP_ROWS, stepContestants } from './cuvette'
import type { Contestant } from './cuvette'
import { startTorch } from './torch'
import type { Torch } from './torch'

// Every contestant runs a few times in every round, and the rounds alternate, so that whatever else the machine does
// falls on all of them alike. The first repeats of a round are not counted: caches are cold then, and an idle process is
// slow to wake. What counts is the median, and ratios of medians.

const ROUNDS = 7
const UNCOUNTED = 2
const COUNTED = 4

interface Work {
  title: string
  work: 'step' | 'score'
  rows: number
  open: typeof stepContestants
}

const WORKS: Work[] = [
  { title: `Training step, ${STEP_ROWS.toLocaleString('en-US')} x 61 -> 128 -> 32`, work: 'step', rows: STEP_ROWS, open: stepContestants },
  { title: 'Scoring, 512 x 512 x 61 -> 128 -> 32', work: 'score', rows: SCORE_ROWS, open: scoreContestants },
]

/** Prints times and ratios; with `json` as one document. */
export async function main(words: readonly string[], torchScript: string): Promise<void> {
  const json = words.includes('--json')
  const say = (text: string): void => void (json || console.log(text))
  const torch = await startTorch(torchScript)
  if ('missing' in torch) say(`PyTorch is left out: ${torch.missing}.\n`)
  else say(`PyTorch ${torch.version}, OMP_WAIT_POLICY=PASSIVE.`)
  say(`${cpus()[0].model.trim()}, ${cpus().length} cores; medians of ${ROUNDS} alternating rounds of ${COUNTED}.\n`)

  const results: Record<string, unknown>[] = []
  const fitted = await fitOnNoise()
  try {
    for (const work of WORKS) {
      for (const threads of [1, 2].filter((count) => count <= cpus().length)) {
        const { contestants, release } = await work.open(fitted, threads)
        const all = 'missing' in torch ? contestants : [...contestants, ...torchContestants(torch, work, threads)]
        const medians = await race(all)
        await release()
        results.push({ work: work.work, threads, milliseconds: medians, ratios: ratiosOf(medians) })
        say(`${work.title}, ${threads} ${threads === 1 ? 'thread' : 'threads'}\n${report(medians)}\n`)
      }
    }
  } finally {
    await fitted.remove()
    if (!('missing' in torch)) torch.end()
  }
  if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), torch: 'missing' in torch ? null : torch.version, results }, null, 2))
}

function torchContestants(torch: Torch, { work, rows }: Work, threads: number): Contestant[] {
  // PyTorch measures itself, so that the way to the child process does not count.
  const contestant = (name: string, chunk: number): Contestant => ({ name, measure: (repeats) => torch.measure({ work, rows, chunk, threads, repeats }) })
  return [contestant('torch whole', rows), contestant('torch micro', CHUNK)]
}

/** Median milliseconds by name. */
async function race(contestants: readonly Contestant[]): Promise<Record<string, number>> {
  const times = contestants.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      times[index].push(...(await contestant.measure(UNCOUNTED + COUNTED)).slice(UNCOUNTED))
    }
  }
  return Object.fromEntries(contestants.map(({ name }, index) => [name, median(times[index])]))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How many times as fast Cuvette's best way is; and how near it comes to the bare products. */
function ratiosOf(medians: Record<string, number>): Record<string, number> {
  const best = Math.min(medians['cuvette whole'], medians['cuvette micro'])
  const products = Math.min(medians['products whole'], medians['products micro'])
  return {
    ...('torch whole' in medians && {
      'torch whole / cuvette whole': medians['torch whole'] / medians['cuvette whole'],
      'torch whole / cuvette best': medians['torch whole'] / best,
      'torch micro / cuvette micro': medians['torch micro'] / medians['cuvette micro'],
      'torch best / cuvette best': Math.min(medians['torch whole'], medians['torch micro']) / best,
    }),
    'cuvette best / products best': best / products,
  }
}

function report(medians: Record<string, number>): string {
  const width = Math.max(...Object.keys(medians).map((name) => name.length))
  const times = Object.entries(medians).map(([name, ms]) => `  ${name.padEnd(width)}  ${ms.toFixed(1).padStart(7)} ms`)
  const ratios = Object.entries(ratiosOf(medians)).map(([name, ratio]) => `  ${name}: ${ratio.toFixed(2)}`)
  return [...times, ...ratios].join('\n')
}
