import type { ScoreAnalysis } from './analysis'
import { analyse } from './analysis'
import type { AnalysisRequest } from './analysis.worker'

/** Above this many pixels sorting would hold up the window. */
const WORKER_FROM = 200_000

/** Analyses in a worker where that is worth its start; rejects with an AbortError when `signal` fires. */
export function analyseApart(scores: Float32Array, mask: Uint8Array | null, signal: AbortSignal): Promise<ScoreAnalysis> {
  if (scores.length <= WORKER_FROM) return Promise.resolve(analyse(scores, mask))
  const worker = new Worker(new URL('./analysis.worker.ts', import.meta.url), { type: 'module', name: 'score analysis' })
  return new Promise<ScoreAnalysis>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    worker.onmessage = (event: MessageEvent<ScoreAnalysis>) => resolve(event.data)
    worker.onerror = (event) => reject(new Error(`The scores could not be sorted: ${event.message}`))
    // Copies: the picture goes on using the originals.
    worker.postMessage({ scores, mask } satisfies AnalysisRequest)
  }).finally(() => worker.terminate())
}
