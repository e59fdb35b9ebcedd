import { Document, visit } from 'yaml'
import { CuvetteError } from '../../shared/problem'
import { nodeType } from '../nodes/registry'
import type { DocumentNode, PipelineDocument } from './document'

/**
 * Text of a document in the short dialect, with everything the reader keeps. The same document gives the same text, and
 * reading it gives the same document. Throws CuvetteError('bad-pipeline') for a document with unreadable parts, which
 * would be lost.
 */
export function writePipeline(document: PipelineDocument): string {
  const [problem] = document.problems
  if (problem) throw new CuvetteError('bad-pipeline', `The document cannot be written again, because a part of it was not understood: ${problem.message}`, { path: problem.path, where: problem.where })
  const yaml = new Document({
    name: document.name,
    ...(document.description !== '' && { description: document.description }),
    nodes: Object.fromEntries(document.nodes.map((node) => [node.name, written(node)])),
    connections: document.connections.map(({ from, to }) => [`${from.node}.${from.port}`, `${to.node}.${to.port}`]),
    ...(document.trainer && { trainer: document.trainer }),
    ...document.extra,
  }, { aliasDuplicateObjects: false })
  // Pairs and lists of numbers read best in one line.
  visit(yaml, {
    Seq(_key, sequence) {
      if (sequence.items.every((item) => isPlain(item))) sequence.flow = true
    },
  })
  return yaml.toString({ lineWidth: 0, flowCollectionPadding: false })
}

function written({ writtenType, type, config, extra }: DocumentNode): Record<string, unknown> {
  return {
    type: nodeType(type) ? type : writtenType,
    ...(Object.keys(config).length > 0 && { config }),
    ...extra,
  }
}

function isPlain(item: unknown): boolean {
  const value = (item as { value?: unknown }).value
  return typeof value === 'number' || typeof value === 'string'
}
