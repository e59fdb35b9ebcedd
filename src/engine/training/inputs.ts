import type { CubeDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import type { FitRequest, RunRecord } from '../../shared/reports'
import type { Cube, FileStamp } from '../cube'
import { openCube, requireUnchanged, stampsOf } from '../cube'
import { recordOfCube, recordOfMask } from '../inference/data-files'
import { compareBands, factsOf } from '../inference/fits'
import { masksOf, readTargets } from '../inference/masks'
import { requireOneThreshold } from '../inference/threshold'
import { resolvePipeline } from '../pipeline/check'
import { requireGradients } from '../pipeline/gradients'
import { withNodeFiles } from '../pipeline/node-files'
import { parsePipeline } from '../pipeline/document'
import { ancestors } from '../pipeline/locality'
import type { Pipeline } from '../pipeline/pipeline'
import { nodesToFit } from '../pipeline/state'
import type { TrainerOverrides } from '../pipeline/trainer'
import type { Frame } from './frame'
import { splitsOf, withClassesOfData } from './data-section'
import type { ReadTarget } from './targets'
import { readSpectralTargets } from './targets'

/** Everything that a fit reads, opened and checked. */
export interface FitInputs {
  pipeline: Pipeline
  /** Training cubes with their masks. */
  frames: Frame[]
  /** Spectra that detectors look for, by node. */
  targets: ReadonlyMap<string, readonly ReadTarget[]>
  /** Validation cubes; the training cubes when none was named. */
  validation: Frame[]
  /** Whether the validation cubes are the training cubes. */
  sharesFrames: boolean
  /** Cubes that are scored after the training. */
  test: Frame[]
  /** Of the first training cube. */
  description: CubeDescription
  data: RunRecord['data']
  validationData: RunRecord['data']
  testData: RunRecord['data']
  masks: RunRecord['masks']
  validationMasks: RunRecord['masks']
  testMasks: RunRecord['masks']
  /** Sentences. */
  warnings: string[]
  /** Throws CuvetteError('bad-data') when the files of a cube are not those any more that were opened. */
  requireUnchanged(): Promise<void>
  close(): Promise<void>
}

/** Opens and checks the pipeline, all cubes and all masks of a request. Nothing is written. Throws CuvetteError. */
export async function openInputs(request: FitRequest, overrides: TrainerOverrides, signal: AbortSignal): Promise<FitInputs> {
  const document = await withNodeFiles(withClassesOfData(parsePipeline(request.pipeline.text, request.pipeline.path)), request.modelFolders ?? null)
  const splits = await splitsOf(request, document, signal)
  const opened: Cube[] = []
  const stamps: FileStamp[] = []
  const open = async (references: readonly string[]): Promise<Cube[]> => {
    const cubes: Cube[] = []
    for (const reference of references) {
      cubes.push(await openCube(reference, { signal }))
      opened.push(cubes[cubes.length - 1])
      stamps.push(...await stampsOf(reference))
    }
    return cubes
  }
  const close = async (): Promise<void> => {
    for (const cube of opened) await cube.close()
  }
  try {
    const cubes = await open(splits.train.cubes)
    const validationCubes = await open(splits.validation.cubes)
    const testCubes = await open(splits.test.cubes)
    const facts = factsOf(cubes[0])
    const differences = [...cubes, ...validationCubes, ...testCubes].map((cube) => compareBands(cube, facts, cubes[0].description.path))
    const pipeline = resolvePipeline(document, facts, overrides)
    requireGradients(pipeline)
    for (const node of pipeline.nodes) if (node.type.description.role === 'decider') requireOneThreshold(node, node.channels[node.type.description.inputs[0].name])
    const masks = await masksOf(cubes, splits.train.masks, signal)
    const validationMasks = await masksOf(validationCubes, splits.validation.masks, signal)
    const testMasks = await masksOf(testCubes, splits.test.masks, signal)

    const targets = await readSpectralTargets(pipeline, cubes.map((cube, index) => ({ cube, mask: masks[index] })), request.modelFolders ?? null, signal)
    const frames = await framesOf(pipeline, cubes, masks, signal)
    const sharesFrames = validationCubes.length === 0
    const description = cubes[0].description
    const inputs: FitInputs = {
      pipeline,
      frames,
      targets,
      validation: sharesFrames ? frames : await framesOf(pipeline, validationCubes, validationMasks, signal),
      sharesFrames,
      test: await framesOf(pipeline, testCubes, testMasks, signal),
      description,
      data: await Promise.all(cubes.map((cube) => recordOfCube(cube.description, signal))),
      validationData: await Promise.all(validationCubes.map((cube) => recordOfCube(cube.description, signal))),
      testData: await Promise.all(testCubes.map((cube) => recordOfCube(cube.description, signal))),
      masks: await recordsOfMasks(masks, signal),
      validationMasks: await recordsOfMasks(validationMasks, signal),
      testMasks: await recordsOfMasks(testMasks, signal),
      warnings: [...pipeline.warnings, ...opened.flatMap((cube) => cube.description.warnings), ...differences.filter((sentence) => sentence !== null)],
      requireUnchanged: () => requireUnchanged(stamps, 'the fit'),
      close,
    }
    requireMasks(inputs)
    requireMonitors(inputs)
    return inputs
  } catch (error) {
    await close()
    throw error
  }
}

async function recordsOfMasks(masks: Awaited<ReturnType<typeof masksOf>>, signal: AbortSignal): Promise<RunRecord['masks']> {
  return await Promise.all(masks.filter((mask) => mask !== null).map((mask) => recordOfMask(mask, signal)))
}

async function framesOf(pipeline: Pipeline, cubes: readonly Cube[], masks: Awaited<ReturnType<typeof masksOf>>, signal: AbortSignal): Promise<Frame[]> {
  const frames: Frame[] = []
  for (const [index, cube] of cubes.entries()) frames.push({ cube, targets: await readTargets(pipeline, cube, masks[index], signal) })
  return frames
}

/** Losses and statistics that compare with a mask need one for every cube that they see. */
function requireMasks({ pipeline, frames, validation }: FitInputs): void {
  const { trainer, document, nodes } = pipeline
  const bare = (among: readonly Frame[]): string | undefined => among.find(({ targets }) => targets === null)?.cube.description.path
  for (const { node } of nodesToFit(pipeline)) {
    const path = node.type.fit?.wantsTargets ? bare(frames) : undefined
    if (path !== undefined) throw new CuvetteError('bad-data', `The node ${node.name} (${node.type.description.type}) learns from the mask, but ${path} has none; name one with --mask.`, { path, where: `nodes.${node.name}` })
  }
  if (!trainer || trainer.epochs === 0) return
  const sources = new Set(nodes.filter(({ type }) => type.description.role === 'source').map(({ name }) => name))
  const comparing = trainer.losses.find((name) => ancestors(pipeline, [name]).some(({ inputs }) => Object.values(inputs).some(({ node, port }) => sources.has(node) && port === 'mask')))
  if (comparing === undefined) return
  const training = bare(frames)
  const path = training ?? bare(validation)
  if (path === undefined) return
  throw new CuvetteError('bad-data', `The loss ${comparing} compares with a mask, but ${path} has none; name one with ${training === undefined ? '--val-mask' : '--mask'}.`, { path, where: document.path })
}

/** A schedule or a stop that watches the quality of decisions needs a mask, and that shows before hours of training. */
function requireMonitors({ pipeline: { trainer, nodes, document }, validation }: FitInputs): void {
  const monitors = [
    { key: 'trainer.scheduler.monitor', monitor: trainer?.scheduler.name === 'reduce_on_plateau' ? trainer.scheduler.monitor : null },
    { key: 'trainer.early_stopping.monitor', monitor: trainer?.earlyStopping?.monitor ?? null },
    { key: 'trainer.checkpoints.monitor', monitor: trainer?.checkpoints?.monitor ?? null },
  ]
  for (const { key, monitor } of monitors) {
    const node = nodes.find(({ name, type }) => monitor?.startsWith(`${name}/`) && type.description.role === 'metric')
    const judged = monitor === 'auc' || Object.values(node?.inputs ?? {}).some((from) => nodes.some(({ name, type }) => name === from.node && type.description.role === 'source'))
    const lacking = judged && validation.find(({ targets }) => targets === null)
    if (lacking) {
      throw new CuvetteError('bad-data', `The trainer watches ${monitor}, but ${lacking.cube.description.path} has no mask to compare with; name one, or watch val_loss.`, { path: document.path, where: key })
    }
  }
}
