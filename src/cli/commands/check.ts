import { openCube } from '../../engine/cube'
import { inspectForFit } from '../../engine/training/inspect'
import type { PipelineSummary } from '../../shared/nodes'
import type { Problem } from '../../shared/problem'
import type { Outcome } from '../outcome'
import { problemSentence } from '../outcome'
import { readPipelineFile } from '../pipeline-file'
import { counted } from '../words'

/** cuvette check PIPELINE [--data CUBE]: every problem of a document, without running it. */
export async function check(file: string, cube: string | undefined): Promise<Outcome> {
  const { text, path } = await readPipelineFile(file)
  const summary = await inspect(text, path, cube)
  const problems = allProblems(summary).map((problem) => ({ ...problem, path: problem.path ?? path }))
  const warnings = (summary.warnings ?? []).map((warning) => `  Note: ${problemSentence({ ...warning, path: undefined })}`)
  const size = `${counted(summary.nodes.length, 'node')}, ${counted(summary.connections.length, 'connection')}`
  if (problems.length === 0) {
    return { document: { path, ...summary }, text: [`${path}: ${summary.name}, ${size}, no problems.`, ...warnings].join('\n') }
  }
  return {
    document: { error: problems[0], path, ...summary, problems },
    text: [`${path}: ${summary.name}, ${size}.`, ...problems.map((problem) => `  ${problemSentence({ ...problem, path: undefined })}`), ...warnings].join('\n'),
    failure: `${counted(problems.length, 'problem')} in ${path}.`,
  }
}

async function inspect(text: string, path: string, reference: string | undefined): Promise<PipelineSummary> {
  if (reference === undefined) return await inspectForFit(text, path, null, null)
  const cube = await openCube(reference, { mask: false })
  return await inspectForFit(text, path, cube, null).finally(() => cube.close())
}

/** Those of the document and those shown on nodes, each once. */
function allProblems(summary: PipelineSummary): Problem[] {
  const seen = new Set<string>()
  return [...summary.problems, ...summary.nodes.flatMap((node) => node.problems)].filter(({ message, where }) => {
    const key = `${where ?? ''} ${message}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
