import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fitPipeline } from '../../src/engine/training/fit'
import { race, timed } from '../race'
import type { Contestant, RaceLength } from '../race'
import { startTorch } from '../torch'
import type { Torch } from '../torch'
import { BANDS, LINES, SAMPLES, writeScene } from './scene'

// Whole fits, from the file to the folder of results: reading, statistics, training, validation at each epoch, scores of
// the scene, threshold, metrics. What Cuvette writes beside, artifacts and an exported model, counts against it.

const LENGTH: RaceLength = { rounds: 3, uncounted: 0, counted: 1 }

interface Measured {
  template: string
  milliseconds: Record<string, number>
  /** How many times as fast as the faster PyTorch Cuvette is. */
  ratio: number | null
  /** Of Cuvette's last fit and of PyTorch's: that both learned the same. */
  auc: { cuvette: number | null; torch: number | null }
}

/** Fits every template next to PyTorch; `--epochs N` shortens the training of both, `--only NAME` measures one. */
export async function main(words: readonly string[], torchScript: string): Promise<void> {
  const json = words.includes('--json')
  const epochs = Number(valueOf(words, '--epochs') ?? 0)
  const only = valueOf(words, '--only')
  const say = (text: string): void => void (json || console.log(text))
  say(`Fit of every template, ${LINES} x ${SAMPLES} x ${BANDS}; ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}; medians of ${LENGTH.rounds} alternating rounds.`)
  const home = await mkdtemp(join(tmpdir(), 'cuvette-bench-'))
  // On two threads whose cores others use as well, PyTorch is at times much slower than on one: both run, the faster counts.
  const torches: { name: string; torch: Torch }[] = []
  for (const threads of new Set([1, cpus().length])) {
    const torch = await startTorch(torchScript, threads)
    if ('missing' in torch) say(`PyTorch is left out: ${torch.missing}.`)
    else torches.push({ name: `torch ${threads}`, torch })
  }
  const results: Measured[] = []
  try {
    const scene = await writeScene(home)
    for (const path of await templates()) {
      const template = basename(path, '.yaml')
      if (only && template !== only) continue
      const text = await readFile(path, 'utf8')
      const auc: Measured['auc'] = { cuvette: null, torch: null }
      const cuvette = timed('cuvette', async () => {
        const out = join(home, 'fitted')
        const request = { pipeline: { text, path }, data: [scene.cube], masks: [scene.mask], validation: [], out, device: 'cpu' as const, resume: false, seed: 0, ...(epochs > 0 && { epochs }) }
        const report = await fitPipeline(request, { signal: new AbortController().signal, onProgress: () => undefined })
        auc.cuvette = report.metrics?.auc ?? null
        await rm(out, { recursive: true, force: true })
      })
      const contestants: Contestant[] = [cuvette, ...torches.map(({ name, torch }) => ({
        name,
        async measure(repeats: number) {
          const answer = await torch.ask({ template, ...scene, epochs, repeats })
          auc.torch = answer.auc as number
          return answer.ms
        },
      }))]
      const milliseconds = await race(contestants, LENGTH)
      const ratio = torches.length > 0 ? Math.min(...torches.map(({ name }) => milliseconds[name])) / milliseconds.cuvette : null
      results.push({ template, milliseconds, ratio, auc })
      say(line(results[results.length - 1]))
    }
  } finally {
    for (const { torch } of torches) torch.end()
    await rm(home, { recursive: true, force: true })
  }
  if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), torch: torches[0]?.torch.version ?? null, epochs: epochs || null, results }, null, 2))
}

function line({ template, milliseconds, ratio, auc }: Measured): string {
  const times = Object.entries(milliseconds).map(([name, ms]) => `${name} ${(ms / 1000).toFixed(2).padStart(7)} s`).join('  ')
  const area = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
  return `  ${template.padEnd(16)} ${times}  best torch / cuvette ${ratio?.toFixed(2) ?? '-'}  (AUC ${area(auc.cuvette)}, ${area(auc.torch)})`
}

async function templates(): Promise<string[]> {
  const folder = resolve('resources', 'pipelines')
  return (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort().map((name) => join(folder, name))
}

function valueOf(words: readonly string[], option: string): string | null {
  const at = words.indexOf(option)
  return at < 0 ? null : (words[at + 1] ?? null)
}
