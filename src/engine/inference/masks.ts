import type { ClassUse, MaskDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { IGNORED } from '../../shared/threshold-curve'
import type { Cube, Reference } from '../cube'
import { describeMask, formatReference, parseReference, readMask } from '../cube'
import { targetsOfClasses } from '../nodes/cube-source'
import type { Pipeline } from '../pipeline/pipeline'

/**
 * The mask of each cube: the ones that were named (null: none is wanted; undefined: the one that is found), else what was
 * found beside or inside; null without one. Sizes are checked. Throws CuvetteError('bad-argument' | 'bad-mask') and as reading.
 */
export async function masksOf(cubes: readonly Cube[], named: readonly (string | null | undefined)[], signal?: AbortSignal): Promise<(Reference | null)[]> {
  if (named.length > 0 && named.length !== cubes.length) {
    throw new CuvetteError('bad-argument', `There are ${cubes.length} cubes and ${named.length} masks; name one mask for each cube, or none.`)
  }
  const masks: (Reference | null)[] = []
  for (const [index, { description: { shape, mask } }] of cubes.entries()) {
    const chosen = named[index]
    const wanted = chosen === undefined ? mask && formatReference(mask) : chosen
    if (wanted !== null && chosen !== undefined) await describeMask(wanted, [shape[0], shape[1]], signal)
    masks.push(wanted === null ? null : parseReference(wanted))
  }
  return masks
}

/**
 * Targets [H, W] of a mask (0 normal, 1 anomalous, 255 not to be judged): by the use that a person gave a class, else by
 * the classes that the pipeline's cube node names; null without a mask.
 */
export async function readTargets(pipeline: Pick<Pipeline, 'nodes'>, cube: Cube, mask: Reference | null, signal?: AbortSignal): Promise<Uint8Array | null> {
  if (!mask) return null
  const [lines, samples] = cube.description.shape
  const { values, description } = await readMask(formatReference(mask), [lines, samples], signal)
  const source = pipeline.nodes.find(({ type }) => type.description.role === 'source')
  const targets = source ? targetsOfClasses(values, source.parameters) : values.map((value) => (value === 0 ? 0 : 1))
  return withUses(targets, values, description)
}

const TARGETS: Record<ClassUse, number> = { normal: 0, anomalous: 1, ignore: IGNORED }

/** Changes `targets` where the class of a pixel has a use. */
function withUses(targets: Uint8Array, values: Uint8Array, { classes }: MaskDescription): Uint8Array {
  const said = classes.flatMap(({ id, use }) => (use ? [[id, TARGETS[use]] as const] : []))
  if (said.length === 0) return targets
  const targetOf = new Int16Array(256).fill(-1)
  for (const [id, target] of said) targetOf[id] = target
  for (let pixel = 0; pixel < targets.length; pixel += 1) if (targetOf[values[pixel]] >= 0) targets[pixel] = targetOf[values[pixel]]
  return targets
}
