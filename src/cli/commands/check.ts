import { describeCube, wavelengthsInNanometres } from '../../engine/cube'
import { inspectPipeline } from '../../engine/pipeline/describe'
import type { CubeFacts } from '../../engine/pipeline/pipeline'
import type { PipelineSummary } from '../../shared/nodes'
import type { Problem } from '../../shared/problem'
import type { Outcome } from '../outcome'
import { problemSentence } from '../outcome'
import { readPipelineFile } from '../pipeline-file'
import { counted } from '../words'

/** cuvette check PIPELINE [--data CUBE]: every problem of a document, without running it. */
export async function check(file: string, cube: string | undefined): Promise<Outcome> {
  const { text, path } = await readPipelineFile(file)
  const summary = await inspectPipeline(text, path, cube === undefined ? null : await factsOf(cube), null)
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

async function factsOf(reference: string): Promise<CubeFacts> {
  const cube = await describeCube(reference)
  return { channels: cube.shape[2], wavelengthsNm: wavelengthsInNanometres(cube), badBands: cube.badBands }
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
