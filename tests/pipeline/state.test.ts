import { describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import { initialState, nodesToFit, requireState, stateTensors, trainedNames } from '../../src/engine/pipeline/state'
import { DEEP_SVDD, pipelineFrom, refusal, someState } from './documents'

const pipeline = pipelineFrom(DEEP_SVDD)

describe('the state of a pipeline', () => {
  it('lists every tensor by node and name', () => {
    expect(stateTensors(pipeline).map(({ key, shape, kind }) => [key, shape, kind])).toEqual([
      ['encoder.zscore_mean', [5], 'statistic'], ['encoder.zscore_std', [5], 'statistic'],
      ['projection.net.fc1.weight', [6, 5], 'parameter'], ['projection.net.fc1.bias', [6], 'parameter'], ['projection.net.fc2.weight', [3, 6], 'parameter'],
      ['center._tracked_center', [3], 'statistic'], ['loss.r_unconstrained', [], 'parameter'],
    ])
  })

  it('begins with parameters drawn from the seed, without statistics', () => {
    const [first, again, other] = [initialState(pipeline, 1), initialState(pipeline, 1), initialState(pipeline, 2)]
    expect([...first.keys()]).toEqual(['projection.net.fc1.weight', 'projection.net.fc1.bias', 'projection.net.fc2.weight', 'loss.r_unconstrained'])
    expect(again).toEqual(first)
    expect(other.get('projection.net.fc1.weight')).not.toEqual(first.get('projection.net.fc1.weight'))
  })

  it('draws for each node alone', () => {
    const more = pipelineFrom(DEEP_SVDD.replace('  projection:', '  another: {type: DeepSVDDProjection}\n  projection:').replace('connections:', 'connections:\n  - [unit.normalized, another.data]'))
    expect(initialState(more, 1).get('projection.net.fc1.weight')).toEqual(initialState(pipeline, 1).get('projection.net.fc1.weight'))
  })

  it('is fitted in the order of running', () => {
    expect(nodesToFit(pipeline).map(({ node, observes }) => [node.name, observes])).toEqual([['encoder', 'unit.normalized'], ['center', 'projection.embeddings']])
  })

  it('trains what the trainer says', () => {
    const projection = ['projection.net.fc1.weight', 'projection.net.fc1.bias', 'projection.net.fc2.weight']
    const names = (unfreeze: string[], parameters: 'unfrozen' | 'all' = 'unfrozen', losses = ['loss'], freeze: string[] = []) => trainedNames(pipeline, { unfreeze, parameters, losses, freeze })
    expect(names([], 'all', ['loss'], ['projection', 'loss'])).toEqual([])
    expect(names(['encoder'], 'all', ['loss'], ['loss']).some((name) => name.startsWith('projection.'))).toBe(true)
    expect(names([])).toEqual(['loss.r_unconstrained'])
    expect(names(['projection'])).toEqual([...projection, 'loss.r_unconstrained'])
    expect(names(['encoder'])).toEqual(['encoder.zscore_mean', 'encoder.zscore_std', 'loss.r_unconstrained'])
    expect(names([], 'all')).toEqual([...projection, 'loss.r_unconstrained'])
    expect(names([], 'unfrozen', [])).toEqual([])
  })

  it('never trains what was drawn once', () => {
    const rbf = pipelineFrom(DEEP_SVDD.replace('{hidden: 6, rep_dim: 3}', '{hidden: 6, rep_dim: 3, kernel: rbf, n_rff: 4}'))
    const names = trainedNames(rbf, { unfreeze: ['projection'], parameters: 'all', losses: [] })
    expect(names).toContain('projection.net.1.fc1.weight')
    expect(names.filter((name) => name.includes('net.0'))).toEqual([])
  })

  it('of RX trains what its form has', () => {
    const rx = (config: string) => trainedNames(pipelineFrom(`nodes: {cube: Cube, rx: {type: RXGlobal, config: ${config}}}\nconnections: [[cube.cube, rx.data]]`), { unfreeze: ['rx'], parameters: 'unfrozen', losses: [] })
    expect(rx('{}')).toEqual(['rx.mu', 'rx.whitening'])
    expect(rx('{form: inverse}')).toEqual(['rx.mu', 'rx.cov_inv'])
    expect(rx('{form: inverse, cache_inverse: false}')).toEqual(['rx.mu', 'rx.cov'])
  })

  it.each([
    ['a missing tensor', (state: ReturnType<typeof someState>) => state.delete('encoder.zscore_std'), /^The state has no tensor encoder\.zscore_std; the pipeline expects \[5\]\. Fit the pipeline again\.$/],
    ['another shape', (state: ReturnType<typeof someState>) => state.set('encoder.zscore_std', float32([4], new Float32Array(4))), /^The tensor encoder\.zscore_std is float32 \[4\]; the pipeline expects float32 \[5\]/],
    ['a tensor too many', (state: ReturnType<typeof someState>) => state.set('decoder.x', float32([1], [0])), /^The state holds the tensor decoder\.x, which the pipeline does not have/],
  ])('is refused with %s', async (_what, damage, message) => {
    const state = someState(pipeline)
    requireState(pipeline, state, 'state.safetensors')
    damage(state)
    const error = await refusal(() => requireState(pipeline, state, 'state.safetensors'))
    expect(error).toMatchObject({ code: 'bad-artifact', path: 'state.safetensors' })
    expect(error.message).toMatch(message)
  })
})
