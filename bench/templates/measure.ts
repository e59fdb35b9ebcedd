import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { fitPipeline } from '../../src/engine/training/fit'
import { race, timed } from '../race'
import type { Contestant, RaceLength } from '../race'
import { startTorch } from '../torch'
import type { Torch } from '../torch'
import { BANDS, LINES, SAMPLES, WAVELENGTHS, writeScene } from './scene'

// Whole fits, from the file to the folder of results: reading, statistics, training, validation at each epoch, scores of
// the scene, threshold, metrics. What Cuvette writes beside, artifacts and an exported model, counts against it.

const LENGTH: RaceLength = { rounds: 3, uncounted: 0, counted: 1 }

interface Measured {
  template: string
  /** Medians by contestant; those of PyTorch are named by their threads. */
  milliseconds: Record<string, number>
  /** How many times as fast as the faster PyTorch Cuvette is; null where PyTorch has no such template or is not there. */
  ratio: number | null
  /** Of Cuvette's last fit and of PyTorch's: that both learned the same. */
  auc: { cuvette: number | null; torch: number | null }
}

/** Fits every template next to PyTorch; `--epochs N` shortens the training of both, `--only NAME` measures one. */
export async function main(words: readonly string[], torchScript: string, root: string): Promise<void> {
  const { values: { json, epochs: shortened, only } } = parseArgs({ args: [...words], options: { json: { type: 'boolean' }, epochs: { type: 'string' }, only: { type: 'string' } } })
  const epochs = shortened === undefined ? null : Number(shortened)
  const templates = await templatesIn(join(root, 'resources', 'pipelines'))
  const measured = templates.filter(({ name }) => only === undefined || name === only)
  if (measured.length === 0) throw new Error(`There is no template ${only ?? ''}; there are ${templates.map(({ name }) => name).join(', ')}.`)
  if (epochs !== null && !(Number.isInteger(epochs) && epochs > 0)) throw new Error(`${shortened} epochs were asked for; a whole number from 1 is expected.`)
  const say = (text: string): void => void (json || console.log(text))
  say(`Fit of every template, ${LINES} x ${SAMPLES} x ${BANDS}; ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}; medians of ${LENGTH.rounds} alternating rounds.`)
  const torches = await torchesOf(torchScript, say)
  const home = await mkdtemp(join(tmpdir(), 'cuvette-bench-'))
  const results: Measured[] = []
  try {
    const scene = await writeScene(home)
    for (const template of measured) {
      results.push(await measure(template, scene, epochs, torches, join(home, 'fitted')))
      say(line(results[results.length - 1]))
    }
  } finally {
    for (const { torch } of torches) torch.end()
    await rm(home, { recursive: true, force: true })
  }
  if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), torch: torches[0]?.torch.version ?? null, epochs, results }, null, 2))
}

interface Template {
  name: string
  path: string
  text: string
}

async function templatesIn(folder: string): Promise<Template[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort().map((name) => join(folder, name))
  return await Promise.all(files.map(async (path) => ({ name: basename(path, '.yaml'), path, text: await readFile(path, 'utf8') })))
}

interface NamedTorch {
  name: string
  torch: Torch
}

/** On two threads whose cores others use as well, PyTorch is at times much slower than on one: both run, the faster counts. */
async function torchesOf(script: string, say: (text: string) => void): Promise<NamedTorch[]> {
  const torches: NamedTorch[] = []
  for (const threads of new Set([1, cpus().length])) {
    const torch = await startTorch(script, threads)
    if ('missing' in torch) {
      say(`PyTorch is left out: ${torch.missing}.`)
      return []
    }
    torches.push({ name: `torch ${threads}`, torch })
  }
  return torches
}

async function measure({ name, path, text }: Template, scene: { cube: string; mask: string }, epochs: number | null, torches: readonly NamedTorch[], out: string): Promise<Measured> {
  const auc: Measured['auc'] = { cuvette: null, torch: null }
  const cuvette = timed('cuvette', async () => {
    const request = { pipeline: { text, path }, data: [scene.cube], masks: [scene.mask], validation: [], out, device: 'cpu' as const, resume: false, seed: 0, ...(epochs !== null && { epochs }) }
    const report = await fitPipeline(request, { signal: new AbortController().signal, onProgress: () => undefined })
    auc.cuvette = report.metrics?.auc ?? null
    await rm(out, { recursive: true, force: true })
  })
  const { trainer } = resolvePipeline(parsePipeline(text, path), { channels: BANDS, wavelengthsNm: WAVELENGTHS }, epochs === null ? {} : { epochs })
  const request = {
    template: name, ...scene, pixels: LINES * SAMPLES, wavelengths: WAVELENGTHS,
    trainer: trainer && { epochs: trainer.epochs, batch: trainer.batch.size, rate: trainer.optimizer.learningRate, decay: trainer.optimizer.weightDecay },
  }
  const others = torches.map(({ name: contestant, torch }): Contestant => ({
    name: contestant,
    async measure(repeats) {
      const answer = await torch.ask({ ...request, repeats })
      auc.torch = answer.auc as number | null
      return answer.ms
    },
  }))
  const milliseconds = await race([cuvette, ...others], LENGTH)
  if (auc.torch === null) return { template: name, milliseconds: { cuvette: milliseconds.cuvette }, ratio: null, auc }
  return { template: name, milliseconds, ratio: Math.min(...others.map((other) => milliseconds[other.name])) / milliseconds.cuvette, auc }
}

function line({ template, milliseconds, ratio, auc }: Measured): string {
  const times = Object.entries(milliseconds).map(([name, ms]) => `${name} ${(ms / 1000).toFixed(2).padStart(7)} s`).join('  ')
  const area = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
  return `  ${template.padEnd(16)} ${times}  best torch / cuvette ${ratio?.toFixed(2) ?? '-'}  (AUC ${area(auc.cuvette)}, ${area(auc.torch)})`
}
