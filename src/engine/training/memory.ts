import { FIT_MEMORY_MB } from '../../shared/memory'
import { CuvetteError } from '../../shared/problem'
import { imageBytes, megabytes } from '../inference/whole-image'
import { looksAtImages, wantingImages } from '../pipeline/locality'
import { nodesToFit } from '../pipeline/state'
import type { FitInputs } from './inputs'

// How the memory budget of a fit is shared out. On top come what a session needs for the pixels that go through it, one
// byte a pixel for each mask, and what sorting scores against a mask takes.

/** Bytes. The first four together are at most the budget. */
export interface FitMemory {
  /** Training pixels that are kept. */
  training: number
  /** Pixels of validation cubes of their own that are kept. */
  validation: number
  /** Read from a cube at once. */
  read: number
  /** Of a batch, gathered for its second pass. */
  gathered: number
  /** Images that go through whole, instead of pixels that are kept. */
  image: number
  /** Scores of cubes, after the training; more lie in a temporary file. */
  scores: number
}

/** A fast disk gains nothing from more at once. */
const MOST_READ = 32 * 2 ** 20
/** Gathering scattered pixels takes about as long as computing on them; a batch above this is rare. */
const MOST_GATHERED = 64 * 2 ** 20
/** Where no budget was stated, a whole image may be larger than what is kept of pixels. */
const IMAGE = 2 ** 30

export function fitMemory(memoryMB?: number): FitMemory {
  const share = (part: number): number => Math.floor(((memoryMB ?? FIT_MEMORY_MB) * 2 ** 20) / part)
  return {
    training: share(2),
    validation: share(4),
    read: Math.min(MOST_READ, share(16)),
    gathered: Math.min(MOST_GATHERED, share(8)),
    image: memoryMB === undefined ? IMAGE : share(2),
    scores: share(16),
  }
}

/**
 * Images that a fit must read whole must fit into memory: a batch of frames or tiles, validation images, and cubes of whose
 * statistics a node sees whole images. Throws CuvetteError('bad-argument').
 */
export function requireRoom({ pipeline, frames, validation }: Pick<FitInputs, 'pipeline' | 'frames' | 'validation'>, { image: most }: FitMemory): void {
  const refuse = (what: string, needed: number, instead: string): void => {
    if (needed > most) throw new CuvetteError('bad-argument', `${what} ${megabytes(needed)} at once, and the fit may use ${megabytes(most)} for images; ${instead}raise --memory.`, { path: frames[0].cube.description.path })
  }
  const sizes = frames.map(({ cube }) => imageBytes(cube)).sort((a, b) => b - a)
  const looking = nodesToFit(pipeline).find(({ node }) => looksAtImages(pipeline, node.inputs[node.type.fit?.port ?? ''].node))
  if (looking) refuse(`The statistics of ${looking.node.name} are of whole images, which need`, sizes[0], 'cut the cubes, or ')
  const { trainer } = pipeline
  const wanting = trainer && trainer.epochs > 0 && wantingImages(pipeline.nodes, trainer.losses)
  if (!trainer || !wanting) return
  const { batch } = trainer
  if (batch.unit === 'tiles') {
    const bands = frames[0].cube.description.shape[2]
    refuse(`A batch of ${batch.size} tiles of ${batch.lines} x ${batch.samples} pixels needs`, 4 * batch.size * batch.lines * batch.samples * bands, 'set a smaller trainer.batch, or ')
  } else {
    const trained = sizes.slice(0, batch.size).reduce((sum, bytes) => sum + bytes, 0)
    refuse(`The node ${wanting.name} looks at images, so whole frames go through, which need`, Math.max(trained, ...validation.map(({ cube }) => imageBytes(cube))), 'set trainer.batch to {tiles: 8, size: [64, 64]}, or ')
  }
}
