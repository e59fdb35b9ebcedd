import { adaclipDetector } from './adaclip'
import type { CatalogueEntry } from '../../shared/nodes'
import { concreteBandSelector } from './band-selector'
import { binaryDecider } from './binary-decider'
import { learnableChannelMixer } from './channel-mixer'
import { cubeSource } from './cube-source'
import { decisionToMask } from './decision-to-mask'
import { deepSVDDCenterTracker, deepSVDDProjection, deepSVDDScores } from './deep-svdd'
import { cameraEmulationFalseRGBSelector, cieTristimulusFalseRGBSelector, cirSelector, fastRGBSelector, fixedWavelengthSelector, rangeAverageFalseRGBSelector } from './fixed-selectors'
import { foregroundContrastLoss } from './foreground-contrast'
import { highContrastSelector } from './high-contrast'
import { identityNormalizer, minMaxNormalizer, sigmoidNormalizer, sigmoidTransform, zScoreNormalizer } from './image-normalization'
import { binaryAnomalyLabelMapper } from './label-mapper'
import { ladGlobal } from './lad'
import { deepSVDDSoftBoundaryLoss } from './losses'
import { anomalyBCEWithLogits, iouLoss } from './mask-losses'
import { exampleOf } from './example'
import { anomalyDetectionMetrics } from './metrics'
import { ndviSelector } from './ndvi'
import type { NodeType } from './node'
import { onnxModel } from './onnx-model'
import { perPixelUnitNorm, zScoreNormalizerGlobal } from './normalization'
import { pca, trainablePCA } from './pca'
import { bandpassByWavelength } from './preprocessing'
import { quantileBinaryDecider } from './quantile-decider'
import { anomalyPixelStatisticsMetric, scoreStatisticsMetric } from './score-metrics'
import { matchedFilter } from './matched-filter'
import { mseReconstructionLoss } from './reconstruction-loss'
import { componentOrthogonalityMetric, explainedVarianceMetric, selectorDiversityMetric, selectorEntropyMetric } from './reducer-metrics'
import { rxGlobal } from './rx'
import { rxLocal } from './rx-local'
import { rxPerBatch } from './rx-per-batch'
import { scoreToLogit } from './score-to-logit'
import { distinctnessLoss, orthogonalityLoss, selectorDiversityRegularizer, selectorEntropyRegularizer } from './selector-losses'
import { softChannelSelector, topKIndices } from './soft-channel-selector'
import { spectralAngleMapper } from './spectral-angle'
import { twoStageBinaryDecider } from './two-stage-decider'
import { supervisedCIRSelector, supervisedFullSpectrumSelector, supervisedWindowedSelector } from './supervised-selectors'

const types: readonly NodeType[] = [
  cubeSource,
  binaryAnomalyLabelMapper,
  bandpassByWavelength,
  perPixelUnitNorm,
  zScoreNormalizerGlobal,
  trainablePCA,
  pca,
  learnableChannelMixer,
  concreteBandSelector,
  softChannelSelector,
  topKIndices,
  minMaxNormalizer,
  zScoreNormalizer,
  sigmoidNormalizer,
  sigmoidTransform,
  identityNormalizer,
  fixedWavelengthSelector,
  cirSelector,
  rangeAverageFalseRGBSelector,
  fastRGBSelector,
  cieTristimulusFalseRGBSelector,
  cameraEmulationFalseRGBSelector,
  highContrastSelector,
  ndviSelector,
  supervisedCIRSelector,
  supervisedWindowedSelector,
  supervisedFullSpectrumSelector,
  deepSVDDProjection,
  deepSVDDCenterTracker,
  deepSVDDScores,
  deepSVDDSoftBoundaryLoss,
  anomalyBCEWithLogits,
  iouLoss,
  foregroundContrastLoss,
  distinctnessLoss,
  orthogonalityLoss,
  mseReconstructionLoss,
  selectorEntropyRegularizer,
  selectorDiversityRegularizer,
  rxGlobal,
  rxPerBatch,
  rxLocal,
  ladGlobal,
  spectralAngleMapper,
  matchedFilter,
  onnxModel,
  adaclipDetector,
  scoreToLogit,
  binaryDecider,
  quantileBinaryDecider,
  twoStageBinaryDecider,
  decisionToMask,
  anomalyDetectionMetrics,
  explainedVarianceMetric,
  componentOrthogonalityMetric,
  selectorEntropyMetric,
  selectorDiversityMetric,
  scoreStatisticsMetric,
  anomalyPixelStatisticsMetric,
]

const byName = new Map(types.flatMap((type) => [type.description.type, ...type.description.aliases].map((name) => [name, type] as const)))

/** Every node type, for `cuvette nodes`, its pages and the palette. Plain JSON. */
export function catalogue(): CatalogueEntry[] {
  return types.map(({ description }) => ({ ...structuredClone(description), example: exampleOf(description) }))
}

/** The type of that name, an alias, or the last part of a dotted class path; undefined when there is none. */
export function nodeType(written: string): NodeType | undefined {
  return byName.get(written) ?? byName.get(written.slice(written.lastIndexOf('.') + 1))
}
