import type { ScoreAnalysis } from './analysis'
import { analyse } from './analysis'

export interface AnalysisRequest {
  scores: Float32Array
  mask: Uint8Array | null
}

/** What is used of a worker's own scope: the DOM's types describe a window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<AnalysisRequest>) => void) | null
  postMessage(message: ScoreAnalysis, transfer: Transferable[]): void
}

const scope = self as unknown as WorkerScope

scope.onmessage = ({ data }) => {
  const analysis = analyse(data.scores, data.mask)
  const { curve: { sorted, positivesBelow }, all } = analysis
  // Often one and the same array; a buffer is handed over once.
  scope.postMessage(analysis, [...new Set([sorted.buffer, all.buffer, ...(positivesBelow ? [positivesBelow.buffer] : [])])])
}
