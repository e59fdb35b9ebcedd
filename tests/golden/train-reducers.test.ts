import { describe, expect, it } from 'vitest'
import type { ParameterValue } from '../../src/shared/nodes'
import type { NodeType } from '../../src/engine/nodes/node'
import { differentiate } from '../../src/engine/onnx/differentiate'
import type { Value } from '../../src/engine/onnx/graph'
import { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { clipGlobalNorm, globalNorm, initialOptimizerState, optimizerStep } from '../../src/engine/onnx/optimizer'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { repositoryParameters, typeNamed } from './node-graph'
import type { StoredTensor } from './read-vectors'
import { goldenCases, tensor } from './read-vectors'
import { runsCase } from './suite'

// Training of one node with losses: what follows it is no node of a pipeline (a mean over channels), so the graph is
// wired by hand.

interface Step {
  loss: number
  grad_norm: number
  grads?: Record<string, StoredTensor>
  params?: Record<string, StoredTensor>
}

interface Case {
  name: string
  source: string
  hparams: Record<string, unknown>
  inputs: Record<string, StoredTensor> & { uniform_u_per_step?: StoredTensor[] }
  init_state?: Record<string, StoredTensor>
  init: Record<string, StoredTensor>
  taus?: number[]
  optimizer: { lr: number; weight_decay: number; betas: [number, number]; eps: number }
  gradient_clip_norm: number | null
  steps: number
  log: Step[]
  log_f64: Step[]
}

/** A graph under way, with what is fed to it. */
class Wiring {
  readonly graph = new Graph()
  readonly updates = new Map<string, Value>()
  readonly feeds: Record<string, Tensor> = {}
  private readonly inputs = new Map<string, Value>()

  constructor(private readonly state: ReadonlyMap<string, Tensor>) {}

  /** A graph input of that name. */
  input(name: string, value: Tensor): Value {
    this.feeds[name] = value
    const known = this.inputs.get(name) ?? this.graph.input(name, value.type, value.shape)
    this.inputs.set(name, known)
    return known
  }

  /** Writes a node in stage train; images come out as [B, H, W, C]. */
  node(name: string, type: NodeType, parameters: Record<string, ParameterValue>, inputs: Record<string, Value>, drawn: Record<string, Tensor> = {}): Record<string, Value> {
    const tensors = Object.fromEntries((type.state?.(parameters) ?? []).map((one) => [one.name, this.state.get(`${name}.${one.name}`) as Tensor]))
    const handles = Object.fromEntries(Object.entries(tensors).map(([key, value]) => [key, this.input(`${name}.${key}`, value)]))
    const written = type.write?.({
      graph: this.graph, parameters, inputs, tensors, state: handles, stage: 'train', scope: name, file: (parameter) => { throw new Error(`No file for ${parameter}`) }, wavelengthsNm: null, isTrained: () => true,
      rows: (port) => this.graph.op('Flatten', [inputs[port]], { axis: 3 }),
      judgedRows: (port) => this.graph.op('Flatten', [inputs[port]], { axis: 3 }),
      judged: () => null,
      setting: (setting) => this.input(`${name}.${setting}`, drawn[setting]),
      noise: (noise) => this.input(`${name}.${noise}`, drawn[noise]),
      update: (key, next) => { this.updates.set(`${name}.${key}`, next) },
    }) ?? {}
    const image = Object.values(inputs).find(({ shape }) => shape.length === 4)
    return Object.fromEntries(type.description.outputs.flatMap(({ name: port, shape }) => {
      const value = written[port] as Value | undefined
      if (!value) return []
      return [[port, shape.length === 4 && value.shape.length === 2 && image ? this.graph.reshape(value, [...(image.shape.slice(0, 3) as number[]), value.shape[1] as number]) : value]]
    }))
  }

  /** A loss node; returns its value. */
  loss(type: string, hparams: Record<string, unknown>, inputs: Record<string, Value>): Value {
    const found = typeNamed(type)
    return this.node(type, found, repositoryParameters(found, hparams), inputs).loss
  }

  /** [B, H, W, C] to [B, H, W, 1]. */
  meanOfChannels(image: Value): Value {
    return this.graph.op('ReduceMean', [image], { axes: [3], keepdims: 1 })
  }
}

function optimizerOf({ optimizer }: Case) {
  return { algorithm: 'adamw' as const, beta1: optimizer.betas[0], beta2: optimizer.betas[1], epsilon: optimizer.eps, weightDecay: optimizer.weight_decay }
}

/** Runs the steps of a case and compares each with the reference. `wire` writes the loss of a step. */
async function train(one: Case, node: string, wire: (wiring: Wiring, step: number) => Value): Promise<void> {
  const trained = new Map(Object.entries(one.init).map(([name, value]) => [name, tensor(value) as Tensor<'float32'>]))
  const state = new Map<string, Tensor>([
    ...Object.entries(one.init_state ?? {}).filter(([, { dtype }]) => dtype === 'float32').map(([name, value]) => [`${node}.${name}`, tensor(value)] as const),
    ...trained,
  ])
  const optimizer = initialOptimizerState()
  for (let step = 0; step < one.steps; step += 1) {
    const wiring = new Wiring(state)
    const { graph } = wiring
    const loss = wire(wiring, step)
    const found = differentiate(graph, loss, [...trained.keys()].map((name) => graph.value(name)))
    graph.output('loss', loss)
    for (const [name, gradient] of found) graph.output(`gradient ${name}`, gradient)
    for (const [name, next] of wiring.updates) graph.output(`next ${name}`, next)
    const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
    const results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, wiring.feeds[name]]))).finally(() => session.release())
    const gradients = new Map([...trained.keys()].map((name) => [name, Float64Array.from(results[`gradient ${name}`].data as Float32Array)]))
    const [expected, exact] = [one.log[step], one.log_f64[step]]
    expect(Math.abs(Number(results.loss.data[0]) / expected.loss - 1), `loss of step ${step + 1}`).toBeLessThan(1e-5)
    expect(Math.abs(Number(results.loss.data[0]) / exact.loss - 1), `loss of step ${step + 1} (float64)`).toBeLessThan(1e-5)
    expect(Math.abs(globalNorm(gradients.values()) / expected.grad_norm - 1), `norm of step ${step + 1}`).toBeLessThan(1e-5)
    const size = expected.grad_norm
    for (const grads of [expected.grads, exact.grads]) {
      for (const [name, value] of Object.entries(grads ?? {})) {
        const wanted = tensor(value).data as ArrayLike<number>
        gradients.get(name)?.forEach((gradient, at) => { expect(Math.abs(gradient - wanted[at]), `gradient of ${name}`).toBeLessThanOrEqual(1e-5 * size) })
      }
    }
    if (one.gradient_clip_norm !== null) clipGlobalNorm(gradients, one.gradient_clip_norm)
    optimizerStep(optimizerOf(one), optimizer, one.optimizer.lr, new Map([...trained].map(([name, { data }]) => [name, data])), gradients)
    for (const [name, value] of Object.entries(expected.params ?? {})) {
      const wanted = tensor(value).data as Float32Array
      const first = tensor(one.init[name]).data as Float32Array
      const slope = tensor((one.log_f64[0].grads as Record<string, StoredTensor>)[name]).data as Float64Array
      const size = wanted.reduce((most, number) => Math.max(most, Math.abs(number)), 0)
      trained.get(name)?.data.forEach((number, at) => {
        const what = `${name}, element ${at}, after step ${step + 1}`
        // What batch normalisation takes out again has no gradient but rounding errors, of which Adam makes whole steps.
        const isMoved = Math.abs(slope[at]) > 1e-5 * one.log_f64[0].grad_norm
        if (isMoved) expect(Math.abs(number - wanted[at]), what).toBeLessThanOrEqual(1e-5 * size)
        else expect(Math.abs(number - first[at]), what).toBeLessThanOrEqual(1.1 * (step + 1) * one.optimizer.lr)
      })
    }
    for (const name of wiring.updates.keys()) state.set(name, results[`next ${name}`])
  }
}

const images = (wiring: Wiring, one: Case, ...names: string[]): Value[] => names.map((name) => wiring.input(name, tensor(one.inputs[name])))

describe('training of TrainablePCA against PyTorch', () => {
  const type = typeNamed('TrainablePCA')
  it.each(goldenCases<Case>('train_pca').map((one) => [one.name, one] as const))('%s', async (name, one) => {
    runsCase('train_pca', name)
    await train(one, 'pca', (wiring) => {
      const [data, target] = images(wiring, one, 'data', 'target')
      const { projected, components } = wiring.node('pca', type, repositoryParameters(type, one.hparams), { data })
      return wiring.graph.op('Add', [wiring.loss('MSEReconstructionLoss', {}, { reconstruction: projected, target }), wiring.loss('OrthogonalityLoss', { weight: 0.1 }, { components })])
    })
  })
})

describe('training of LearnableChannelMixer against PyTorch', () => {
  const type = typeNamed('LearnableChannelMixer')
  it.each(goldenCases<Case>('train_mixer').map((one) => [one.name, one] as const))('%s', async (name, one) => {
    runsCase('train_mixer', name)
    await train(one, 'mixer', (wiring) => {
      const [data] = images(wiring, one, 'data')
      const { rgb } = wiring.node('mixer', type, repositoryParameters(type, one.hparams), { data })
      if (one.source.includes('ForegroundContrastLoss')) return wiring.loss('ForegroundContrastLoss', {}, { rgb, mask: images(wiring, one, 'mask')[0] })
      return wiring.loss('IoULoss', { normalize_method: 'clamp' }, { predictions: wiring.meanOfChannels(rgb), targets: images(wiring, one, 'targets')[0] })
    })
  })
})

describe('training of ConcreteBandSelector against PyTorch', () => {
  const type = typeNamed('ConcreteChannelMixer')
  it.each(goldenCases<Case>('train_concrete').map((one) => [one.name, one] as const))('%s', async (name, one) => {
    runsCase('train_concrete', name)
    const parameters = repositoryParameters(type, one.hparams)
    await train(one, 'selector', (wiring, step) => {
      const [data, targets] = images(wiring, one, 'data', 'targets')
      const tau = type.schedule?.(parameters, step).tau ?? NaN
      expect(Math.abs(tau / (one.taus?.[step] ?? NaN) - 1)).toBeLessThan(1e-12)
      const drawn = { tau: float32([], [tau]), u: tensor(one.inputs.uniform_u_per_step?.[step] as StoredTensor) }
      const { rgb, selection_weights } = wiring.node('selector', type, parameters, { data }, drawn)
      const overlap = wiring.loss('IoULoss', { normalize_method: 'minmax' }, { predictions: wiring.meanOfChannels(rgb), targets })
      return wiring.graph.op('Add', [overlap, wiring.loss('DistinctnessLoss', { weight: 0.1 }, { selection_weights })])
    })
  })
})
