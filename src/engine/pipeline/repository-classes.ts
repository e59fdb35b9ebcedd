// Where the classes of the reference implementation (cuvis-ai 0.5.0) stand, by module.
const modules: Readonly<Record<string, readonly string[]>> = {
  'cuvis_ai.anomaly.deep_svdd': ['DeepSVDDProjection', 'ZScoreNormalizerGlobal', 'DeepSVDDScores', 'DeepSVDDCenterTracker'],
  'cuvis_ai.anomaly.lad_detector': ['LADGlobal'],
  'cuvis_ai.anomaly.rx_detector': ['RXGlobal', 'RXPerBatch'],
  'cuvis_ai.deciders.binary_decider': ['BinaryDecider', 'QuantileBinaryDecider'],
  'cuvis_ai.deciders.two_stage_decider': ['TwoStageBinaryDecider'],
  'cuvis_ai.node.channel_mixer': ['LearnableChannelMixer', 'ConcreteChannelMixer'],
  'cuvis_ai.node.channel_selector': [
    'NDVISelector', 'FixedWavelengthSelector', 'RangeAverageFalseRGBSelector', 'FastRGBSelector', 'HighContrastSelector', 'CIRSelector', 'CIETristimulusFalseRGBSelector',
    'CameraEmulationFalseRGBSelector', 'SupervisedCIRSelector', 'SupervisedWindowedSelector', 'SupervisedFullSpectrumSelector', 'SoftChannelSelector', 'TopKIndices',
  ],
  'cuvis_ai.node.colormap': ['ScalarHSVColormapNode'],
  'cuvis_ai.node.conversion': ['ScoreToLogit', 'DecisionToMask'],
  'cuvis_ai.node.data': ['CU3SDataNode', 'LentilsAnomalyDataNode'],
  'cuvis_ai.node.dimensionality_reduction': ['PCA', 'TrainablePCA'],
  'cuvis_ai.node.labels': ['BinaryAnomalyLabelMapper'],
  'cuvis_ai.node.losses': [
    'OrthogonalityLoss', 'AnomalyBCEWithLogits', 'MSEReconstructionLoss', 'DistinctnessLoss', 'SelectorEntropyRegularizer', 'SelectorDiversityRegularizer', 'DeepSVDDSoftBoundaryLoss', 'IoULoss',
    'ForegroundContrastLoss',
  ],
  'cuvis_ai.node.metrics': [
    'ExplainedVarianceMetric', 'AnomalyDetectionMetrics', 'ScoreStatisticsMetric', 'ComponentOrthogonalityMetric', 'SelectorEntropyMetric', 'SelectorDiversityMetric', 'AnomalyPixelStatisticsMetric',
  ],
  'cuvis_ai.node.normalization': ['IdentityNormalizer', 'MinMaxNormalizer', 'SigmoidNormalizer', 'ZScoreNormalizer', 'SigmoidTransform', 'PerPixelUnitNorm'],
  'cuvis_ai.node.preprocessors': ['BandpassByWavelength', 'SpatialRotateNode', 'BBoxRoiCropNode', 'ChannelNormalizeNode'],
  'cuvis_ai.node.spectral_angle_mapper': ['SpectralAngleMapper'],
  'cuvis_ai.node.spectral_extractor': ['BBoxSpectralExtractor', 'SpectralSignatureExtractor'],
}

/** Types that have another name there. */
const renamed: Readonly<Record<string, string>> = { Cube: 'LentilsAnomalyDataNode', ConcreteBandSelector: 'ConcreteChannelMixer' }

const paths = new Map(Object.entries(modules).flatMap(([module, classes]) => classes.map((name) => [name, `${module}.${name}`] as const)))

/** The full class path of a node type, as the reference imports it; undefined for types that only we have. */
export function repositoryClass(type: string): string | undefined {
  return paths.get(renamed[type] ?? type)
}

/** Values that the reference stores beside a node's parameters without ever using them (hparams with defaults of base classes). */
const unused: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  QuantileBinaryDecider: { threshold: 0.5 },
  TwoStageBinaryDecider: { threshold: 0.5 },
  DeepSVDDScores: { name: null, execution_stages: null },
  AnomalyDetectionMetrics: { execution_stages: null },
}

export function unusedHparams(type: string): Readonly<Record<string, unknown>> {
  return unused[type] ?? {}
}
