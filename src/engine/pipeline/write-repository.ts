import type { ScalarTag } from 'yaml'
import { Document } from 'yaml'
import { CuvetteError } from '../../shared/problem'
import type { Parameters } from '../nodes/node'
import { nodeType } from '../nodes/registry'
import type { DocumentNode, PipelineDocument } from './document'
import { RUN_KEYS } from './repository-dialect'
import { repositoryClass, unusedHparams } from './repository-classes'
import { isMapping } from './yaml-source'

/** YAML 1.1, which Python reads, takes an exponent for a number only behind a decimal point. */
const exponent: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number' && /^-?\d+e/.test(String(value)),
  test: /^-?\d+\.0e[-+]\d+$/,
  resolve: Number,
  stringify: ({ value }) => String(value).replace('e', '.0e'),
}

export interface RepositoryText {
  text: string
  /** Sentences about parameters that the reference does not have, and whose values it would not follow. */
  differences: string[]
}

/**
 * Text of a document in the repository dialect: full class paths, `source: a.outputs.p`, hparams as they are stated.
 * Reading it gives the nodes, parameters and connections of the document again, but for what `differences` names. Throws
 * CuvetteError('bad-pipeline') for unreadable parts, for a node that the reference does not have, and for a channel count
 * that is still 'auto'.
 */
export function writeRepositoryPipeline(document: PipelineDocument): RepositoryText {
  const [problem] = document.problems
  if (problem) throw new CuvetteError('bad-pipeline', `The document cannot be written again, because a part of it was not understood: ${problem.message}`, { path: problem.path, where: problem.where })
  const differences: string[] = []
  const { metadata, plugins = null, ...extra } = document.extra
  const yaml = new Document({
    ...((document.dialect === 'short' || 'plugins' in document.extra) && { plugins }),
    nodes: document.nodes.map((node) => written(node, document, differences)),
    connections: document.connections.map(({ from, to }) => ({ source: `${from.node}.outputs.${from.port}`, target: `${to.node}.inputs.${to.port}` })),
    metadata: { ...(isMapping(metadata) ? metadata : { name: '', description: '', created: '', tags: [], author: '' }), name: document.name, ...(document.description !== '' && { description: document.description }) },
    ...Object.fromEntries(Object.entries(extra).filter(([key]) => !RUN_KEYS.includes(key))),
  }, { aliasDuplicateObjects: false, version: '1.1', customTags: (tags) => [exponent, ...tags] })
  return { text: yaml.toString({ lineWidth: 0 }), differences }
}

/** The document with what the reference saves beside the parameters of its nodes, as a pipeline that it saved has it. */
export function asSavedByReference(document: PipelineDocument): PipelineDocument {
  const nodes = document.nodes.map((node) => {
    const unused = { ...unusedHparams(node.type), ...(node.extra.ignored_hparams as object | undefined) }
    return Object.keys(unused).length === 0 ? node : { ...node, extra: { ...node.extra, ignored_hparams: unused } }
  })
  return { ...document, nodes }
}

function written(node: DocumentNode, document: PipelineDocument, differences: string[]): Record<string, unknown> {
  const { ignored_hparams: ignored, ...extra } = node.extra
  return { name: node.name, class_name: classOf(node, document), hparams: { ...hparamsOf(node, document, differences), ...(ignored as object | undefined) }, ...extra }
}

function classOf({ name, type, writtenType, place }: DocumentNode, { path, dialect }: PipelineDocument): string {
  if (!nodeType(type) || (dialect === 'repository' && writtenType.includes('.'))) return writtenType
  // Which of two classes an alias named is kept: the plain data node is not that with class ids.
  const found = repositoryClass(writtenType) ?? repositoryClass(type)
  if (found === undefined) throw new CuvetteError('bad-pipeline', `The node ${name} is a ${type}, which the reference implementation does not have; take it out of the pipeline to export it there.`, { path, where: place.key })
  return found
}

function hparamsOf({ name, type, config, place }: DocumentNode, { path }: PipelineDocument, differences: string[]): Record<string, unknown> {
  const known = nodeType(type)
  const ours = known?.repositoryParameters ?? {}
  const hparams: Record<string, unknown> = {}
  // Written as a document states them: parameters are checked when it runs.
  const nearest = known?.nearestInRepository?.(config as Parameters) ?? config
  for (const [parameter, value] of Object.entries(nearest)) {
    if (value === 'auto' && known?.autoChannels && parameter in known.autoChannels) {
      throw new CuvetteError('bad-pipeline', `The node ${name} takes ${parameter} from the cube, and the reference implementation needs a number; state it, or export the pipeline after it was fitted.`, { path, where: place.key })
    }
    if (!(parameter in ours)) {
      hparams[parameter] = value
      const here = JSON.stringify((config as Parameters)[parameter])
      if (here !== JSON.stringify(value)) differences.push(`The nearest in the reference is another parameter ${parameter} of ${type}: the node ${name} has ${here} here and gets ${JSON.stringify(value)} there.`)
    } else if (JSON.stringify(ours[parameter]) !== JSON.stringify(value)) {
      differences.push(`The reference has no parameter ${parameter} of ${type}: the node ${name} has ${JSON.stringify(value)} here and behaves as ${JSON.stringify(ours[parameter])} there.`)
    }
  }
  return hparams
}
