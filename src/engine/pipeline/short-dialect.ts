import { nodeType } from '../nodes/registry'
import type { DocumentConnection, DocumentNode, PipelineDocument } from './document'
import { Complaints, rest, withProperPorts } from './parts'
import type { YamlSource } from './yaml-source'
import { isMapping, shown } from './yaml-source'

/** nodes: {name: {type, config}}, connections: [[a.port, b.port]], trainer. */
export function readShortDialect(value: Readonly<Record<string, unknown>>, source: YamlSource, path: string, fallbackName: string): PipelineDocument {
  const complaints = new Complaints(path, source)
  const nodes = readNodes(value.nodes, complaints)
  const connections = readConnections(value.connections, complaints)
  const trainer = value.trainer ?? null
  if (trainer !== null && !isMapping(trainer)) complaints.add(`The trainer section is ${shown(trainer)}; a mapping such as {epochs: 20} is expected.`, 'trainer')
  return {
    path,
    dialect: 'short',
    name: complaints.text(value.name, 'name', fallbackName),
    description: complaints.text(value.description, 'description', ''),
    nodes,
    connections: withProperPorts(connections, nodes),
    trainer: isMapping(trainer) ? trainer : null,
    extra: rest(value, ['name', 'description', 'nodes', 'connections', 'trainer']),
    lineOf: source.lineOf,
    problems: complaints.problems,
    warnings: complaints.warnings,
  }
}

function readNodes(value: unknown, complaints: Complaints): DocumentNode[] {
  if (!isMapping(value)) {
    complaints.add(value === undefined ? 'The document has no nodes; expected "nodes:" with a name for each.' : `The nodes are ${shown(value)}; a mapping from names to {type, config} is expected.`, 'nodes')
    return []
  }
  return Object.entries(value).map(([name, written]) => readNode(name, written, complaints))
}

function readNode(name: string, written: unknown, complaints: Complaints): DocumentNode {
  const key = `nodes.${name}`
  // "decider: QuantileBinaryDecider" is short for a node without parameters.
  const node = typeof written === 'string' ? { type: written } : written
  if (!isMapping(node)) complaints.add(`The node ${name} is ${shown(written)}; {type: ..., config: ...} is expected.`, key)
  const { type, config } = isMapping(node) ? node : {}
  if (isMapping(node) && (typeof type !== 'string' || type === '')) {
    complaints.add(`The node ${name} states ${type === undefined ? 'no type' : `${shown(type)} as its type`}; the name of a node type is expected.`, key)
  }
  if (config !== undefined && config !== null && !isMapping(config)) {
    complaints.add(`The config of ${name} is ${shown(config)}; a mapping from parameters to values is expected.`, `${key}.config`)
  }
  const writtenType = typeof type === 'string' ? type : ''
  const known = nodeType(writtenType)
  return {
    name,
    type: known?.description.type ?? writtenType,
    writtenType,
    config: { ...known?.aliasParameters?.[writtenType.slice(writtenType.lastIndexOf('.') + 1)], ...(isMapping(config) && config) },
    extra: isMapping(node) ? rest(node, ['type', 'config']) : {},
    place: complaints.placeOf(key),
  }
}

function readConnections(value: unknown, complaints: Complaints): DocumentConnection[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    complaints.add(`The connections are ${shown(value)}; a list of pairs such as [cube.cube, encoder.data] is expected.`, 'connections')
    return []
  }
  return value.flatMap((pair: unknown, index) => {
    const key = `connections.${index}`
    const ends = Array.isArray(pair) && pair.length === 2 ? pair.map(endOf) : []
    const [from, to] = ends
    if (from && to) return [{ from, to, place: complaints.placeOf(key) }]
    complaints.add(`Connection ${index + 1} is ${shown(pair)}; a pair such as [cube.cube, encoder.data] is expected.`, key)
    return []
  })
}

function endOf(written: unknown): { node: string; port: string } | null {
  if (typeof written !== 'string') return null
  const dot = written.lastIndexOf('.')
  return dot > 0 && dot < written.length - 1 ? { node: written.slice(0, dot).trim(), port: written.slice(dot + 1).trim() } : null
}
