import { describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import type { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel } from '../../src/engine/onnx/reading/decode'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { compileEvaluation, compileInference, compileTraining, compileUpTo, measuredNodes, scorePorts } from '../../src/engine/pipeline/compile'
import type { PipelineState } from '../../src/engine/pipeline/pipeline'
import { initialState, trainedNames } from '../../src/engine/pipeline/state'
import { DEEP_SVDD, FACTS, pipelineFrom, refusal, someCube, someState } from './documents'

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  return session.run(feeds).finally(() => session.release())
}

function only(state: PipelineState, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(names.filter((name) => state.has(name)).map((name) => [name, state.get(name) as Tensor]))
}

function numbers(tensor: Tensor): number[] {
  return Array.from(tensor.data as Float32Array)
}

const pipeline = pipelineFrom(DEEP_SVDD)
const state = someState(pipeline)
const trained = trainedNames(pipeline, { unfreeze: ['projection'], parameters: 'unfrozen', losses: ['loss'] })

describe('the inference graph', () => {
  it('turns a cube into scores and decisions, and any port on request', async () => {
    const compiled = compileInference(pipeline, state, { ports: ['bandpass.filtered', 'center.center', 'projection.output'] })
    expect(compiled).toMatchObject({ scores: { node: 'scores', port: 'scores' }, decisions: { node: 'decider', port: 'decisions' } })
    expect(compiled.graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([['cube', ['B', 'H', 'W', 8]], ['decider.quantile', []]])
    const results = await run(compiled.graph, { cube: someCube([2, 3, 4, 8]) })
    expect(Object.fromEntries(Object.entries(results).map(([name, { type, shape }]) => [name, `${type} ${shape.join('x')}`]))).toEqual({
      scores: 'float32 2x3x4x1', decisions: 'bool 2x3x4x1', 'bandpass.filtered': 'float32 2x3x4x5', 'center.center': 'float32 3', 'projection.output': 'float32 2x3x4x3',
    })
    expect(results.scores.data.length).toBe(24)
    expect(numbers(results.scores).every((score) => score >= 0)).toBe(true)
  })

  it('takes the quantile as an optional input', async () => {
    const { graph } = compileInference(pipeline, state)
    const cube = someCube([1, 5, 8, 8])
    const flagged = async (more: Record<string, Tensor> = {}) => numbers((await run(graph, { cube, ...more })).decisions).reduce((sum, one) => sum + one, 0)
    expect(await flagged()).toBe(4)
    expect(await flagged({ 'decider.quantile': float32([], [0.5]) })).toBe(20)
  })

  it('can leave the decider out', async () => {
    const compiled = compileInference(pipeline, state, { decisions: false })
    expect(compiled.decisions).toBeNull()
    expect(Object.keys(await run(compiled.graph, { cube: someCube([1, 2, 2, 8]) }))).toEqual(['scores'])
    expect(encodeModel(compiled.graph).length).toBeLessThan(encodeModel(compileInference(pipeline, state).graph).length)
  })

  it('gives each pixel the same score however the scene is cut', async () => {
    const { graph } = compileInference(pipeline, state, { decisions: false })
    const cube = someCube([1, 6, 4, 8])
    const whole = numbers((await run(graph, { cube })).scores)
    const cut = [0, 1, 2].map((part) => float32([1, 2, 4, 8], cube.data.subarray(part * 64, (part + 1) * 64)))
    const pieces = (await Promise.all(cut.map(async (piece) => numbers((await run(graph, { cube: piece })).scores)))).flat()
    pieces.forEach((score, index) => expect(Math.abs(score - whole[index])).toBeLessThanOrEqual(1e-6 * Math.abs(whole[index])))
  })

  it('passes rows from node to node: one way in, one way out', () => {
    const operators = compileInference(pipeline, state, { decisions: false }).graph.nodes.map(({ op }) => op)
    expect(operators.filter((op) => op === 'Flatten')).toHaveLength(1)
    expect(operators.filter((op) => op === 'Reshape')).toHaveLength(1)
  })

  it('keeps a NaN pixel to itself', async () => {
    const cube = someCube([1, 2, 3, 8])
    cube.data[8 * 4 + 3] = Number.NaN
    const scores = numbers((await run(compileInference(pipeline, state).graph, { cube })).scores)
    expect(scores.map((score) => Number.isNaN(score))).toEqual([false, false, false, false, true, false])
  })

  it('says in the file what it was made of', () => {
    const { graph, metadata } = compileInference(pipeline, state)
    expect(metadata).toMatchObject({ 'cuvette.pipeline': 'Deep SVDD', 'cuvette.bands': '8', 'cuvette.wavelengths': JSON.stringify(FACTS.wavelengthsNm), 'cuvette.wavelength_unit': 'nm', 'cuvette.scores': 'scores.scores', 'cuvette.decisions': 'decider.decisions' })
    const nodes = JSON.parse(metadata['cuvette.nodes']) as { name: string; type: string; parameters: object }[]
    expect(nodes[4]).toEqual({ name: 'projection', type: 'DeepSVDDProjection', parameters: pipeline.nodes[4].parameters })
    const decoded = decodeModel(encodeModel(graph, { metadata }), 'model.onnx')
    expect(decoded.metadata).toEqual(metadata)
    expect([...decoded.graph.initializers.keys()]).toEqual(expect.arrayContaining(['encoder.zscore_mean', 'projection.net.fc1.weight', 'center._tracked_center']))
  })

  it('can be read back with its quantile, and decides the same', async () => {
    const { graph } = compileInference(pipeline, state)
    const read = decodeModel(encodeModel(graph), 'model.onnx').graph
    expect(read.outputs.map(({ name, value }) => [name, value.type, value.shape.length, value.shape[3]])).toEqual([['scores', 'float32', 4, 1], ['decisions', 'bool', 4, 1]])
    const cube = someCube([2, 3, 5, 8])
    const [wanted, found] = [await run(graph, { cube }), await run(read, { cube })]
    expect(numbers(found.scores)).toEqual(numbers(wanted.scores))
    expect(found.decisions).toEqual(wanted.decisions)
  })

  it('is the same in every byte for the same state', () => {
    expect(encodeModel(compileInference(pipeline, state).graph)).toEqual(encodeModel(compileInference(pipelineFrom(DEEP_SVDD), someState(pipeline)).graph))
  })

  it('without a decider has the last scores and no decisions', () => {
    const bare = pipelineFrom('nodes: {cube: Cube, a: RXGlobal, b: RXGlobal}\nconnections: [[cube.cube, a.data], [cube.cube, b.data]]')
    expect(scorePorts(bare)).toEqual({ scores: { node: 'b', port: 'scores' }, decisions: null })
    expect(compileInference(bare, someState(bare)).decisions).toBeNull()
  })

  it('refuses what was never fitted, and ports that do not exist', async () => {
    const unfitted = await refusal(() => compileInference(pipeline, initialState(pipeline, 1)))
    expect(unfitted).toMatchObject({ code: 'bad-pipeline', where: 'encoder.zscore_mean' })
    expect(unfitted.message).toBe('The node encoder (ZScoreNormalizerGlobal) has no encoder.zscore_mean yet; fit the pipeline before it is used.')
    const unknown = await refusal(() => compileInference(pipeline, state, { ports: ['scores.heat'] }))
    expect(unknown.message).toBe('The pipeline has no output scores.heat; expected <node>.<port> of one of its nodes.')
    const numberless = await refusal(() => compileInference(pipeline, state, { ports: ['metrics.metrics'] }))
    expect(numberless.message).toMatch(/^The port metrics\.metrics has no values/)
  })
})

describe('the graph up to a port', () => {
  it('needs no state behind it', async () => {
    const { graph, output } = compileUpTo(pipeline, new Map(), 'unit.normalized')
    expect(output).toBe('unit.normalized')
    expect((await run(graph, { cube: someCube([1, 2, 2, 8]) }))[output].shape).toEqual([1, 2, 2, 5])
  })

  it('can be the cube itself', async () => {
    const { graph, output } = compileUpTo(pipeline, new Map(), 'cube.cube')
    const cube = someCube([1, 2, 2, 8])
    expect((await run(graph, { cube }))[output]).toEqual(cube)
  })
})

describe('the training graph', () => {
  it('names its inputs, parameters and updates', () => {
    const compiled = compileTraining(pipeline, state, { trained })
    expect(compiled.userInputs).toEqual(['cube', 'center._tracked_center'])
    expect(compiled.settings).toEqual(['center.alpha'])
    expect(compiled.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['projection.net.fc1.weight', [6, 5]], ['projection.net.fc1.bias', [6]], ['projection.net.fc2.weight', [3, 6]], ['loss.r_unconstrained', []],
    ])
    expect(compiled.updates.map((update) => update.state)).toEqual(['center._tracked_center'])
    expect(compiled.losses.map(({ name }) => name)).toEqual(['loss'])
    expect(compiled.loss.shape).toEqual([])
    expect(compiled.additive).toBe(true)
    expect(compiled.graph.outputs).toEqual([])
  })

  it('has gradients that agree with differences of the loss', async () => {
    const all = trainedNames(pipeline, { unfreeze: ['projection', 'encoder'], parameters: 'unfrozen', losses: ['loss'] })
    const compiled = compileTraining(pipeline, state, { trained: all })
    const gradients = differentiate(compiled.graph, compiled.loss, compiled.parameters)
    compiled.graph.output('loss', compiled.loss)
    for (const [name, value] of gradients) compiled.graph.output(`gradient.${name}`, value)
    const session = await openSession(encodeModel(compiled.graph), 'cpu', { threads: 1 })
    // With alpha 0 the centre stands still: through the moving centre no gradient flows, but differences would see it.
    const feeds = { cube: someCube([1, 3, 4, 8]), 'center.alpha': float32([], [0]), ...only(state, [...all, 'center._tracked_center']) }
    const found = await session.run(feeds)
    const lossAt = async (name: string, index: number, change: number): Promise<number> => {
      const data = Float32Array.from(feeds[name as keyof typeof feeds].data)
      data[index] += change
      return Number((await session.run({ ...feeds, [name]: float32(feeds[name as keyof typeof feeds].shape, data) }, ['loss'])).loss.data[0])
    }
    for (const { name } of compiled.parameters) {
      const gradient = numbers(found[`gradient.${name}`])
      for (const index of [0, gradient.length - 1]) {
        const difference = ((await lossAt(name, index, 1e-2)) - (await lossAt(name, index, -1e-2))) / 2e-2
        expect(Math.abs(gradient[index] - difference), `${name}[${index}]`).toBeLessThanOrEqual(0.02 * Math.max(1, Math.abs(difference)))
      }
    }
    await session.release()
  })

  it('adds up over micro-batches, when the centre is moved first', async () => {
    const compiled = compileTraining(pipeline, state, { trained })
    const gradients = differentiate(compiled.graph, compiled.loss, compiled.parameters)
    compiled.graph.output('loss', compiled.loss)
    for (const [name, value] of gradients) compiled.graph.output(`gradient.${name}`, value)
    for (const update of compiled.updates) compiled.graph.output(`${update.state}.next`, update.output)
    const cube = someCube([1, 1, 30, 8])
    const given = only(state, [...trained, 'center._tracked_center'])
    const whole = await run(compiled.graph, { cube, ...given })
    const cuts = [[0, 7], [7, 20], [20, 30]]
    const piece = ([from, to]: number[]): Tensor => float32([1, 1, to - from, 8], cube.data.subarray(from * 8, to * 8))
    const add = (parts: Tensor[]): number[] => numbers(parts[0]).map((_, index) => parts.reduce((sum, part, k) => sum + numbers(part)[index] * ((cuts[k][1] - cuts[k][0]) / 30), 0))

    const moved = await Promise.all(cuts.map(async (cut) => (await run(compiled.graph, { cube: piece(cut), ...given }))['center._tracked_center.next']))
    const center = float32([3], add(moved))
    center.data.forEach((value, index) => expect(value).toBeCloseTo(numbers(whole['center._tracked_center.next'])[index], 6))
    const still = { ...given, 'center._tracked_center': center, 'center.alpha': float32([], [0]) }
    const parts = await Promise.all(cuts.map(async (cut) => run(compiled.graph, { cube: piece(cut), ...still })))
    for (const name of Object.keys(whole)) {
      if (name.endsWith('.next')) continue
      const sums = add(parts.map((part) => part[name]))
      numbers(whole[name]).forEach((value, index) => expect(Math.abs(sums[index] - value), name).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value))))
    }
  })

  it('leaves out parameters that the loss does not see', () => {
    const two = pipelineFrom(DEEP_SVDD.replace('  loss:', '  other: {type: DeepSVDDProjection, config: {rep_dim: 2, hidden: 2}}\n  loss:').replace('connections:', 'connections:\n  - [unit.normalized, other.data]'))
    const names = trainedNames(two, { unfreeze: [], parameters: 'all', losses: ['loss'] })
    expect(names).toContain('other.net.fc1.weight')
    const compiled = compileTraining(two, someState(two), { trained: names })
    expect(compiled.parameters.map(({ name }) => name)).toEqual(trained)
    expect(compiled.graph.inputs.map(({ name }) => name)).not.toContain('other.net.fc1.weight')
  })

  it('sums several losses', async () => {
    const two = pipelineFrom(DEEP_SVDD.replace('  scores:', '  second: {type: DeepSVDDSoftBoundaryLoss, config: {nu: 0.5, weight: 2}}\n  scores:').replace('connections:', 'connections:\n  - [projection.embeddings, second.embeddings]\n  - [center.center, second.center]').replace('losses: [loss]', 'losses: [loss, second]'))
    const compiled = compileTraining(two, someState(two), { trained: [] })
    compiled.graph.output('sum', compiled.loss)
    for (const { name, value } of compiled.losses) compiled.graph.output(name, value)
    const results = await run(compiled.graph, { cube: someCube([1, 2, 3, 8]), ...only(someState(two), ['center._tracked_center']) })
    const [sum, first, second] = ['sum', 'loss', 'second'].map((name) => Number(results[name].data[0]))
    expect(first).not.toBeCloseTo(second, 3)
    expect(sum).toBeCloseTo(first + second, 5)
    expect(compileTraining(two, someState(two), { trained: [], losses: ['second'] }).losses.map(({ name }) => name)).toEqual(['second'])
  })

  it('needs a loss', async () => {
    const bare = pipelineFrom('nodes: {cube: Cube, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]')
    expect((await refusal(() => compileTraining(bare, someState(bare), { trained: [] }))).message).toMatch(/^The pipeline has no loss node to train with/)
  })
})

describe('the evaluation graph', () => {
  it('holds the centre still unless it is told otherwise', () => {
    const still = compileEvaluation(pipeline, state, { trained })
    expect(still).toMatchObject({ updates: [], settings: [], userInputs: ['cube'] })
    const moving = pipelineFrom(DEEP_SVDD.replace('center: {type: DeepSVDDCenterTracker}', 'center: {type: DeepSVDDCenterTracker, config: {update_in_eval: true}}'))
    expect(compileEvaluation(moving, someState(moving), { trained }).updates.map((update) => update.state)).toEqual(['center._tracked_center'])
  })

  it('gives the ports that the metrics look at', async () => {
    const compiled = compileEvaluation(pipeline, state, { trained })
    const [center, metrics] = measuredNodes(pipeline)
    expect(center.ports).toEqual([{ port: 'center', from: { node: 'center', port: 'center' } }])
    expect(metrics.ports).toEqual([
      { port: 'decisions', from: { node: 'decider', port: 'decisions' } }, { port: 'targets', from: { node: 'cube', port: 'mask' } }, { port: 'logits', from: { node: 'scores', port: 'scores' } },
    ])
    for (const name of ['decider.decisions', 'scores.scores']) {
      const value = compiled.port(name)
      if (value) compiled.graph.output(name, value)
    }
    const results = await run(compiled.graph, { cube: someCube([1, 2, 5, 8]), ...only(state, trained) })
    expect(results['decider.decisions'].type).toBe('bool')
    expect(results['scores.scores'].shape).toEqual([1, 2, 5, 1])
  })
})
