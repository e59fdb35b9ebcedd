// How parameters move along their gradients. Every formula is computed in float64 per element and rounded once, when
// it is stored. The formulas and their order of operations are PyTorch's (torch.optim).

export interface AdamSettings {
  /** adamw: weight decay shrinks the parameter itself. adam: it is added to the gradient (L2). */
  algorithm: 'adamw' | 'adam'
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
  /**
   * adamw of the training runtime's mode 1, as in Hugging Face Transformers: epsilon is added to the uncorrected root, and
   * the decay comes last.
   */
  decaysLast?: true
  /** With `decaysLast`: the moments are taken as they are, although they start at zero. */
  uncorrected?: true
}

export interface SgdSettings {
  algorithm: 'sgd'
  /** 0: none. */
  momentum: number
  weightDecay: number
}

export type OptimizerSettings = AdamSettings | SgdSettings

export type Numbers = Float32Array | Float64Array

/** Adam's defaults. */
export const ADAM_DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const

/** How many moments an algorithm keeps for each parameter: "momentum0", "momentum1" of a checkpoint. */
export function momentCount(settings: OptimizerSettings): number {
  if (settings.algorithm === 'sgd') return settings.momentum === 0 ? 0 : 1
  return 2
}

export interface OptimizerState {
  /** Steps taken so far. */
  step: number
  /** Moments by parameter name, each as long as the parameter. Empty before the first step. */
  moments: Map<string, Numbers[]>
}

/** A fresh state. */
export function initialOptimizerState(): OptimizerState {
  return { step: 0, moments: new Map() }
}

/**
 * One step: changes `parameters` and `state` in place. A parameter without a gradient stays untouched, decay included;
 * one with a zero gradient decays.
 */
export function optimizerStep(
  settings: OptimizerSettings,
  state: OptimizerState,
  learningRate: number,
  parameters: ReadonlyMap<string, Numbers>,
  gradients: ReadonlyMap<string, Numbers>,
): void {
  state.step += 1
  for (const [name, values] of parameters) {
    const gradient = gradients.get(name)
    if (!gradient) continue
    let moments = state.moments.get(name)
    if (!moments) {
      moments = Array.from({ length: momentCount(settings) }, () => (values instanceof Float64Array ? new Float64Array(values.length) : new Float32Array(values.length)))
      state.moments.set(name, moments)
    }
    if (settings.algorithm === 'sgd') sgdStep(settings, learningRate, values, gradient, moments[0])
    else if (settings.decaysLast) decayingLastStep(settings, learningRate, state.step, values, gradient, moments[0], moments[1])
    else adamStep(settings, learningRate, state.step, values, gradient, moments[0], moments[1])
  }
}

/**
 * p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon), with m and v the running means of g and g².
 * adamw: p is first multiplied by 1 - lr decay (Loshchilov and Hutter 2019). adam: g is first raised by decay p.
 */
function adamStep(settings: AdamSettings, learningRate: number, step: number, values: Numbers, gradient: Numbers, first: Numbers, second: Numbers): void {
  const { beta1, beta2, epsilon, weightDecay } = settings
  const decoupled = settings.algorithm === 'adamw'
  const size = learningRate / (1 - beta1 ** step)
  const root = Math.sqrt(1 - beta2 ** step)
  const shrink = decoupled ? 1 - learningRate * weightDecay : 1
  const pull = decoupled ? 0 : weightDecay
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]
    const g = pull === 0 ? gradient[index] : gradient[index] + pull * value
    const m = beta1 * first[index] + (1 - beta1) * g
    const v = beta2 * second[index] + (1 - beta2) * g * g
    first[index] = m
    second[index] = v
    values[index] = value * shrink - (size * m) / (Math.sqrt(v) / root + epsilon)
  }
}

/** p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon), then p -= lr decay p. */
function decayingLastStep(settings: AdamSettings, learningRate: number, step: number, values: Numbers, gradient: Numbers, first: Numbers, second: Numbers): void {
  const { beta1, beta2, epsilon, weightDecay, uncorrected } = settings
  const size = uncorrected ? learningRate : (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step)
  for (let index = 0; index < values.length; index += 1) {
    const g = gradient[index]
    const m = beta1 * first[index] + (1 - beta1) * g
    const v = beta2 * second[index] + (1 - beta2) * g * g
    first[index] = m
    second[index] = v
    values[index] = (values[index] - (size * m) / (Math.sqrt(v) + epsilon)) * (1 - learningRate * weightDecay)
  }
}

/** b = momentum b + g + decay p; p -= lr b. Without momentum b is the gradient. No Nesterov, no dampening. */
function sgdStep({ momentum, weightDecay }: SgdSettings, learningRate: number, values: Numbers, gradient: Numbers, buffer: Numbers | undefined): void {
  for (let index = 0; index < values.length; index += 1) {
    let move = gradient[index] + weightDecay * values[index]
    if (buffer) {
      move += momentum * buffer[index]
      buffer[index] = move
    }
    values[index] -= learningRate * move
  }
}

/** Euclidean norm over all gradients together. */
export function globalNorm(gradients: Iterable<Numbers>): number {
  let total = 0
  for (const gradient of gradients) {
    for (let index = 0; index < gradient.length; index += 1) total += gradient[index] * gradient[index]
  }
  return Math.sqrt(total)
}

/** Scales all gradients in place by min(1, limit / (norm + 1e-6)); returns the norm before. Formula: PyTorch clip_grad_norm_. */
export function clipGlobalNorm(gradients: ReadonlyMap<string, Numbers>, limit: number): number {
  const norm = globalNorm(gradients.values())
  const factor = Math.min(1, limit / (norm + 1e-6))
  if (factor === 1) return norm
  for (const gradient of gradients.values()) {
    for (let index = 0; index < gradient.length; index += 1) gradient[index] *= factor
  }
  return norm
}

/** Cuts every element in place at -limit and limit. Formula: PyTorch clip_grad_value_. */
export function clipValues(gradients: ReadonlyMap<string, Numbers>, limit: number): void {
  for (const gradient of gradients.values()) {
    for (let index = 0; index < gradient.length; index += 1) gradient[index] = Math.max(-limit, Math.min(limit, gradient[index]))
  }
}
