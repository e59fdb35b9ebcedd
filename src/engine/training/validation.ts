import { areaUnderRoc, IGNORED, thresholdCurve } from '../../shared/threshold-curve'
import { decide, pixelScores, thresholdByRule } from '../inference/threshold'
import type { Tensor } from '../onnx/tensor'
import { measuredNodes, scorePorts } from '../pipeline/compile'
import type { Measured } from '../pipeline/compile'
import { needsImages, wantingImages } from '../pipeline/locality'
import type { Pipeline, PortReference } from '../pipeline/pipeline'
import { nodeNamed } from '../pipeline/pipeline'
import type { Batch, Piece } from './batch'
import type { Learner } from './learner'

/** One image of the validation data; deciders judge each image by itself. */
export interface ValidationImage {
  batch: Batch
  /** At most; pixels that cannot be used are left out. */
  pixels: number
}

/** Images whose numbers are measured together; the numbers of several groups are averaged. */
export type ValidationGroup = readonly ValidationImage[]

export interface ValidationResult {
  /** Mean over all pixels. */
  loss: number
  /** "<node>/<number>", and "auc" of the scores. Numbers that are not defined are left out. */
  metrics: Record<string, number>
  /** Names of all numbers, those that are not defined included. */
  reported: string[]
  /** Whether every score is finite: then a loss that is not may be no fault of the state. */
  scored: boolean
}

/** Ports that the evaluation model must show, "node.port": the scores, and what the measuring nodes look at. */
export function watchedPorts(pipeline: Pipeline): string[] {
  const ports = [scorePorts(pipeline).scores, ...reportingNodes(pipeline).flatMap(({ ports: seen }) => seen.map(({ from }) => behindDecider(pipeline, from)))]
  return [...new Set(ports.filter(({ node }) => nodeNamed(pipeline, node).type.description.role !== 'source').map(textOf))]
}

/** Nodes that report numbers of a validation; a picture beside the detector does where whole images are shown. */
function reportingNodes(pipeline: Pipeline): Measured[] {
  const showsImages = wantingImages(pipeline.nodes, pipeline.trainer?.losses ?? []) !== undefined
  return measuredNodes(pipeline).filter(({ node }) => showsImages || !needsImages(pipeline, node))
}

/** A decision is made on the host, over a whole image, from what the decider is given. */
function behindDecider(pipeline: Pipeline, port: PortReference): PortReference {
  const { type, inputs } = nodeNamed(pipeline, port.node)
  return type.description.role === 'decider' ? inputs[type.description.inputs[0].name] : port
}

/** Loss and metrics of the present state over the validation data. `ports`: those of `watchedPorts` that the model has. */
export async function validate(learner: Learner, pipeline: Pipeline, groups: readonly ValidationGroup[], ports: readonly string[]): Promise<ValidationResult> {
  const sums = new Map<string, { sum: number; weight: number }>()
  const reported = new Set<string>()
  const scorePort = textOf(scorePorts(pipeline).scores)
  let loss = 0
  let pixels = 0
  let scored = true
  for (const group of groups) {
    const images: ImageValues[] = []
    for (const image of group) {
      const values = new ImageValues(image.pixels)
      const result = await learner.evaluate(image.batch, ports, (piece, results) => values.add(piece, results))
      loss += result.loss * result.pixels
      pixels += result.pixels
      values.close()
      const scores = values.ports.get(scorePort)?.data as Float32Array | undefined
      scored &&= scores?.every(Number.isFinite) ?? false
      images.push(values)
    }
    const weight = images.reduce((sum, { count }) => sum + count, 0)
    for (const [name, value] of Object.entries(measure(pipeline, images))) {
      reported.add(name)
      if (!Number.isFinite(value)) continue
      const before = sums.get(name) ?? { sum: 0, weight: 0 }
      sums.set(name, { sum: before.sum + value * weight, weight: before.weight + weight })
    }
  }
  const metrics = Object.fromEntries([...sums].map(([name, { sum, weight }]) => [name, sum / weight]))
  return { loss: loss / pixels, metrics, reported: [...reported], scored }
}

/** What the evaluation model said of one image, piece by piece. */
class ImageValues {
  /** Values of per-pixel ports [N, K] and of others as they are. */
  readonly ports = new Map<string, Tensor>()
  /** 0 normal, 1 anomalous, 255 not to be judged. */
  targets: Uint8Array | null = null
  count = 0

  constructor(private readonly pixels: number) {}

  add({ pixels: count, targets, ignored }: Piece, results: Record<string, Tensor>): void {
    if (targets) {
      this.targets ??= new Uint8Array(this.pixels)
      this.targets.set(targets.data, this.count)
      for (let pixel = 0; ignored && pixel < count; pixel += 1) if (ignored[pixel]) this.targets[this.count + pixel] = IGNORED
    }
    for (const [port, tensor] of Object.entries(results)) {
      if (tensor.shape.length !== 4) {
        this.ports.set(port, tensor)
        continue
      }
      const channels = tensor.shape[3]
      const whole = this.ports.get(port) ?? { type: 'float32', shape: [1, 1, this.pixels, channels], data: new Float32Array(this.pixels * channels) }
      ;(whole.data as Float32Array).set(tensor.data as Float32Array, this.count * channels)
      this.ports.set(port, whole)
    }
    this.count += count
  }

  /** Drops the places of pixels that were left out. */
  close(): void {
    if (this.count === this.pixels) return
    this.targets &&= this.targets.subarray(0, this.count)
    for (const [port, { shape, data }] of this.ports) {
      if (shape.length === 4) this.ports.set(port, { type: 'float32', shape: [1, 1, this.count, shape[3]], data: (data as Float32Array).subarray(0, this.count * shape[3]) })
    }
  }
}

function measure(pipeline: Pipeline, images: readonly ImageValues[]): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const measured of reportingNodes(pipeline)) {
    const tensors = tensorsOf(pipeline, measured, images)
    if (!tensors) continue
    const found = measured.node.type.measurement?.measure(measured.node.parameters, tensors) ?? {}
    for (const [name, value] of Object.entries(found)) numbers[`${measured.node.name}/${name}`] = value
  }
  const scores = joined(images.map(({ ports }) => ports.get(textOf(scorePorts(pipeline).scores)) ?? null))
  const targets = joinedTargets(images)
  if (scores && targets) {
    const auc = areaUnderRoc(thresholdCurve(pixelScores(scores.data as Float32Array, scores.shape[3]), targets.data as Uint8Array))
    if (auc !== null) numbers.auc = auc
  }
  return numbers
}

/** The tensors that a node measures; null when one that it needs is not there, such as the targets of a cube without a mask. */
function tensorsOf(pipeline: Pipeline, { node, ports }: Measured, images: readonly ImageValues[]): Record<string, Tensor> | null {
  const tensors: Record<string, Tensor> = {}
  for (const { port, from } of ports) {
    const tensor = tensorOf(pipeline, from, images)
    if (tensor) tensors[port] = tensor
    else if (!node.type.description.inputs.find(({ name }) => name === port)?.optional) return null
  }
  return tensors
}

function tensorOf(pipeline: Pipeline, from: PortReference, images: readonly ImageValues[]): Tensor | null {
  const source = nodeNamed(pipeline, from.node)
  const { role } = source.type.description
  if (role === 'source') return from.port === 'mask' ? joinedTargets(images) : null
  if (role !== 'decider') return joined(images.map(({ ports }) => ports.get(textOf(from)) ?? null))
  const judged = textOf(behindDecider(pipeline, from))
  return joined(images.map(({ ports }): Tensor | null => {
    const given = ports.get(judged)
    if (!given) return null
    const channels = given.shape[3]
    const decisions = decide(pixelScores(given.data as Float32Array, channels), thresholdByRule(source, given.data as Float32Array, channels))
    return { type: 'bool', shape: [1, 1, decisions.length, 1], data: decisions }
  }))
}

function joinedTargets(images: readonly ImageValues[]): Tensor | null {
  return joined(images.map(({ targets }) => targets && { type: 'bool', shape: [1, 1, targets.length, 1], data: targets }))
}

/** Per-pixel values of several images as one row of pixels; what is no image, from the last. */
function joined(tensors: readonly (Tensor | null)[]): Tensor | null {
  const present = tensors.filter((tensor) => tensor !== null)
  if (present.length === 0 || present.length < tensors.length) return null
  const [{ type, shape }] = present
  if (present.length === 1 || shape.length !== 4) return present[present.length - 1]
  const data = type === 'float32' ? new Float32Array(total(present)) : new Uint8Array(total(present))
  let at = 0
  for (const tensor of present) {
    data.set(tensor.data as Float32Array & Uint8Array, at)
    at += tensor.data.length
  }
  return { type, shape: [1, 1, data.length / shape[3], shape[3]], data } as Tensor
}

function total(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.length, 0)
}

function textOf({ node, port }: PortReference): string {
  return `${node}.${port}`
}
