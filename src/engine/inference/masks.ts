import { CuvetteError } from '../../shared/problem'
import type { RunRecord } from '../../shared/reports'
import type { Cube, Reference } from '../cube'
import { describeMask, formatReference, parseReference, readMask } from '../cube'
import { sha256File } from '../files/sha256'
import { targetsOfClasses } from '../nodes/cube-source'
import type { Pipeline } from '../pipeline/pipeline'

/**
 * The mask of each cube: the ones that were named, else what was found beside or inside; null without one. Sizes are
 * checked. Throws CuvetteError('bad-argument' | 'bad-mask') and as reading.
 */
export async function masksOf(cubes: readonly Cube[], named: readonly string[], signal?: AbortSignal): Promise<(Reference | null)[]> {
  if (named.length > 0 && named.length !== cubes.length) {
    throw new CuvetteError('bad-argument', `There are ${cubes.length} cubes and ${named.length} masks; name one mask for each cube, or none.`)
  }
  const masks: (Reference | null)[] = []
  for (const [index, { description: { shape, mask } }] of cubes.entries()) {
    if (named.length === 0) masks.push(mask && { path: mask.path, variable: mask.variable })
    else {
      await describeMask(named[index], [shape[0], shape[1]], signal)
      masks.push(parseReference(named[index]))
    }
  }
  return masks
}

/** Targets [H, W] of a mask (0 normal, 1 anomalous), by the classes that the pipeline's cube node names; null without a mask. */
export async function readTargets(pipeline: Pipeline, cube: Cube, mask: Reference | null, signal?: AbortSignal): Promise<Uint8Array | null> {
  if (!mask) return null
  const [lines, samples] = cube.description.shape
  const { values } = await readMask(formatReference(mask), [lines, samples], signal)
  const source = pipeline.nodes.find(({ type }) => type.description.role === 'source')
  return source ? targetsOfClasses(values, source.parameters) : values.map((value) => (value === 0 ? 0 : 1))
}

export async function recordOfMask(mask: Reference, signal?: AbortSignal): Promise<RunRecord['masks'][number]> {
  return { path: mask.path, variable: mask.variable, sha256: await sha256File(mask.path, signal) }
}
