import type { ParameterValue, PipelineSummary } from '../../shared/nodes'
import { toProblem } from '../../shared/problem'
import { text as textOf } from './analysis'
import { checkDocument, resolvePipeline } from './check'
import type { PipelineDocument } from './document'
import { parsePipeline } from './document'
import { requireGradients } from './gradients'
import { withNodeFiles } from './node-files'
import type { CubeFacts } from './pipeline'

/** What the command line and the graph view show of a text. Never throws: whatever is wrong is among the problems. */
export function describePipeline(text: string, path: string, facts: CubeFacts | null): PipelineSummary {
  try {
    return summary(parsePipeline(text, path), facts)
  } catch (error) {
    return { name: path, nodes: [], connections: [], epochs: null, problems: [toProblem(error)] }
  }
}

/**
 * The same with the files that nodes name, and with a look at whether the training can go through them. `granted`: as in
 * withNodeFiles.
 */
export async function inspectPipeline(text: string, path: string, facts: CubeFacts | null, granted: readonly string[] | null): Promise<PipelineSummary> {
  let document: PipelineDocument
  try {
    document = parsePipeline(text, path)
    document = await withNodeFiles(document, granted)
  } catch (error) {
    const found = describePipeline(text, path, facts)
    if (found.nodes.length === 0) return found
    const problem = toProblem(error)
    const nodes = found.nodes.map((node) => (node.name === problem.where ? { ...node, problems: [...node.problems, problem] } : node))
    return { ...found, nodes, problems: [...found.problems, problem] }
  }
  const found = summary(document, facts)
  if (facts === null || found.problems.length > 0) return found
  try {
    requireGradients(resolvePipeline(document, facts))
    return found
  } catch (error) {
    return { ...found, problems: [toProblem(error)] }
  }
}

function summary(document: PipelineDocument, facts: CubeFacts | null): PipelineSummary {
  const { nodes, trainer, findings, warnings } = checkDocument(document, facts)
  return {
    name: document.name,
    nodes: nodes.map(({ written, type, parameters }) => ({
      name: written.name,
      type: written.type,
      known: type !== undefined,
      parameters: type ? parameters : plainParameters(written.config),
      problems: findings.filter(({ node }) => node === written.name).map(({ problem }) => problem),
    })),
    connections: document.connections.map(({ from, to }) => ({ from: textOf(from), to: textOf(to) })),
    epochs: trainer?.epochs ?? null,
    problems: findings.map(({ problem }) => problem),
    ...(warnings.length > 0 && { warnings: warnings.map(({ problem }) => problem) }),
  }
}

/** What can be shown of the parameters of an unknown type. */
function plainParameters(config: Readonly<Record<string, unknown>>): Record<string, ParameterValue> {
  const isPlain = (value: unknown): value is ParameterValue =>
    value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || (Array.isArray(value) && value.every((item) => typeof item === 'number'))
  return Object.fromEntries(Object.entries(config).filter((entry): entry is [string, ParameterValue] => isPlain(entry[1])))
}
