import { CuvetteError } from '../../shared/problem'
import type { NodeState, Stage, WriteContext } from '../nodes/node'
import { takeBands } from '../nodes/take-bands'
import { Graph } from '../onnx/graph'
import type { Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import type { Pipeline, PipelineNode, PipelineState, PortReference } from './pipeline'
import { enteringBands, enteringWavelengths, nodeNamed } from './pipeline'
import { stateKey } from './state'

/**
 * What a port carries inside a graph. Images exist as [B, H, W, C], as one row per pixel, or both: the
 * second form is made when it is asked for, so that nodes in a row pass rows on without a copy.
 */
interface PortValue {
  image?: Value
  rows?: Value
  /** Whatever is no image. */
  plain?: Value
}

/** Writes the nodes of a pipeline into one graph, each when one of its ports is first asked for. */
export class PipelineWriter {
  readonly graph = new Graph()
  readonly cube: Value
  /** Names of inputs that move with every batch, and what they become. */
  readonly updates: { state: string; output: Value }[] = []
  readonly moving: string[] = []
  readonly settings: string[] = []
  private judged: Value | null = null
  private judgedPlaces: Value | null = null
  private readonly ports = new Map<string, PortValue>()
  private readonly written = new Set<string>()
  private readonly handles = new Map<string, Value>()
  /** Of the bands that enter. */
  private readonly wavelengthsNm: readonly number[] | null
  private frame: Value | null = null

  constructor(
    private readonly pipeline: Pipeline,
    private readonly state: PipelineState,
    private readonly stage: Stage,
    private readonly trained: ReadonlySet<string>,
    /** Whether some pixels are not to be judged: the input `judged` then says which are. */
    private readonly judging = false,
  ) {
    this.wavelengthsNm = enteringWavelengths(pipeline)
    this.cube = this.graph.input('cube', 'float32', ['B', 'H', 'W', pipeline.facts.channels])
    for (const key of trained) this.handles.set(key, this.graph.input(key, 'float32', this.tensor(key).shape))
  }

  /** A port as [B, H, W, C] or as it is; null when it carries nothing in a graph. */
  port({ node, port }: PortReference): Value | null {
    const value = this.valueOf(node, port)
    if (!value) return null
    if (value.plain) return value.plain
    value.image ??= this.imageOf(value.rows as Value)
    return value.image
  }

  private rowsOf({ node, port }: PortReference): Value {
    const value = this.valueOf(node, port)
    if (!value || value.plain) throw new CuvetteError('internal', `The port ${node}.${port} has no pixels.`)
    value.rows ??= this.graph.op('Flatten', [value.image as Value], { axis: 3 })
    return value.rows
  }

  private judgedRowsOf(port: PortReference): Value {
    const rows = this.rowsOf(port)
    const judged = this.judgedPixels()
    if (!judged) return rows
    this.judgedPlaces ??= this.flat(this.graph.op('NonZero', [this.flat(judged)]))
    return this.graph.op('Gather', [rows, this.judgedPlaces], { axis: 0 })
  }

  private judgedPixels(): Value | null {
    if (this.judging) this.judged ??= this.graph.input('judged', 'bool', ['B', 'H', 'W', 1])
    return this.judged
  }

  private flat(value: Value): Value {
    return this.graph.op('Reshape', [value, this.graph.constant(int64([1], [-1]))])
  }

  private valueOf(name: string, port: string): PortValue | undefined {
    const node = nodeNamed(this.pipeline, name)
    const key = `${name}.${port}`
    if (node.type.description.role === 'source') {
      const known = this.ports.get(key) ?? this.sourcePort(port)
      if (known) this.ports.set(key, known)
      return known
    }
    this.write(node)
    return this.ports.get(key)
  }

  private sourcePort(port: string): PortValue | undefined {
    const wavelengthsNm = this.wavelengthsNm
    if (port === 'cube') return this.entering()
    if (port === 'mask') return { image: this.graph.input('targets', 'bool', ['B', 'H', 'W', 1]) }
    if (port !== 'wavelengths' || !wavelengthsNm) return undefined
    return { plain: this.graph.constant({ type: 'int32', shape: [wavelengthsNm.length], data: Int32Array.from(wavelengthsNm, Math.round) }) }
  }

  /** The cube as it is, or the bands of it that are not left out. */
  private entering(): PortValue {
    const bands = enteringBands(this.pipeline)
    if (bands.length === this.pipeline.facts.channels) return { image: this.cube }
    return { rows: this.graph.within('cube', () => takeBands(this.graph, this.graph.op('Flatten', [this.cube], { axis: 3 }), bands)) }
  }

  /** One row per pixel back into the frame of the cube. */
  private imageOf(rows: Value): Value {
    const channels = rows.shape[1]
    this.frame ??= this.graph.op('Shape', [this.cube], { start: 0, end: 3 })
    const last = typeof channels === 'number' ? this.graph.constant(int64([1], [channels])) : this.graph.op('Shape', [rows], { start: 1, end: 2 })
    return this.graph.op('Reshape', [rows, this.graph.op('Concat', [this.frame, last], { axis: 0 })], {}, { shape: ['B', 'H', 'W', channels] })
  }

  /** Writes a node of which no port may be wanted, and what comes before it. */
  write(node: PipelineNode): void {
    if (this.written.has(node.name)) return
    this.written.add(node.name)
    const { description, write } = node.type
    // What comes before is written first, outside of this node's scope.
    const available = Object.entries(node.inputs).filter(([, from]) => this.valueOf(from.node, from.port))
    if (!write) return
    const results = this.graph.within(node.name, () => write(this.contextOf(node, available)))
    for (const port of description.outputs) {
      const value = results[port.name] as Value | undefined
      if (value) this.ports.set(`${node.name}.${port.name}`, formOf(value, port.shape.length))
    }
  }

  private contextOf(node: PipelineNode, available: readonly [string, PortReference][]): WriteContext {
    const { name, parameters, type } = node
    const isTrained = (tensor: string): boolean => this.trained.has(stateKey(name, tensor))
    const moving = type.moving?.(parameters, this.stage, isTrained) ?? []
    const tensors = type.state?.(parameters) ?? []
    const inputs = new Map(available)
    return {
      graph: this.graph,
      scope: name,
      parameters,
      stage: this.stage,
      wavelengthsNm: this.wavelengthsNm,
      isTrained,
      inputs: lazily([...inputs.keys()], (port) => this.port(inputs.get(port) as PortReference) as Value),
      rows: (port) => this.rowsOf(inputs.get(port) as PortReference),
      judgedRows: (port) => this.judgedRowsOf(inputs.get(port) as PortReference),
      judged: () => this.judgedPixels(),
      state: lazily(tensors.map((tensor) => tensor.name), (tensor) => this.handle(stateKey(name, tensor), moving.includes(tensor))),
      tensors: lazily(tensors.map((tensor) => tensor.name), (tensor) => this.tensor(stateKey(name, tensor))) as NodeState,
      setting: (setting, fallback) => {
        const key = stateKey(name, setting)
        if (tensors.some((tensor) => tensor.name === setting)) throw new CuvetteError('internal', `The node ${name} has a state tensor and a setting of the name ${setting}.`)
        // The training runtime leaves out inputs with a default, and what follows the epochs must reach it.
        if (this.stage === 'train' && setting in (type.schedule?.(parameters, 0) ?? {})) return this.graph.input(key, 'float32', [])
        this.settings.push(key)
        return this.graph.input(key, 'float32', [], float32([], [fallback]))
      },
      file: (parameter) => {
        const file = node.files?.[parameter]
        if (!file) throw new CuvetteError('bad-pipeline', `The node ${name} (${type.description.type}) needs the file that its parameter ${parameter} names; it was not read.`, { where: name })
        return file
      },
      noise: (wanted) => {
        const declared = type.noise?.(parameters).find((noise) => noise.name === wanted)
        if (!declared) throw new CuvetteError('internal', `The node ${name} declares no random input ${wanted}.`)
        return this.graph.input(stateKey(name, wanted), 'float32', declared.shape)
      },
      update: (tensor, next) => {
        // An input also where the node does not read it: both models of a training have the same moving state.
        this.handle(stateKey(name, tensor), true)
        this.updates.push({ state: stateKey(name, tensor), output: next })
      },
    }
  }

  private handle(key: string, moves: boolean): Value {
    const known = this.handles.get(key)
    if (known) return known
    const tensor = this.tensor(key)
    const handle = moves ? this.graph.input(key, 'float32', tensor.shape) : this.graph.initializer(key, tensor)
    if (moves) this.moving.push(key)
    this.handles.set(key, handle)
    return handle
  }

  private tensor(key: string) {
    const tensor = this.state.get(key)
    if (tensor) return tensor
    const node = this.pipeline.nodes.find(({ name }) => key.startsWith(`${name}.`))
    throw new CuvetteError('bad-pipeline', `The node ${node?.name ?? key} (${node?.type.description.type ?? 'unknown'}) has no ${key} yet; fit the pipeline before it is used.`, { where: key })
  }
}

/** Rows are what a node returns for an image port in two axes. */
function formOf(value: Value, rank: number): PortValue {
  if (rank !== 4) return { plain: value }
  return value.shape.length === 2 ? { rows: value } : { image: value }
}

/** A record whose values are made when they are read. */
function lazily<T>(names: readonly string[], make: (name: string) => T): Readonly<Record<string, T>> {
  const record: Record<string, T> = {}
  for (const name of names) Object.defineProperty(record, name, { enumerable: true, get: () => make(name) })
  return record
}
