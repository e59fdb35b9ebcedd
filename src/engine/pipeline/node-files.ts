import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { NodeFile, NodeType } from '../nodes/node'
import { nodeType } from '../nodes/registry'
import { isWithinAny, realPathOf } from '../files/within'
import { readModelFile } from '../onnx/reading/file'
import type { DocumentNode, PipelineDocument } from './document'
import type { Pipeline } from './pipeline'

// Files that nodes read, such as models of others. They are read before anything is compiled, and a trained pipeline
// keeps copies of them, so that its folder is all there is to it.

/** Folder of the copies inside a trained pipeline. */
export const MODELS_FOLDER = 'models'

/** Key of a file in `document.files`. */
export function fileKey(node: string, parameter: string): string {
  return `${node}.${parameter}`
}

/** Parameters of the document's nodes that name files, with what they name. */
function named(document: PipelineDocument): { node: DocumentNode; parameter: string; written: string }[] {
  return document.nodes.flatMap((node) =>
    (nodeType(node.type)?.files ?? []).flatMap((parameter) => {
      const written = Object.hasOwn(node.config, parameter) ? node.config[parameter] : undefined
      return typeof written === 'string' && written !== '' ? [{ node, parameter, written }] : []
    }),
  )
}

/**
 * The document with the files that its nodes name, read relative to the document. `granted`: folders and files beside the
 * document's own folder that may be read, their links followed; null: everything may. Links are followed before that is judged.
 * Throws CuvetteError: 'missing-file', 'bad-artifact', 'not-granted'.
 */
export async function withNodeFiles(document: PipelineDocument, granted: readonly string[] | null): Promise<PipelineDocument> {
  const files = new Map<string, NodeFile>()
  for (const { node, parameter, written } of named(document)) {
    const path = await requireReadable(node, written, 'model', document, granted)
    const bytes = await readModelFile(path).catch((error: unknown) => {
      if (!(error instanceof CuvetteError)) throw error
      throw new CuvetteError(error.code, `The node ${node.name} (${node.type}): ${error.message}`, { path: error.path, where: node.name, cause: error })
    })
    files.set(fileKey(node.name, parameter), { path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  return files.size === 0 ? document : { ...document, files }
}

/**
 * The absolute path of a file that a node names, if it may be read: `granted` as in withNodeFiles. Nothing is said of a file
 * that may not be read, not even whether it is there. `kind`: for the sentence. Throws CuvetteError('not-granted').
 */
export async function requireReadable(node: { name: string; type: string | NodeType }, written: string, kind: string, document: Pick<PipelineDocument, 'path'>, granted: readonly string[] | null): Promise<string> {
  const own = dirname(resolve(document.path))
  const path = resolve(own, written)
  if (!granted || (await isWithinAny([await realPathOf(own), ...granted], path))) return path
  const { name, type } = node
  throw new CuvetteError('not-granted', `The node ${name} (${typeof type === 'string' ? type : type.description.type}) names the ${kind} ${path}, which lies neither beside the document in ${own} nor in a folder that was opened; put it beside the document, or open its folder.`, { path, where: name })
}

/**
 * The document of a trained pipeline with its copies of files. `content` gives what the folder holds under a name, and
 * nothing for names that its record does not list: nothing outside is ever read. Throws CuvetteError('bad-artifact').
 */
export function withStoredFiles(document: PipelineDocument, content: (name: string) => Uint8Array | undefined): PipelineDocument {
  const files = new Map<string, NodeFile>()
  for (const { node, parameter, written } of named(document)) {
    const bytes = content(written)
    if (!bytes) throw new CuvetteError('bad-artifact', `The node ${node.name} (${node.type}) names the file ${written}, which the trained pipeline does not list; fit the pipeline again.`, { path: document.path, where: node.name })
    files.set(fileKey(node.name, parameter), { path: written, bytes, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  return files.size === 0 ? document : { ...document, files }
}

/** Copies that a trained pipeline keeps: their names in the folder, with '/', by node and parameter. */
export function storedFiles(pipeline: Pipeline): { node: string; parameter: string; name: string; file: NodeFile }[] {
  const taken = new Set<string>()
  return pipeline.nodes.flatMap((node) =>
    Object.entries(node.files ?? {}).map(([parameter, file]) => {
      // Names of nodes may hold what names of files may not.
      const base = node.name.replace(/[^\p{L}\p{N}_-]/gu, '_')
      let name = `${MODELS_FOLDER}/${base}.onnx`
      for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${MODELS_FOLDER}/${base}-${count}.onnx`
      taken.add(name.toLowerCase())
      return { node: node.name, parameter, name, file }
    }),
  )
}
