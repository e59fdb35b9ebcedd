import { dirname, resolve } from 'node:path'
import { isMap, isScalar, parseDocument } from 'yaml'
import { CuvetteError } from '../../shared/problem'
import { isMapping, readYaml, shown } from './yaml-source'

/**
 * The text of a training run with the pipeline in it that it names by a path, relative to the run. The pipeline stands in
 * the line of the path, so that every other line keeps its number; other texts come back as they are. `read` gives the
 * text of a file. Throws CuvetteError('bad-pipeline') for a path that leads to no pipeline.
 */
export async function withIncludedPipeline(text: string, path: string, read: (path: string) => Promise<string>): Promise<string> {
  const { value, lineOf } = readYaml(text, path)
  if (!isMapping(value) || value.nodes !== undefined || typeof value.pipeline !== 'string') return text
  const where = `pipeline (line ${lineOf('pipeline')})`
  if (!/\.ya?ml$/i.test(value.pipeline)) return text
  const included = resolve(dirname(path), value.pipeline)
  const content = await read(included).catch((cause: unknown) => {
    throw new CuvetteError('bad-pipeline', `The pipeline ${value.pipeline as string} of this training run, looked for at ${included}, cannot be read; correct the path.`, { path, where, cause })
  })
  const pipeline = readYaml(content, included).value
  if (!isMapping(pipeline) || !Array.isArray(pipeline.nodes)) {
    throw new CuvetteError('bad-pipeline', `The file ${included} of this training run is ${isMapping(pipeline) ? 'a mapping without a list of nodes' : shown(pipeline)}; a pipeline in the repository dialect is expected.`, { path, where })
  }
  const range = rangeOfPipeline(text)
  return range ? `${text.slice(0, range[0])}${JSON.stringify(pipeline)}${text.slice(range[1])}` : text
}

/** Where the value of the key stands in the text. */
function rangeOfPipeline(text: string): [number, number] | null {
  const { contents } = parseDocument(text, { uniqueKeys: false, logLevel: 'silent' })
  const value = isMap(contents) ? contents.get('pipeline', true) : undefined
  return isScalar(value) && value.range ? [value.range[0], value.range[1]] : null
}
