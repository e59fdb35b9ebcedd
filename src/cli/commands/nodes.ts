import { catalogue } from '../../engine/nodes/registry'
import type { NodeDescription, ParameterDescription, PortDescription } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import type { Outcome } from '../outcome'
import { facts, table } from '../words'

/** cuvette nodes [TYPE...]: the catalogue, or everything about some of its nodes. */
export async function nodes(types: readonly string[]): Promise<Outcome> {
  const all = catalogue()
  if (types.length === 0) return { document: { nodes: all }, text: catalogueText(all) }
  const chosen = types.map((type) => find(all, type))
  return { document: { nodes: chosen }, text: chosen.map(nodeText).join('\n\n') }
}

function find(all: readonly NodeDescription[], type: string): NodeDescription {
  const found = all.find((node) => node.type === type || node.aliases.includes(type))
  if (found) return found
  throw new CuvetteError('bad-argument', `There is no node type "${type}"; \`cuvette nodes\` lists those there are.`)
}

function catalogueText(all: readonly NodeDescription[]): string {
  const families = [...new Set(all.map(({ family }) => family))]
  const sections = families.map((family) => {
    const rows = all
      .filter((node) => node.family === family)
      .map((node) => [node.type, `${node.inputs.map(portWord).join(', ') || '-'} -> ${node.outputs.map(portWord).join(', ') || '-'}`, node.summary])
    return `${family}\n${table(['node', 'ports', 'what it does'], rows)}`
  })
  return `${sections.join('\n\n')}\n\nEverything about one node: cuvette nodes TYPE`
}

function portWord({ name, optional }: PortDescription): string {
  return optional ? `[${name}]` : name
}

function nodeText(node: NodeDescription): string {
  const rows: [string, string][] = [['family', node.family], ['role', roleWords(node)], ['formula', node.formula], ['source', node.source]]
  if (node.aliases.length > 0) rows.push(['also', node.aliases.join(', ')])
  if (node.inputs.length > 0) rows.push(['inputs', node.inputs.map(portLine).join('\n')])
  if (node.outputs.length > 0) rows.push(['outputs', node.outputs.map(portLine).join('\n')])
  if (node.parameters.length > 0) rows.push(['parameters', node.parameters.map(parameterLine).join('\n')])
  return `${node.type}: ${node.summary}\n${facts(rows)}`
}

function roleWords(node: NodeDescription): string {
  const also = [...(node.needsStatistics ? ['learns statistics'] : []), ...(node.trainable ? ['trainable'] : [])]
  return [node.role, ...also].join(', ')
}

function portLine({ name, dtype, shape, description, optional }: PortDescription): string {
  return `${name}  ${dtype} [${shape.join(', ')}]${optional ? ' (optional)' : ''}  ${description}`
}

function parameterLine(parameter: ParameterDescription): string {
  const start = parameter.default === undefined ? 'required' : `default ${JSON.stringify(parameter.default)}`
  const unit = parameter.unit === undefined ? '' : ` ${parameter.unit}`
  const choices = parameter.choices ? ` (${parameter.choices.join(' | ')})` : ''
  return `${parameter.name}  ${parameter.type}${choices}, ${start}${unit}  ${parameter.description}`
}
