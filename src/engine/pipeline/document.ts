import { basename, extname } from 'node:path'
import type { NodeFile } from '../nodes/node'
import type { Problem } from '../../shared/problem'
import { CuvetteError } from '../../shared/problem'
import { isRepositoryDialect, readRepositoryDialect } from './repository-dialect'
import { readShortDialect } from './short-dialect'
import { isMapping, readYaml, shown } from './yaml-source'

/** Where something stands in a document, for messages. */
export interface Place {
  /** "nodes.encoder.config.num_channels" */
  key: string
  /** 1-based; 0 when it was not read from a text. */
  line: number
}

export interface DocumentNode {
  name: string
  /** As the catalogue names it; as written when the catalogue does not know it. */
  type: string
  /** As written: an alias or a dotted class path of the repository dialect. */
  writtenType: string
  /** Parameters as written, and those that the reader of the repository dialect fills in. */
  config: Readonly<Record<string, unknown>>
  /** Unknown keys beside type and config: kept and written back. */
  extra: Readonly<Record<string, unknown>>
  place: Place
}

export interface DocumentConnection {
  from: { node: string; port: string }
  to: { node: string; port: string }
  place: Place
}

/** A pipeline document as text says it: nothing of it is checked against the catalogue yet, nothing is lost. */
export interface PipelineDocument {
  path: string
  dialect: 'short' | 'repository'
  name: string
  description: string
  nodes: readonly DocumentNode[]
  /** Ports of known node types by their proper names, others as written. */
  connections: readonly DocumentConnection[]
  /** The trainer section in the keys of the short dialect; null when there is none. */
  trainer: Readonly<Record<string, unknown>> | null
  /** Unknown keys of the document: kept and written back. */
  extra: Readonly<Record<string, unknown>>
  /** Line of a key such as "trainer.optimizer.lr"; 0 when unknown. */
  lineOf(key: string): number
  /** Files that nodes name, by "<node>.<parameter>", once they were read. */
  files?: ReadonlyMap<string, NodeFile>
  /** Parts that could not be read as nodes or connections. */
  problems: readonly Problem[]
  /** Parts that are understood, and not followed. */
  warnings: readonly Problem[]
}

/**
 * Reads a document in either dialect. Throws CuvetteError('bad-pipeline') when the text is not YAML or not a mapping;
 * whatever is wrong inside is listed in `problems`, and the rest opens.
 */
export function parsePipeline(text: string, path: string): PipelineDocument {
  const source = readYaml(text, path)
  if (!isMapping(source.value)) {
    throw new CuvetteError('bad-pipeline', `The document is ${shown(source.value)}; a pipeline is a mapping with nodes and connections.`, { path })
  }
  const fallbackName = basename(path, extname(path)) || 'pipeline'
  return isRepositoryDialect(source.value)
    ? readRepositoryDialect(source.value, source, path, fallbackName)
    : readShortDialect(source.value, source, path, fallbackName)
}
