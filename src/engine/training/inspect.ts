import type { PipelineSummary } from '../../shared/nodes'
import { toProblem } from '../../shared/problem'
import type { Cube } from '../cube'
import { factsOf } from '../inference/fits'
import { resolvePipeline } from '../pipeline/check'
import { inspectPipeline } from '../pipeline/describe'
import { parsePipeline } from '../pipeline/document'
import { withNodeFiles } from '../pipeline/node-files'
import { checkSpectralTargets } from './targets'

/**
 * Everything that can be said of a document before it is fitted: `inspectPipeline`, and with a cube the targets of its
 * detectors, libraries included. `granted`: as in withNodeFiles. Never throws: whatever is wrong is among the problems.
 */
export async function inspectForFit(text: string, path: string, cube: Cube | null, granted: readonly string[] | null): Promise<PipelineSummary> {
  const found = await inspectPipeline(text, path, cube && factsOf(cube), granted)
  if (!cube || found.problems.length > 0 || found.nodes.some(({ problems }) => problems.length > 0)) return found
  try {
    await checkSpectralTargets(resolvePipeline(await withNodeFiles(parsePipeline(text, path), granted), factsOf(cube)), cube, granted)
    return found
  } catch (error) {
    const problem = toProblem(error)
    const nodes = found.nodes.map((node) => (problem.where === `nodes.${node.name}` ? { ...node, problems: [problem] } : node))
    return { ...found, nodes, problems: [problem] }
  }
}
