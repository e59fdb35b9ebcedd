import type { Written } from './documents'
import { oneNode, refuseIfBad } from './documents'
import { runCase } from './node-graph'
import type { NodeCase } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

// Which node type the name of a case means. The node of a case runs in stage train, as in the reference.
const types: readonly [prefix: string, type: string][] = [
  ['bce_', 'AnomalyBCEWithLogits'],
  ['iou_', 'IoULoss'],
  ['foreground_contrast_', 'ForegroundContrastLoss'],
  ['distinctness_', 'DistinctnessLoss'],
  ['orthogonality_', 'OrthogonalityLoss'],
  ['mse_', 'MSEReconstructionLoss'],
  ['selector_entropy_', 'SelectorEntropyRegularizer'],
  ['selector_diversity_', 'SelectorDiversityRegularizer'],
]

goldenSuite('losses', async (one) => {
  if (one.name === 'errors') return errors(one)
  const name = types.find(([prefix]) => one.name.startsWith(prefix))?.[1]
  if (!name) throw new Error(`No node type is known for the case ${one.name}.`)
  expectCase(await runCase(name, one, { stage: 'train' }), one, { outputs: 1e-5, gradients: 1e-5 })
})

async function errors(one: NodeCase): Promise<void> {
  const facts = { channels: 1, wavelengthsNm: null }
  const masked = (type: string, config: Record<string, unknown>, port: string, mask: string): Written => {
    const { nodes, connections } = oneNode(type, config, port)
    return { nodes, connections: [...connections, ['cube.mask', `node.${mask}`]] }
  }
  await expectErrors('losses', one, {
    iou_method: () => refuseIfBad(masked('IoULoss', { normalize_method: 'x' }, 'predictions', 'targets'), facts),
    color_space: () => refuseIfBad(masked('ForegroundContrastLoss', { color_space: 'hsv' }, 'rgb', 'mask'), { ...facts, channels: 3 }),
    mse_shape: () => refuseIfBad({
      nodes: { cube: { type: 'Cube' }, mixer: { type: 'LearnableChannelMixer', config: { output_channels: 2 } }, rx: { type: 'RXGlobal' }, node: { type: 'MSEReconstructionLoss' } },
      connections: [['cube.cube', 'mixer.data'], ['cube.cube', 'rx.data'], ['mixer.rgb', 'node.reconstruction'], ['cube.cube', 'node.target']],
    }, { ...facts, channels: 3 }),
    bce_no_targets: () => refuseIfBad(oneNode('AnomalyBCEWithLogits', {}, 'predictions'), facts),
  })
}
