export const SIDE = 256
/** nm */
export const WAVELENGTHS = Array.from({ length: 61 }, (_, band) => 430 + 8 * band)

/** A node that is measured. bench/torch_nodes.py has the same under its name. */
export interface MeasuredNode {
  name: string
  type: string
  config: Record<string, unknown>
  output: string
  channels: number
}

function node(type: string, output: string, config: Record<string, unknown> = {}, more: { name?: string; channels?: number } = {}): MeasuredNode {
  return { name: type, type, config, output, channels: WAVELENGTHS.length, ...more }
}

export const NODES: readonly MeasuredNode[] = [
  node('BandpassByWavelength', 'filtered', { min_wavelength_nm: 450, max_wavelength_nm: 800 }),
  node('PerPixelUnitNorm', 'normalized'),
  node('ZScoreNormalizerGlobal', 'normalized'),
  node('MinMaxNormalizer', 'normalized'),
  node('ZScoreNormalizer', 'normalized'),
  node('SigmoidNormalizer', 'normalized'),
  node('SigmoidTransform', 'transformed'),
  node('TrainablePCA', 'projected', { n_components: 12 }),
  node('PCA', 'projected', { n_components: 3 }),
  node('LearnableChannelMixer', 'rgb', { output_channels: 3 }),
  node('LearnableChannelMixer', 'rgb', { output_channels: 3, reduction_scheme: [61, 16, 8, 3], normalize_output: false }, { name: 'LearnableChannelMixer, deep' }),
  node('ConcreteBandSelector', 'rgb', { output_channels: 3 }),
  node('SoftChannelSelector', 'selected', { n_select: 5 }),
  node('CIRSelector', 'rgb_image', {}),
  node('RangeAverageFalseRGBSelector', 'rgb_image', {}),
  node('NDVISelector', 'index_image', {}),
  node('DeepSVDDProjection', 'embeddings', {}),
  node('DeepSVDDProjection', 'embeddings', { kernel: 'rbf', n_rff: 512 }, { name: 'DeepSVDDProjection, rbf' }),
  node('RXGlobal', 'scores'),
  node('RXPerBatch', 'scores'),
  node('LADGlobal', 'scores'),
  node('ScoreToLogit', 'logits', {}, { channels: 1 }),
  node('QuantileBinaryDecider', 'decisions', { quantile: 0.995 }, { channels: 1 }),
  node('BinaryDecider', 'decisions', {}, { channels: 1 }),
]
