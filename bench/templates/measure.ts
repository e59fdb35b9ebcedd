import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatReference, openCube } from '../../src/engine/cube'
import { recordOfCube, recordOfMask } from '../../src/engine/inference/data-files'
import { PIPELINE_FILES } from '../../src/engine/inference/trained-pipeline'
import { randomSource } from '../../src/engine/nodes/random'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { withNodeFiles } from '../../src/engine/pipeline/node-files'
import type { TrainerSettings } from '../../src/engine/pipeline/trainer'
import { fitPipeline } from '../../src/engine/training/fit'
import { shuffled } from '../../src/engine/training/pixel-pool'
import { orderName } from '../../src/engine/training/pool-batches'
import { median, race, stopwatch } from '../race'
import type { Contestant, Spent } from '../race'
import { startTorch } from '../torch'
import type { Torch } from '../torch'
import { BANDS, LINES, SAMPLES, WAVELENGTHS, writeScene } from './scene'

// Whole fits, from the file to the folder of results: reading, statistics, training, validation at each epoch, scores of
// the scene, threshold, metrics. Both begin with the same values and take the pixels in the same order. What only Cuvette
// does, it also says by itself: hashes of the data, and what is written after the last metric.

const ROUNDS = 3
const SEED = 0

interface Measured {
  template: string
  /**
   * Medians by contestant. cuvette: the whole fit; fit and train: the same without the hashes of the data and what is
   * written after the metrics; those of PyTorch are named by their threads.
   */
  milliseconds: Record<string, number>
  /** The same in milliseconds of the processor over all threads, which say more where others use the machine as well. */
  processor: Record<string, number>
  /** How many times as fast as the faster PyTorch fit and train are, and by the processor; null where PyTorch has no such template or is not there. */
  ratio: { time: number; processor: number } | null
  /** Of Cuvette's last fit and of PyTorch's: that both learned the same. */
  auc: { cuvette: number | null; torch: number | null }
}

/** Fits every template next to PyTorch; `--epochs N` shortens the training of both, `--rounds N` the race; `--only NAME` measures one. */
export async function main(words: readonly string[], torchScript: string, root: string): Promise<void> {
  const { values: { json, epochs: shortened, rounds: fewer, only } } = parseArgs({ args: [...words], options: { json: { type: 'boolean' }, epochs: { type: 'string' }, rounds: { type: 'string' }, only: { type: 'string' } } })
  const epochs = shortened === undefined ? null : Number(shortened)
  const rounds = fewer === undefined ? ROUNDS : Number(fewer)
  const templates = await templatesIn(join(root, 'resources', 'pipelines'))
  const measured = templates.filter(({ name }) => only === undefined || name === only)
  if (measured.length === 0) throw new Error(`There is no template ${only ?? ''}; there are ${templates.map(({ name }) => name).join(', ')}.`)
  if (epochs !== null && !(Number.isInteger(epochs) && epochs > 0)) throw new Error(`${shortened} epochs were asked for; a whole number from 1 is expected.`)
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new Error(`${fewer} rounds were asked for; a whole number from 1 is expected.`)
  const say = (text: string): void => void (json || console.log(text))
  say(`Fit of every template, ${LINES} x ${SAMPLES} x ${BANDS}; ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}; medians of ${rounds} alternating rounds; in brackets, of the processor over all threads.`)
  const torches = await torchesOf(torchScript, say)
  const home = await mkdtemp(join(tmpdir(), 'cuvette-bench-'))
  const results: Measured[] = []
  try {
    const scene = await writeScene(home)
    for (const template of measured) {
      results.push(await measure(template, scene, { epochs, rounds }, torches, home))
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

type Scene = Awaited<ReturnType<typeof writeScene>>

async function measure({ name, path, text }: Template, scene: Scene, { epochs, rounds }: { epochs: number | null; rounds: number }, torches: readonly NamedTorch[], home: string): Promise<Measured> {
  const auc: Measured['auc'] = { cuvette: null, torch: null }
  const spent: Record<string, Spent[]> = {}
  const note = (contestant: string, ...more: Spent[]): void => void (spent[contestant] ??= []).push(...more)
  const document = { text, path }
  const cuvette: Contestant = {
    name: 'cuvette',
    async measure(repeats) {
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const out = join(home, 'fitted')
        const hashing = stopwatch()
        await hashes(scene)
        const ofHashes = hashing()
        const fitting = stopwatch()
        let scored = fitting()
        const report = await fitPipeline(fitRequest(document, scene, out, epochs), {
          signal: new AbortController().signal,
          onProgress: (event) => { if (event.kind === 'stage' && event.stage === 'score') scored = fitting() },
        })
        note('cuvette', fitting())
        note('fit and train', { ms: scored.ms - ofHashes.ms, cpu: scored.cpu - ofHashes.cpu })
        auc.cuvette = report.metrics?.auc ?? null
        await rm(out, { recursive: true, force: true })
      }
      return spent.cuvette.slice(-repeats).map(({ ms }) => ms)
    },
  }
  const { trainer } = resolvePipeline(await withNodeFiles(parsePipeline(text, path), null), { channels: BANDS, wavelengthsNm: WAVELENGTHS }, epochs === null ? {} : { epochs })
  const request = {
    template: name, ...scene, lines: LINES, samples: SAMPLES, wavelengths: WAVELENGTHS,
    initial: trainer && (await writeInitial(document, scene, home)),
    order: trainer?.batch.unit === 'pixels' ? await writeOrder(trainer, home) : null,
    trainer: trainer && {
      epochs: trainer.epochs, batch: trainer.batch.size, rate: trainer.optimizer.learningRate, decay: trainer.optimizer.weightDecay,
      lowest: trainer.scheduler.name === 'cosine' ? trainer.scheduler.lowest : 0,
    },
  }
  const others = torches.map(({ name: contestant, torch }): Contestant => ({
    name: contestant,
    async measure(repeats) {
      const answer = await torch.ask({ ...request, repeats })
      auc.torch = answer.auc as number | null
      note(contestant, ...answer.ms.map((ms, repeat) => ({ ms, cpu: answer.cpu[repeat] })))
      return answer.ms
    },
  }))
  await race([cuvette, ...others], { rounds, uncounted: 0, counted: 1 })
  const names = Object.keys(spent).filter((contestant) => auc.torch !== null || others.every((other) => other.name !== contestant))
  const medians = (of: (one: Spent) => number): Record<string, number> => Object.fromEntries(names.map((contestant) => [contestant, median(spent[contestant].map(of))]))
  const [milliseconds, processor] = [medians(({ ms }) => ms), medians(({ cpu }) => cpu)]
  const best = (times: Record<string, number>): number => Math.min(...others.map((other) => times[other.name])) / times['fit and train']
  return { template: name, milliseconds, processor, ratio: auc.torch === null ? null : { time: best(milliseconds), processor: best(processor) }, auc }
}

function fitRequest(pipeline: { text: string; path: string }, { cube, mask }: Scene, out: string, epochs: number | null): Parameters<typeof fitPipeline>[0] {
  return { pipeline, data: [cube], masks: [mask], validation: [], out, device: 'cpu', resume: false, seed: SEED, ...(epochs !== null && { epochs }) }
}

/** What a fit hashes of its data. */
async function hashes({ cube, mask }: Scene): Promise<void> {
  const opened = await openCube(formatReference({ path: cube, variable: null }))
  await recordOfCube(opened.description)
  await opened.close()
  await recordOfMask({ path: mask, variable: null })
}

/** The state before the first epoch, as a file. */
async function writeInitial(document: { text: string; path: string }, scene: Scene, home: string): Promise<string> {
  const out = join(home, 'untrained')
  await fitPipeline(fitRequest(document, scene, out, 0), { signal: new AbortController().signal, onProgress: () => undefined })
  const path = join(home, 'initial.safetensors')
  await rename(join(out, PIPELINE_FILES.state), path)
  await rm(out, { recursive: true, force: true })
  return path
}

/** The order of the pixels in every epoch, uint32 [epochs, pixels]. */
async function writeOrder({ epochs, seed }: TrainerSettings, home: string): Promise<string> {
  const pixels = LINES * SAMPLES
  const orders = new Uint32Array(epochs * pixels)
  for (let epoch = 1; epoch <= epochs; epoch += 1) orders.set(shuffled(pixels, randomSource(seed, orderName(epoch))), (epoch - 1) * pixels)
  const path = join(home, 'order.bin')
  await writeFile(path, orders)
  return path
}

function line({ template, milliseconds, processor, ratio, auc }: Measured): string {
  const times = Object.entries(milliseconds).map(([name, ms]) => `${name} ${(ms / 1000).toFixed(2)} s (${(processor[name] / 1000).toFixed(2)})`).join('  ')
  const area = (value: number | null): string => (value === null ? '-' : value.toFixed(4))
  return `  ${template.padEnd(18)} ${times}  torch / fit and train ${ratio?.time.toFixed(2) ?? '-'} (${ratio?.processor.toFixed(2) ?? '-'})  AUC ${area(auc.cuvette)}, ${area(auc.torch)}`
}
