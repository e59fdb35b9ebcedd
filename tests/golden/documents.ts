import { CuvetteError } from '../../src/shared/problem'
import { checkPipeline, resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { CubeFacts, Pipeline } from '../../src/engine/pipeline/pipeline'

export interface Written {
  nodes: Record<string, { type: string; config?: Record<string, unknown> }>
  connections: [string, string][]
  trainer?: Record<string, unknown>
}

/** A document in the short dialect; JSON is YAML. */
export function documentOf(written: Written) {
  return parsePipeline(JSON.stringify(written), 'test.yaml')
}

export function pipelineOf(written: Written, facts: CubeFacts): Pipeline {
  return resolvePipeline(documentOf(written), facts)
}

/** Throws the first problem of a document, for tests of what must be refused. */
export function refuseIfBad(written: Written, facts: CubeFacts | null = null): void {
  const [problem] = checkPipeline(documentOf(written), facts)
  if (problem) throw new CuvetteError(problem.code, problem.message, problem)
}

/** A cube followed by one node that takes it at `port`. */
export function oneNode(type: string, config: Record<string, unknown> = {}, port = 'data'): Written {
  return { nodes: { cube: { type: 'Cube' }, node: { type, config } }, connections: [['cube.cube', `node.${port}`]] }
}
