import type { ParameterValue } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import type { DeciderReport, DeciderRequest } from '../../shared/reports'
import type { Cube } from '../cube'
import { openCube, parseReference } from '../cube'
import { detectionOf } from '../inference/detection'
import { readTargets } from '../inference/masks'
import { deciderOf, fixedThresholdOf, judgementOf } from '../inference/threshold'
import { openTrainedPipeline } from '../inference/trained-pipeline'
import { answerOver } from '../inference/walks'
import { endReplacing, replaceFiles } from '../training/folder'
import { withDecider } from './tuned'

/** Scores that are read at a time. */
const BLOCK_PIXELS = 2 ** 20

/**
 * Gives the decider of a trained pipeline other parameters, in its own folder, and says what it then makes of the scores
 * that were written before: [H, W], the largest of every pixel. The folder holds the old or the new pipeline, never half
 * of one.
 *
 * Throws CuvetteError: 'bad-argument' for parameters that the decider cannot have, 'unsupported' for a rule on scores of
 * several channels, of which only the largest are known.
 */
export async function setDecider({ pipelineFolder, parameters, scores, mask }: DeciderRequest, signal: AbortSignal): Promise<DeciderReport> {
  await endReplacing(pipelineFolder)
  const { trained, rewritten } = withDecider(await openTrainedPipeline(pipelineFolder), parameters)
  const decider = deciderOf(trained.pipeline)!
  const fixed: ParameterValue = decider.parameters[fixedThresholdOf(decider)]
  if (typeof fixed !== 'number' && decider.channels[decider.type.description.inputs[0].name] > 1) {
    throw new CuvetteError('unsupported', `The decider ${decider.name} judges several scores a pixel, of which only the largest is kept; give it a threshold, or change its rule in the document and fit again.`, { where: `nodes.${decider.name}` })
  }
  const raster = await openCube(scores, { mask: false, signal })
  try {
    const { threshold } = await answerOver(judgementOf(decider, 1), () => scoreBlocks(raster, signal))
    const targets = await readTargets(trained.pipeline, raster, mask === null ? null : parseReference(mask), signal)
    const metrics = targets && (await answerOver(detectionOf(threshold), () => judgedBlocks(raster, targets, signal)))
    await replaceFiles(pipelineFolder, rewritten)
    return { threshold: Number.isFinite(threshold) ? threshold : null, metrics }
  } finally {
    await raster.close()
  }
}

async function* scoreBlocks(raster: Cube, signal: AbortSignal): AsyncGenerator<Float32Array> {
  const [lines, samples] = raster.description.shape
  const step = Math.max(1, Math.floor(BLOCK_PIXELS / samples))
  for (let line = 0; line < lines; line += step) yield await raster.readBand(0, { line, sample: 0, lines: Math.min(step, lines - line), samples }, 1, signal)
}

async function* judgedBlocks(raster: Cube, targets: Uint8Array, signal: AbortSignal): AsyncGenerator<{ scores: Float32Array; targets: Uint8Array }> {
  let first = 0
  for await (const scores of scoreBlocks(raster, signal)) {
    yield { scores, targets: targets.subarray(first, first + scores.length) }
    first += scores.length
  }
}
