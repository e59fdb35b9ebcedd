import type { ParameterDescription } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { float32 } from '../onnx/tensor'
import { BandSeparation, combinedScores, leastRedundant } from './band-separation'
import { candidatesOf, checkWindows, windowsParameter } from './band-windows'
import { channelCount, describe, image, integer, number, numbers } from './describe'
import { COLORS, bandInfo, colorPorts, cubePorts, requireWavelengths, singleBands, writeSelection } from './false-color'
import type { NodeType, Parameters } from './node'
import { randomSource } from './random'
import { render, renderingParameters } from './rendering'

interface Supervised {
  type: string
  summary: string
  where: string
  parameters: ParameterDescription[]
  check?(parameters: Parameters): void
  /** From which bands each colour is chosen. Throws CuvetteError('bad-pipeline') where the wavelengths do not allow it. */
  candidates(parameters: Parameters, bands: number, wavelengthsNm: readonly number[] | null, chosen: readonly number[]): number[]
  usesWavelengths: boolean
}

/** A selector that learns from the mask which bands show the difference. */
function supervised({ type, summary, where, parameters, check, candidates, usesWavelengths }: Supervised): NodeType {
  return {
    description: describe({
      type,
      family: 'false-color',
      role: 'transform',
      summary,
      formula: `score of a band = weighted sum of Fisher ratio (mu1 - mu0)^2 / (var0 + var1), area under the ROC curve and mutual information with the mask in bits (10 intervals), each at mean 0 and deviation 1 over the bands; chosen ${where}, one after the other, with the largest score less lambda_penalty times the largest |correlation| with the bands already chosen`,
      source: `Peng, Long and Ding, Feature Selection Based on Mutual Information (IEEE Transactions on Pattern Analysis and Machine Intelligence 27, 2005); cuvis.ai ${type}.`,
      inputs: [...cubePorts, image('mask', 1, 'Accepted for compatibility; what is anomalous is learned from the mask of each cube of the fit.', { dtype: 'bool', optional: true, aliases: ['targets'] })],
      outputs: colorPorts(COLORS),
      parameters: [
        channelCount('num_spectral_bands', 'Number of bands.'),
        ...parameters,
        numbers('score_weights', [1, 1, 1], 'Weights of Fisher ratio, area under the curve and mutual information.'),
        number('lambda_penalty', 0.5, 'Weight of the likeness to bands already chosen.', { minimum: 0 }),
        integer('sample_n', 20_000, 'Pixels of each class that curves and mutual information are computed from, drawn at random; ratios and correlations are computed from all.', { minimum: 1, unit: 'pixels' }),
        ...renderingParameters(['running', 'per_frame']),
      ],
      needsStatistics: true,
    }),
    locality: 'image',
    autoChannels: { num_spectral_bands: 'cube' },
    check(values) {
      const weights = values.score_weights as number[]
      if (weights.length !== 3) throw new CuvetteError('bad-pipeline', `The list score_weights has ${weights.length} numbers; 3 are expected.`, { where: 'score_weights' })
      check?.(values)
    },
    channels(_values, inputs, { wavelengthsNm }) {
      if (usesWavelengths && wavelengthsNm !== undefined) requireWavelengths(inputs.cube, wavelengthsNm)
      if (!usesWavelengths && inputs.cube >= 0 && inputs.cube < 3) throw new CuvetteError('bad-pipeline', `This selector chooses three bands, but gets ${inputs.cube}.`)
      return { rgb_image: 3, selection_weights: inputs.cube, band_wavelengths_nm: 3 }
    },
    state({ num_spectral_bands: bands }) {
      const scores = ['band_scores', 'fisher_scores', 'auc_scores', 'mi_scores'].map((name) => ({ name, shape: [bands as number], kind: 'constant' as const }))
      return [{ name: 'selected_indices', shape: [3], kind: 'constant' as const }, ...scores]
    },
    fit: {
      port: 'cube',
      wantsTargets: true,
      start(values, { node, seed, wavelengthsNm }) {
        const separation = new BandSeparation(node, values.sample_n as number, randomSource(seed, node))
        return {
          async add(pixels, count, channels, targets) {
            if (!targets) throw new CuvetteError('bad-data', `The node ${node} learns from the mask, but a cube came without one; name one with --mask.`, { where: node })
            await separation.add(pixels, count, channels, targets)
          },
          async finish() {
            const found = separation.finish()
            const bands = found.fisher.length
            const scores = combinedScores(found, values.score_weights as number[])
            const chosen = leastRedundant(scores, found.correlation, values.lambda_penalty as number, (before) => candidates(values, bands, wavelengthsNm, before))
            const vector = (numbers: ArrayLike<number>) => float32([bands], numbers)
            return {
              selected_indices: float32([3], chosen),
              band_scores: vector(scores),
              fisher_scores: vector(found.fisher),
              auc_scores: vector(found.auc),
              mi_scores: vector(found.mutualInformation),
            }
          },
        }
      },
    },
    measurement: bandInfo(COLORS),
    write(context) {
      const bands = Array.from(context.tensors.selected_indices.data as Float32Array)
      const { mixed, ports } = writeSelection(context, singleBands(bands, context.parameters.num_spectral_bands as number))
      return { rgb_image: render(context, mixed), ...ports }
    },
  }
}

const inWindow: Supervised['candidates'] = ({ windows }, bands, wavelengthsNm, chosen) => candidatesOf(windows, requireWavelengths(bands, wavelengthsNm))[chosen.length]

export const supervisedCIRSelector = supervised({
  type: 'SupervisedCIRSelector',
  summary: 'Picks, in the near infrared, red and green, the bands that tell anomalous pixels best from the others.',
  where: 'one in each window',
  parameters: [windowsParameter([840, 910, 650, 720, 500, 570], 'near infrared (shown as red), red (as green) and green (as blue)')],
  check: ({ windows }) => checkWindows(windows),
  candidates: inWindow,
  usesWavelengths: true,
})

export const supervisedWindowedSelector = supervised({
  type: 'SupervisedWindowedSelector',
  summary: 'Picks, in the ranges of red, green and blue, the bands that tell anomalous pixels best from the others.',
  where: 'one in each window',
  parameters: [windowsParameter([610, 700, 500, 580, 440, 500], 'red, green and blue')],
  check: ({ windows }) => checkWindows(windows),
  candidates: inWindow,
  usesWavelengths: true,
})

export const supervisedFullSpectrumSelector = supervised({
  type: 'SupervisedFullSpectrumSelector',
  summary: 'Picks, from all bands, the three that tell anomalous pixels best from the others.',
  where: 'from all bands that are left',
  parameters: [],
  candidates: (_parameters, bands, _wavelengthsNm, chosen) => Array.from({ length: bands }, (_, band) => band).filter((band) => !chosen.includes(band)),
  usesWavelengths: false,
})
