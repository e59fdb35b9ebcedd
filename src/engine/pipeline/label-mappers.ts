import { binaryAnomalyLabelMapper, unlistedClasses } from '../nodes/label-mapper'
import type { NodeType } from '../nodes/node'
import type { DocumentNode } from './document'
import type { PipelineNode, PortReference } from './pipeline'

// A mask enters as truth values, so the lists of a label mapper are settled where it enters: at the Cube node. What runs
// has no mapper; documents keep theirs.

/** What is known of a node while a document is read. */
interface ReadNode {
  written: DocumentNode
  type: NodeType | undefined
  parameters: Record<string, unknown>
  inputs: Readonly<Record<string, PortReference>>
}

export interface MapperRemark {
  node: ReadNode
  /** Goes on behind "The node x (type)". */
  message: string
  isProblem: boolean
}

const LISTS = ['normal_class_ids', 'anomaly_class_ids'] as const

const isMapper = ({ type }: { type: NodeType | undefined }): boolean => type === binaryAnomalyLabelMapper

/** Gives Cube nodes the lists of the mappers behind them. Returns what is wrong with a mapper, and which classes it says nothing of. */
export function settleLabelMappers(nodes: readonly ReadNode[]): MapperRemark[] {
  const byName = new Map(nodes.map((node) => [node.written.name, node]))
  const settledBy = new Map<ReadNode, ReadNode>()
  const remarks: MapperRemark[] = []
  for (const node of nodes.filter(isMapper)) {
    const from = node.inputs.mask as PortReference | undefined
    const source = from && byName.get(from.node)
    if (!source) continue
    const refuse = (message: string): number => remarks.push({ node, message, isProblem: true })
    if (source.type?.description.role !== 'source') {
      refuse(`takes its mask from ${source.written.name}; the mask of the Cube node is expected`)
      continue
    }
    const stated = LISTS.find((list) => list in source.written.config && !isSame(source.written.config[list], node.parameters[list]))
    const other = settledBy.get(source)
    if (stated) refuse(`and the node ${source.written.name} state different ${stated}; state the classes in one of them`)
    else if (other && LISTS.some((list) => !isSame(other.parameters[list], node.parameters[list]))) refuse(`and the node ${other.written.name} list different classes for one mask; keep one of them`)
    else {
      for (const list of LISTS) source.parameters[list] = node.parameters[list]
      settledBy.set(source, node)
    }
    const unlisted = unlistedClasses(node.parameters as PipelineNode['parameters'])
    if (unlisted.length > 0) remarks.push({ node, message: `lists the class${unlisted.length === 1 ? '' : 'es'} ${unlisted.join(', ')} nowhere; ${unlisted.length === 1 ? 'it counts' : 'they count'} as normal`, isProblem: false })
  }
  return remarks
}

/** The nodes of a pipeline without its mappers: what stood behind one stands behind what was before it. */
export function withoutLabelMappers(nodes: readonly PipelineNode[]): PipelineNode[] {
  const mappers = new Map(nodes.filter(isMapper).map((node) => [node.name, node]))
  if (mappers.size === 0) return [...nodes]
  // Both of its outputs have the names of the inputs that they hand on.
  const before = (from: PortReference): PortReference => {
    const mapper = mappers.get(from.node)
    return mapper ? before(mapper.inputs[from.port]) : from
  }
  return nodes.filter((node) => !isMapper(node)).map((node) => ({ ...node, inputs: Object.fromEntries(Object.entries(node.inputs).map(([port, from]) => [port, before(from)])) }))
}

function isSame(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): string => JSON.stringify(Array.isArray(value) ? [...(value as number[])].sort((one, other) => one - other) : (value ?? null))
  return sorted(a) === sorted(b)
}
