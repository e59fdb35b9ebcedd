import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { withIncludedPipeline } from '../engine/pipeline/included-pipeline'
import { CuvetteError } from '../shared/problem'

/** The text of a pipeline document, with the pipeline that a training run names by a path, and its absolute path for messages. */
export async function readPipelineFile(file: string): Promise<{ text: string; path: string }> {
  const path = resolve(file)
  return { text: await withIncludedPipeline(await textOf(path), path, (included) => readFile(included, 'utf8')), path }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new CuvetteError('missing-file', `There is no pipeline file ${path}.`, { path, cause: error })
    if (code === 'EISDIR') throw new CuvetteError('bad-pipeline', `${path} is a folder; expected a pipeline document (YAML).`, { path, cause: error })
    throw new CuvetteError('missing-file', `The pipeline file ${path} cannot be read (${code ?? String(error)}).`, { path, cause: error })
  }
}
