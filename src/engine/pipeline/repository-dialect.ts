import { nodeType } from '../nodes/registry'
import type { DocumentConnection, DocumentNode, PipelineDocument } from './document'
import { Complaints, rest, withProperPorts } from './parts'
import { trainerFromRepository } from './repository-trainer'
import type { YamlSource } from './yaml-source'
import { isMapping, shown } from './yaml-source'

/** Keys of a training run beside its pipeline. */
export const RUN_KEYS: readonly string[] = ['data', 'training', 'loss_nodes', 'metric_nodes', 'freeze_nodes', 'unfreeze_nodes', 'output_dir', 'tags', 'defaults']

/** Whether a document lists its nodes by class name, itself or inside a training run. */
export function isRepositoryDialect(value: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(value.nodes) || (value.nodes === undefined && (value.pipeline !== undefined || value.training !== undefined || Array.isArray(value.defaults)))
}

/**
 * nodes: [{name, class_name, hparams}], connections: [{source: a.outputs.p, target: b.inputs.p}], metadata; or a
 * training run with such a pipeline inside. Parameters that the reference does not have get the values that reproduce it.
 */
export function readRepositoryDialect(value: Readonly<Record<string, unknown>>, source: YamlSource, path: string, fallbackName: string): PipelineDocument {
  const complaints = new Complaints(path, source)
  const isRun = value.nodes === undefined
  const pipeline = isRun ? value.pipeline : value
  if (!isMapping(pipeline)) complaints.add(withoutPipeline(pipeline, value.defaults), pipeline === undefined ? 'defaults' : 'pipeline')
  const graph = isMapping(pipeline) ? pipeline : {}
  const prefix = isRun ? 'pipeline.' : ''
  const nodes = isMapping(pipeline) ? readNodes(graph.nodes, complaints, `${prefix}nodes`) : []
  const connections = readConnections(graph.connections, complaints, `${prefix}connections`)
  const metadata = isMapping(graph.metadata) ? graph.metadata : {}
  const trainer = trainerFromRepository(value, complaints)
  if (isRun) warnOfMissingNodes(value.metric_nodes, nodes, complaints)
  return {
    path,
    dialect: 'repository',
    name: complaints.text(metadata.name ?? value.name, `${prefix}metadata.name`, fallbackName),
    description: complaints.text(metadata.description, `${prefix}metadata.description`, ''),
    nodes,
    connections: withProperPorts(connections, nodes),
    trainer,
    extra: { ...rest(graph, ['nodes', 'connections']), ...(isRun ? rest(value, ['pipeline', 'name']) : {}) },
    lineOf: source.lineOf,
    problems: complaints.problems,
    warnings: complaints.warnings,
  }
}

/** Hydra puts a training run together from files of its own configuration folder. */
function withoutPipeline(pipeline: unknown, defaults: unknown): string {
  const groups = Array.isArray(defaults) ? defaults.flatMap((entry: unknown) => (isMapping(entry) ? Object.entries(entry).map(([group, choice]) => `${group}: ${String(choice)}`) : [])) : []
  const named = groups.find((group) => /pipeline/.test(group))
  if (pipeline === undefined && named !== undefined) return `The pipeline of this training run is chosen by Hydra (${named}) and stands in another file; write the path of that file as pipeline, or its nodes.`
  if (pipeline === undefined) return 'This training run states no pipeline; write its nodes, or the path of its document, as pipeline.'
  return `The pipeline of this training run is ${shown(pipeline)}; open the pipeline document itself, or write its nodes here.`
}

function warnOfMissingNodes(written: unknown, nodes: readonly DocumentNode[], complaints: Complaints): void {
  if (!Array.isArray(written)) return
  const missing = written.filter((name) => !nodes.some((node) => node.name === name))
  if (missing.length > 0 && nodes.length > 0) complaints.warn(`The training run lists ${missing.join(', ')} in metric_nodes, which the pipeline does not have; every metric of the pipeline is measured.`, 'metric_nodes')
}

function readNodes(value: unknown, complaints: Complaints, key: string): DocumentNode[] {
  if (!Array.isArray(value)) {
    complaints.add(`The nodes are ${shown(value)}; a list of {name, class_name, hparams} is expected.`, key)
    return []
  }
  const names = new Map<string, number>()
  return value.map((written: unknown, index) => readNode(written, `${key}.${index}`, names, complaints))
}

function readNode(written: unknown, key: string, names: Map<string, number>, complaints: Complaints): DocumentNode {
  const node = isMapping(written) ? written : {}
  if (typeof node.class_name !== 'string') complaints.add(`This node is ${isMapping(written) ? 'without a class_name' : shown(written)}; {name, class_name, hparams} is expected.`, key)
  const writtenType = typeof node.class_name === 'string' ? node.class_name : ''
  const hparams = isMapping(node.hparams) ? node.hparams : {}
  if (node.hparams !== undefined && node.hparams !== null && !isMapping(node.hparams)) {
    complaints.add(`The hparams are ${shown(node.hparams)}; a mapping from parameters to values is expected.`, `${key}.hparams`)
  }
  const type = nodeType(writtenType)
  const known = type?.description.parameters.map((parameter) => parameter.name)
  const name = typeof node.name === 'string' && node.name !== '' ? node.name : baseName(writtenType, names)
  // The reference swallows parameters that it does not know, and so does not act on those that only we have.
  const ignored = known ? rest(hparams, known.filter((parameter) => !(parameter in (type?.repositoryParameters ?? {})))) : {}
  return {
    name,
    type: type?.description.type ?? writtenType,
    writtenType,
    config: known ? { ...rest(hparams, Object.keys(ignored)), ...type?.repositoryParameters } : hparams,
    extra: { ...rest(node, ['name', 'class_name', 'hparams']), ...(Object.keys(ignored).length > 0 && { ignored_hparams: ignored }) },
    place: complaints.placeOf(key),
  }
}

/** The class name, with -1, -2, ... for further nodes of the class. */
function baseName(className: string, names: Map<string, number>): string {
  const base = className.slice(className.lastIndexOf('.') + 1) || 'node'
  const count = names.get(base) ?? 0
  names.set(base, count + 1)
  return count === 0 ? base : `${base}-${count}`
}

function readConnections(value: unknown, complaints: Complaints, key: string): DocumentConnection[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    complaints.add(`The connections are ${shown(value)}; a list of {source, target} is expected.`, key)
    return []
  }
  return value.flatMap((written: unknown, index) => {
    const at = `${key}.${index}`
    const { source, target } = isMapping(written) ? written : {}
    const [from, to] = [endOf(source, '.outputs.'), endOf(target, '.inputs.')]
    if (from && to) return [{ from, to, place: complaints.placeOf(at) }]
    const [side, found, form] = from ? ['target', target, 'node.inputs.port'] : ['source', source, 'node.outputs.port']
    complaints.add(`The ${side} of connection ${index + 1} is ${shown(found)}; the form ${form} is expected.`, at)
    return []
  })
}

function endOf(written: unknown, separator: string): { node: string; port: string } | null {
  if (typeof written !== 'string') return null
  const at = written.lastIndexOf(separator)
  return at > 0 && at + separator.length < written.length ? { node: written.slice(0, at), port: written.slice(at + separator.length) } : null
}
