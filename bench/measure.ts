import { cpus } from 'node:os'
import { CHUNK, fitOnNoise, SCORE_ROWS, scoreContestants, STEP_ROWS, stepContestants } from './cuvette'
import { race } from './race'
import type { Contestant, RaceLength } from './race'
import { startTorch } from './torch'
import type { Torch } from './torch'

// What counts are medians, and ratios of medians.

const LENGTH: RaceLength = { rounds: 7, uncounted: 2, counted: 4 }

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
  say(`${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}; medians of ${LENGTH.rounds} alternating rounds of ${LENGTH.counted}.`)

  const results: Result[] = []
  let version: string | null = null
  const fitted = await fitOnNoise()
  try {
    for (const threads of [1, 2].filter((count) => count <= cpus().length)) {
      const torch = await startTorch(torchScript, threads)
      if ('missing' in torch) say(`PyTorch is left out: ${torch.missing}.`)
      else version = torch.version
      for (const work of WORKS) {
        const { contestants, release } = await work.open(fitted, threads)
        const milliseconds = await race('missing' in torch ? contestants : [...contestants, ...torchContestants(torch, work)], LENGTH)
        await release()
        results.push({ work: work.work, threads, milliseconds, ratios: ratiosOf(milliseconds) })
        say(`\n${work.title}, ${threads} ${threads === 1 ? 'thread' : 'threads'}\n${report(milliseconds)}`)
      }
      if (!('missing' in torch)) torch.end()
    }
  } finally {
    await fitted.remove()
  }
  if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), torch: version, results }, null, 2))
}

interface Result {
  work: Work['work']
  threads: number
  /** Median by contestant. */
  milliseconds: Record<string, number>
  ratios: Record<string, number>
}

function torchContestants(torch: Torch, { work, rows }: Work): Contestant[] {
  // PyTorch measures itself, so that the way to the child process does not count.
  const contestant = (name: string, what: 'step' | 'one-pass-step' | 'score', chunk: number): Contestant => ({
    name,
    measure: (repeats) => torch.measure({ work: what, rows, chunk, repeats }),
  })
  return [
    contestant('torch whole', work, rows),
    contestant('torch micro', work, CHUNK),
    // Not the same numbers: the centre follows each chunk, which saves the first pass over the batch.
    ...(work === 'step' ? [contestant('torch micro, one pass', 'one-pass-step', CHUNK)] : []),
  ]
}

/** How many times as fast Cuvette's best way is; and how near it comes to the bare products. */
function ratiosOf(medians: Record<string, number>): Record<string, number> {
  const best = (who: string): number => Math.min(...Object.entries(medians).flatMap(([name, ms]) => (name.startsWith(who) ? [ms] : [])))
  return {
    ...('torch whole' in medians && {
      'torch whole / cuvette whole': medians['torch whole'] / medians['cuvette whole'],
      'torch whole / cuvette best': medians['torch whole'] / best('cuvette'),
      'torch micro / cuvette micro': medians['torch micro'] / medians['cuvette micro'],
      'torch best / cuvette best': best('torch') / best('cuvette'),
    }),
    'cuvette best / products best': best('cuvette') / best('products'),
  }
}

function report(medians: Record<string, number>): string {
  const width = Math.max(...Object.keys(medians).map((name) => name.length))
  const times = Object.entries(medians).map(([name, ms]) => `  ${name.padEnd(width)}  ${ms.toFixed(1).padStart(7)} ms`)
  const ratios = Object.entries(ratiosOf(medians)).map(([name, ratio]) => `  ${name}: ${ratio.toFixed(2)}`)
  return [...times, ...ratios].join('\n')
}
