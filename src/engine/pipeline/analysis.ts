import type { NodeDescription, ParameterValue, PortDescription } from '../../shared/nodes'
import type { Problem } from '../../shared/problem'
import { CuvetteError } from '../../shared/problem'
import { keptByCube } from '../nodes/cube-source'
import type { NodeType } from '../nodes/node'
import { nodeType } from '../nodes/registry'
import type { DocumentConnection, DocumentNode, PipelineDocument, Place } from './document'
import { settleLabelMappers } from './label-mappers'
import { fileKey } from './node-files'
import { topologicalOrder } from './order'
import { readParameters } from './parameters'
import type { CubeFacts, PortReference } from './pipeline'
import { isScorePort, misfit, withChannels } from './ports'
import { refusedStages, stagesOf } from './stages'
import { didYouMean } from './suggest'
import { judgeUnknownNodes } from './unknown-nodes'
import { place } from './yaml-source'

/** A problem, and the node on which it is shown; null: on the document. */
export interface Finding {
  node: string | null
  problem: Problem
}

export interface AnalysedNode {
  written: DocumentNode
  /** undefined when the catalogue does not know the type. */
  type: NodeType | undefined
  /** With defaults; 'auto' stays where nothing is known of what arrives. */
  parameters: Record<string, ParameterValue>
  inputs: Record<string, PortReference>
  /** Last axis by port; -1 where unknown. */
  channels: Record<string, number>
  /** Whether the parameters are good, so that more can be concluded from them. */
  sound: boolean
  /** Of an unknown type, or behind one, and nothing that is scored, trained or measured needs it: left out when the pipeline runs. */
  skipped: boolean
  /** The stages of the reference in which it runs; null: all. */
  stages: readonly string[] | null
}

export interface Analysis {
  /** In the order of running, then those that have none. */
  nodes: AnalysedNode[]
  findings: Finding[]
  /** What is good to know, and hinders nothing. */
  warnings: Finding[]
}

/** Everything that can be said of a document before it runs. */
export function analyse(document: PipelineDocument, facts: CubeFacts | null): Analysis {
  return new Analyst(document, facts).run()
}

class Analyst {
  private readonly findings: Finding[]
  private readonly warnings: Finding[] = []
  private readonly nodes = new Map<string, AnalysedNode>()
  /** Of the bands that enter; undefined while no cube is known. */
  private wavelengthsNm: readonly number[] | null | undefined

  constructor(private readonly document: PipelineDocument, private readonly facts: CubeFacts | null) {
    this.wavelengthsNm = facts ? facts.wavelengthsNm : undefined
    this.findings = document.problems.map((problem) => ({ node: null, problem }))
  }

  run(): Analysis {
    for (const node of this.document.nodes) this.addNode(node)
    for (const connection of this.document.connections) this.connect(connection)
    this.judgeUnknown()
    this.settleClasses()
    const { sorted, cycle } = topologicalOrder([...this.nodes.keys()], this.document.connections.map(({ from, to }) => ({ from: from.node, to: to.node })))
    if (cycle) {
      const [first] = cycle
      this.report(first, `The connections form a cycle: ${[...cycle, first].join(' -> ')}; remove one of them.`, this.nodes.get(first)?.written.place)
    }
    for (const name of sorted) this.settle(this.nodes.get(name) as AnalysedNode)
    for (const node of this.nodes.values()) this.requireInputs(node)
    this.requireScores()
    const rest = [...this.nodes.keys()].filter((name) => !sorted.includes(name))
    return { nodes: [...sorted, ...rest].map((name) => this.nodes.get(name) as AnalysedNode), findings: this.findings, warnings: this.warnings }
  }

  private report(node: string | null, message: string, at: Place | undefined, key?: string, among = this.findings): void {
    const where = at && place(key === undefined ? at.key : `${at.key}.${key}`, (key !== undefined && this.document.lineOf(`${at.key}.${key}`)) || at.line)
    among.push({ node, problem: { code: 'bad-pipeline', message, path: this.document.path, ...(where && { where }) } })
  }

  private addNode(written: DocumentNode): void {
    const { name } = written
    if (this.nodes.has(name)) {
      this.report(name, `Two nodes are named ${name}; give each a name of its own.`, written.place)
      return
    }
    if (name.trim() !== name || name === '' || /[./\p{Cc}]/u.test(name)) {
      this.report(name, `The node name "${name}" is empty, has spaces at an end or one of the characters "." and "/"; choose another.`, written.place)
    }
    const type = nodeType(written.type)
    const analysed: AnalysedNode = { written, type, parameters: {}, inputs: {}, channels: {}, sound: true, skipped: false, stages: null }
    this.nodes.set(name, analysed)
    if (!type) return
    this.readStages(analysed, type.description)
    const { values, faults } = readParameters(type.description.parameters, written.config)
    analysed.parameters = values
    for (const { parameter, message } of faults) this.report(name, `The node ${name} (${written.type}) ${message}.`, written.place, this.keyOf(parameter))
    analysed.sound = faults.length === 0 && this.attempt(analysed, () => type.check?.(values))
  }

  private readStages(node: AnalysedNode, { role }: NodeDescription): void {
    const { written } = node
    node.stages = stagesOf(written)
    const refused = node.stages && refusedStages(node.stages, role)
    if (refused) this.report(written.name, `The node ${written.name} (${written.type}) ${refused}.`, written.place)
  }

  private judgeUnknown(): void {
    const { problems, warnings, skipped } = judgeUnknownNodes([...this.nodes.values()], this.document)
    for (const { node, message } of problems) this.report(node.written.name, message, node.written.place)
    for (const { node, message } of warnings) this.report(node.written.name, message, node.written.place, undefined, this.warnings)
    for (const node of skipped) node.skipped = true
  }

  private settleClasses(): void {
    for (const { node, message, isProblem } of settleLabelMappers([...this.nodes.values()])) {
      this.report(node.written.name, `The node ${node.written.name} (${node.written.type}) ${message}.`, node.written.place, undefined, isProblem ? this.findings : this.warnings)
    }
  }

  private keyOf(parameter: string): string {
    return `${this.document.dialect === 'short' ? 'config' : 'hparams'}.${parameter}`
  }

  /** Runs a check of the node's own. Whether it passed. */
  private attempt(node: AnalysedNode, check: () => void): boolean {
    try {
      check()
      return true
    } catch (error) {
      if (!(error instanceof CuvetteError)) throw error
      this.report(node.written.name, `The node ${node.written.name} (${node.written.type}): ${error.message}`, node.written.place, error.where === undefined ? undefined : this.keyOf(error.where))
      return false
    }
  }

  private connect(connection: DocumentConnection): void {
    const { from, to, place: at } = connection
    const source = this.endOf(from, 'outputs', at)
    const target = this.endOf(to, 'inputs', at)
    if (!source || !target) return
    const before = target.node.inputs[to.port] as PortReference | undefined
    // Inputs of unknown types may take any number: a monitor takes all that is shown.
    if (before && target.port) {
      this.report(to.node, `The input ${text(to)} has two sources, ${text(before)} and ${text(from)}; keep one of the connections.`, at)
      return
    }
    if (source.port && target.port) {
      const reason = misfit(source.port, target.port)
      if (reason) {
        this.report(to.node, `The output ${text(from)} does not fit the input ${text(to)}: ${reason}.`, at)
        return
      }
    }
    target.node.inputs[to.port] = from
  }

  /** The node and port of one end; null, with a finding, when there is none. The ports of unknown types are not known. */
  private endOf(end: PortReference, side: 'inputs' | 'outputs', at: Place): { node: AnalysedNode; port: PortDescription | null } | null {
    const node = this.nodes.get(end.node)
    if (!node) {
      this.report(null, `A connection names the node ${end.node}, which the document does not have${didYouMean(end.node, this.nodes.keys()) || '.'}`, at)
      return null
    }
    if (!node.type) return { node, port: null }
    const ports = node.type.description[side]
    const port = ports.find(({ name }) => name === end.port)
    if (port) return { node, port }
    const names = ports.map(({ name }) => name)
    const kind = side === 'inputs' ? 'input' : 'output'
    const other = node.type.description[side === 'inputs' ? 'outputs' : 'inputs'].some(({ name }) => name === end.port)
    const known = names.length === 0 ? `it has no ${kind}s` : `it has ${names.join(', ')}`
    const hint = other ? `; ${end.port} is an ${side === 'inputs' ? 'output' : 'input'}` : ''
    this.report(end.node, `The node ${end.node} (${node.written.type}) has no ${kind} ${end.port}; ${known}${hint}.`, at)
    return null
  }

  /** Channel counts and 'auto', once everything before the node is settled. */
  private settle(node: AnalysedNode): void {
    const { type, channels, inputs, parameters } = node
    if (!type) return
    const arriving: Record<string, number> = {}
    for (const { name } of type.description.inputs) {
      const from = inputs[name] as PortReference | undefined
      arriving[name] = from ? (this.nodes.get(from.node)?.channels[from.port] ?? -1) : -1
    }
    this.settleCounts(node, arriving)
    this.compareInputs(node, arriving)
    Object.assign(channels, arriving)
    for (const { name } of type.description.outputs) channels[name] = -1
    if (!node.sound) return
    if (type.description.role === 'source') this.attempt(node, () => this.enter(node))
    this.attempt(node, () => Object.assign(channels, type.channels?.(parameters, arriving, { wavelengthsNm: this.wavelengthsNm, file: (parameter) => this.document.files?.get(fileKey(node.written.name, parameter)) })))
    this.compareOutputs(node)
  }

  /** Which bands come in: from here on, wavelengths are theirs. */
  private enter({ parameters, channels }: AnalysedNode): void {
    if (!this.facts) return
    const { channels: count, wavelengthsNm, badBands = [] } = this.facts
    const kept = keptByCube(parameters, count, badBands)
    parameters.drop_bands = Array.from({ length: count }, (_, band) => band).filter((band) => !kept.includes(band))
    channels.cube = kept.length
    this.wavelengthsNm = wavelengthsNm && kept.map((band) => wavelengthsNm[band])
  }

  private settleCounts(node: AnalysedNode, arriving: Readonly<Record<string, number>>): void {
    for (const [parameter, port] of Object.entries(node.type?.autoChannels ?? {})) {
      const found = arriving[port]
      const stated = node.parameters[parameter]
      if (found < 0) continue
      if (stated === 'auto') node.parameters[parameter] = found
      else if (stated !== found) {
        const { name } = node.written
        this.report(name, `The node ${name} (${node.written.type}) expects ${String(stated)} channels at its input ${port}, but ${text(node.inputs[port])} brings ${found}; set ${parameter} to ${found} or leave it out.`, node.written.place, this.keyOf(parameter))
      }
    }
  }

  /** Inputs whose last axes have the same name must bring the same size, and fixed sizes must be met. */
  private compareInputs({ type, written, inputs }: AnalysedNode, arriving: Readonly<Record<string, number>>): void {
    const sizes = new Map<string, { port: string; size: number }>()
    for (const { name, shape } of type?.description.inputs ?? []) {
      const size = arriving[name]
      const axis = shape[shape.length - 1]
      if (size < 0 || axis === undefined) continue
      if (typeof axis === 'number') {
        if (axis !== size) this.report(written.name, `The input ${written.name}.${name} (${written.type}) expects ${axis} channel${axis === 1 ? '' : 's'}, but ${text(inputs[name])} brings ${size}.`, written.place)
        continue
      }
      const before = sizes.get(axis)
      if (before && before.size !== size) {
        this.report(written.name, `The inputs of ${written.name} (${written.type}) must agree, but ${text(inputs[before.port])} brings ${before.size} values to ${before.port} and ${text(inputs[name])} brings ${size} to ${name}.`, written.place)
      }
      sizes.set(axis, before ?? { port: name, size })
    }
  }

  /** What a node makes of its inputs must be what its output ports promise. */
  private compareOutputs({ type, written, channels }: AnalysedNode): void {
    for (const port of type?.description.outputs ?? []) {
      const reason = misfit(withChannels(port, channels[port.name]), port)
      if (reason) this.report(written.name, `The output ${written.name}.${port.name} (${written.type}) cannot be made of these inputs: ${reason}.`, written.place)
    }
  }

  private requireInputs({ type, written, inputs }: AnalysedNode): void {
    const missing = (type?.description.inputs ?? []).filter((port) => !port.optional && !(port.name in inputs))
    for (const { name } of missing) {
      // A connection that was refused, to this input or to one that does not exist, already has its problem.
      const refused = this.document.connections.some(({ to }) => to.node === written.name && (to.port === name || !type?.description.inputs.some((port) => port.name === to.port)))
      if (!refused) this.report(written.name, `The node ${written.name} (${written.type}) lacks its input ${name}; connect an output to ${written.name}.${name}.`, written.place)
    }
  }

  private requireScores(): void {
    const nodes = [...this.nodes.values()]
    if (this.findings.length > 0 || nodes.some(({ type, skipped }) => !type && !skipped)) return
    const scored = nodes.some(({ type, skipped }) => !skipped && type?.description.outputs.some(isScorePort))
    if (!scored) this.report(null, 'No node of the pipeline makes scores, one number per pixel; add a detector such as RXGlobal or DeepSVDDScores.', { key: 'nodes', line: this.document.lineOf('nodes') })
  }
}

/** "node.port" */
export function text({ node, port }: PortReference): string {
  return `${node}.${port}`
}
