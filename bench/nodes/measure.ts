import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { CHUNK_PIXELS } from '../../src/engine/inference/scan'
import { randomSource } from '../../src/engine/nodes/random'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Session } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { compileUpTo } from '../../src/engine/pipeline/compile'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { looksAtImages } from '../../src/engine/pipeline/locality'
import { initialState } from '../../src/engine/pipeline/state'
import type { PixelStream } from '../../src/engine/training/pixel-stream'
import { fitStatistics } from '../../src/engine/training/statistical'
import { least, stopwatch } from '../race'
import type { Spent } from '../race'
import { startTorch } from '../torch'
import type { Torch } from '../torch'
import { NODES, SIDE, WAVELENGTHS } from './nodes'
import type { MeasuredNode } from './nodes'

// The inference of every node that the reference has, by the graph that the app runs and as the app runs it: pixels of an
// image in pieces where each stands for itself, else the image in one call. PyTorch runs the same, whole and in pieces, on
// one thread and on all; the fastest of the four counts. The runs are short, so that of each the least time is taken, which
// other work on the machine disturbs least.

const LENGTH = { rounds: 4, uncounted: 1, counted: 2 }

/** `--only NAME` measures one node. */
export async function main(words: readonly string[], torchScript: string): Promise<void> {
  const { values: { json, only } } = parseArgs({ args: [...words], options: { json: { type: 'boolean' }, only: { type: 'string' } } })
  const nodes = NODES.filter(({ name }) => only === undefined || name === only)
  if (nodes.length === 0) throw new Error(`There is no node ${only ?? ''}; there are ${NODES.map(({ name }) => name).join(', ')}.`)
  const say = (text: string): void => void (json || console.log(text))
  say(`Inference of nodes, ${SIDE} x ${SIDE} pixels; ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}; least milliseconds of ${LENGTH.rounds} alternating rounds; in brackets, of the processor over all threads.`)
  const torches = new Map<string, Torch>()
  for (const threads of new Set([1, cpus().length])) {
    const torch = await startTorch(torchScript, threads)
    if ('missing' in torch) {
      say(`PyTorch is left out: ${torch.missing}.`)
      break
    }
    torches.set(`torch ${threads}`, torch)
  }
  const results: { node: string; spent: Record<string, Spent>; ratio: Spent | null }[] = []
  for (const node of nodes) {
    const spent = await measure(node, torches)
    const { cuvette, ...others } = spent
    const best = (of: (one: Spent) => number): number => Math.min(...Object.values(others).map(of)) / of(cuvette)
    const ratio = torches.size === 0 ? null : { ms: best(({ ms }) => ms), cpu: best(({ cpu }) => cpu) }
    results.push({ node: node.name, spent, ratio })
    say(`  ${node.name.padEnd(34)} ${Object.entries(spent).map(([name, { ms, cpu }]) => `${name} ${ms.toFixed(2)} (${cpu.toFixed(2)})`).join('  ')}  torch / cuvette ${ratio?.ms.toFixed(2) ?? '-'} (${ratio?.cpu.toFixed(2) ?? '-'})`)
  }
  for (const torch of torches.values()) torch.end()
  if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), results }, null, 2))
}

async function measure(node: MeasuredNode, torches: ReadonlyMap<string, Torch>): Promise<Record<string, Spent>> {
  const pixels = pixelsOf(node.channels)
  const { session, local } = await open(node, pixels)
  const count = SIDE * SIDE
  const run = async (): Promise<unknown> => {
    if (!local) return await session.run({ cube: float32([1, SIDE, SIDE, node.channels], pixels) })
    // The results of all pieces are kept, as PyTorch keeps them.
    const kept: unknown[] = []
    for (let start = 0; start < count; start += CHUNK_PIXELS) {
      kept.push(await session.run({ cube: float32([1, 1, CHUNK_PIXELS, node.channels], pixels.subarray(start * node.channels, (start + CHUNK_PIXELS) * node.channels)) }))
    }
    return kept
  }
  const spent: Record<string, Spent[]> = { cuvette: [] }
  for (let round = 0; round < LENGTH.rounds; round += 1) {
    for (let repeat = 0; repeat < LENGTH.uncounted + LENGTH.counted; repeat += 1) {
      const passed = stopwatch()
      await run()
      if (repeat >= LENGTH.uncounted) spent.cuvette.push(passed())
    }
    for (const [name, torch] of torches) {
      for (const piece of [null, ...(local ? [CHUNK_PIXELS] : [])]) {
        const { ms, cpu } = await torch.ask({ node: node.name, channels: node.channels, side: SIDE, wavelengths: WAVELENGTHS, piece, repeats: LENGTH.uncounted + LENGTH.counted })
        ;(spent[piece === null ? name : `${name} in pieces`] ??= []).push(...ms.map((one, repeat) => ({ ms: one, cpu: cpu[repeat] })).slice(LENGTH.uncounted))
      }
    }
  }
  await session.release()
  return Object.fromEntries(Object.entries(spent).map(([name, all]) => [name, least(all)]))
}

/** The node behind a cube, fitted to the pixels; and whether each pixel stands for itself. */
async function open({ type, config, output, channels }: MeasuredNode, pixels: Float32Array): Promise<{ session: Session; local: boolean }> {
  const input = type === 'ScoreToLogit' ? 'scores' : type.endsWith('Decider') ? 'logits' : 'data'
  // A pipeline needs scores; nothing of RX is in the graph that is measured.
  const text = JSON.stringify({ name: 'bench', nodes: { cube: { type: 'Cube' }, node: { type, config }, scores: { type: 'RXGlobal' } }, connections: [['cube.cube', `node.${input}`], ['cube.cube', 'scores.data']] })
  const wavelengthsNm = channels === WAVELENGTHS.length ? WAVELENGTHS : null
  const pipeline = resolvePipeline(parsePipeline(text, 'bench'), { channels, wavelengthsNm })
  const state = initialState(pipeline, 0)
  await fitStatistics(pipeline, state, streamOf(pixels, channels), { seed: 0, device: 'cpu', known: ['scores'] }, { signal: new AbortController().signal, onProgress: () => undefined })
  const { graph } = compileUpTo(pipeline, state, `node.${output}`)
  return { session: await openSession(encodeModel(graph), 'cpu'), local: !looksAtImages(pipeline, 'node') }
}

function pixelsOf(channels: number): Float32Array {
  const random = randomSource(1, 'bench nodes')
  return Float32Array.from({ length: SIDE * SIDE * channels }, () => random.uniform())
}

function streamOf(pixels: Float32Array, bands: number): PixelStream {
  const count = SIDE * SIDE
  return {
    count, bands,
    async *blocks() {
      await Promise.resolve()
      yield { pixels, count, targets: null }
    },
    async *images() {
      await Promise.resolve()
      yield { path: 'bench', lines: SIDE, samples: SIDE, pixels, usable: () => true, targets: null }
    },
  }
}
