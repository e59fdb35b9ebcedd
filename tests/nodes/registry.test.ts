import { describe, expect, it } from 'vitest'
import { catalogue, nodeType } from '../../src/engine/nodes/registry'

describe('the catalogue', () => {
  it('has the nodes of this version', () => {
    expect(catalogue().map(({ type }) => type).sort()).toEqual([
      'AdaCLIPDetector',
      'AnomalyBCEWithLogits',
      'AnomalyDetectionMetrics',
      'AnomalyPixelStatisticsMetric',
      'BandpassByWavelength',
      'BinaryAnomalyLabelMapper',
      'BinaryDecider',
      'CIETristimulusFalseRGBSelector',
      'CIRSelector',
      'CameraEmulationFalseRGBSelector',
      'ComponentOrthogonalityMetric',
      'ConcreteBandSelector',
      'Cube',
      'DecisionToMask',
      'DeepSVDDCenterTracker',
      'DeepSVDDProjection',
      'DeepSVDDScores',
      'DeepSVDDSoftBoundaryLoss',
      'DistinctnessLoss',
      'ExplainedVarianceMetric',
      'FastRGBSelector',
      'FixedWavelengthSelector',
      'ForegroundContrastLoss',
      'HighContrastSelector',
      'IdentityNormalizer',
      'IoULoss',
      'LADGlobal',
      'LearnableChannelMixer',
      'MSEReconstructionLoss',
      'MatchedFilter',
      'MinMaxNormalizer',
      'NDVISelector',
      'OnnxModel',
      'OrthogonalityLoss',
      'PCA',
      'PerPixelUnitNorm',
      'QuantileBinaryDecider',
      'RXGlobal',
      'RXLocal',
      'RXPerBatch',
      'RangeAverageFalseRGBSelector',
      'ScoreStatisticsMetric',
      'ScoreToLogit',
      'SelectorDiversityMetric',
      'SelectorDiversityRegularizer',
      'SelectorEntropyMetric',
      'SelectorEntropyRegularizer',
      'SigmoidNormalizer',
      'SigmoidTransform',
      'SoftChannelSelector',
      'SpectralAngleMapper',
      'SupervisedCIRSelector',
      'SupervisedFullSpectrumSelector',
      'SupervisedWindowedSelector',
      'TopKIndices',
      'TrainablePCA',
      'TwoStageBinaryDecider',
      'ZScoreNormalizer',
      'ZScoreNormalizerGlobal',
    ])
  })

  it('is plain JSON that callers may change', () => {
    expect(JSON.parse(JSON.stringify(catalogue()))).toEqual(catalogue())
    catalogue()[0].type = 'Changed'
    expect(catalogue()[0].type).toBe('Cube')
  })

  it('finds types by name, alias and dotted class path', () => {
    expect(nodeType('RXGlobal')?.description.type).toBe('RXGlobal')
    expect(nodeType('CU3SDataNode')?.description.type).toBe('Cube')
    expect(nodeType('cuvis_ai.anomaly.deep_svdd.DeepSVDDEncoder')?.description.type).toBe('ZScoreNormalizerGlobal')
    expect(nodeType('toString')).toBeUndefined()
    expect(nodeType('')).toBeUndefined()
  })

  it.each(catalogue().map((description) => [description.type, description] as const))('%s is described wholly and without contradiction', (name, description) => {
    const type = nodeType(name)
    expect(description.summary).toMatch(/^[A-Z].*\.$/)
    for (const { description: text } of [...description.inputs, ...description.outputs, ...description.parameters]) expect(text).toMatch(/^\S.*\.$/)
    expect(description.needsStatistics).toBe(type?.fit !== undefined)
    const ports = [...description.inputs, ...description.outputs].map((port) => port.name)
    const handedOn = description.inputs.filter(({ name: port }) => description.outputs.some((output) => output.name === port))
    expect(new Set(ports).size).toBe(ports.length - handedOn.length)
    // Sizes are kept by the names of ports, so an output with the name of an input must be that input.
    for (const { name: port, dtype, shape } of handedOn) expect(description.outputs.find((output) => output.name === port)).toMatchObject({ dtype, shape })
    for (const side of [description.inputs, description.outputs]) {
      const names = side.flatMap((port) => [port.name, ...port.aliases])
      expect(new Set(names).size, 'an alias means one port').toBe(names.length)
    }
    for (const [parameter, port] of Object.entries(type?.autoChannels ?? {})) {
      expect(description.parameters.find((one) => one.name === parameter)?.default).toBe('auto')
      expect(description.inputs.map((one) => one.name)).toContain(port)
    }
    for (const [alias, parameters] of Object.entries(type?.aliasParameters ?? {})) {
      expect(description.aliases).toContain(alias)
      for (const parameter of Object.keys(parameters)) expect(description.parameters.map((one) => one.name)).toContain(parameter)
    }
    for (const parameter of Object.keys(type?.repositoryParameters ?? {})) expect(description.parameters.map((one) => one.name)).toContain(parameter)
    for (const port of type?.measurement?.ports ?? []) expect(ports).toContain(port)
    if (type?.fit) expect(description.inputs.map((one) => one.name)).toContain(type.fit.port)
    // A label mapper is settled before anything runs.
    const hasWrite = description.role !== 'source' && description.role !== 'metric' && name !== 'BinaryAnomalyLabelMapper'
    expect(type?.write !== undefined).toBe(hasWrite)
  })
})
