import type { PortDataType, PortDimension } from '../../shared/nodes'

/** What of a port a connection must match. A dimension that is a name may have any size. */
export interface PortShape {
  dtype: PortDataType
  shape: readonly PortDimension[]
}

/** Why values of `source` cannot enter `target` in any of its forms, as a clause about the first; null when they can. */
export function misfit(source: PortShape, target: PortShape & { alternatives?: readonly PortShape[] }): string | null {
  const reason = misfitOfForm(source, target)
  return reason !== null && target.alternatives?.some((form) => misfitOfForm(source, form) === null) ? null : reason
}

function misfitOfForm(source: PortShape, target: PortShape): string | null {
  if (source.dtype !== target.dtype) return `it is ${source.dtype}, expected ${target.dtype}`
  if (source.shape.length !== target.shape.length) {
    return `it has ${dimensions(source.shape.length)}, expected ${dimensions(target.shape.length)}`
  }
  const axis = source.shape.findIndex((size, at) => typeof size === 'number' && typeof target.shape[at] === 'number' && size !== target.shape[at])
  return axis < 0 ? null : `axis ${axis} has the size ${source.shape[axis]}, expected ${target.shape[axis]}`
}

/** The shape with known sizes in place of names. */
export function withSizes({ dtype, shape }: PortShape, sizes: Readonly<Record<string, number>>): PortShape {
  return { dtype, shape: shape.map((dimension) => (typeof dimension === 'string' && Object.hasOwn(sizes, dimension) ? sizes[dimension] : dimension)) }
}

/** The shape with a known last axis: the channels of an image, the length of a vector. */
export function withChannels({ dtype, shape }: PortShape, channels: number): PortShape {
  return channels < 0 || shape.length === 0 ? { dtype, shape } : { dtype, shape: [...shape.slice(0, -1), channels] }
}

function dimensions(count: number): string {
  return count === 0 ? 'no dimensions' : `${count} dimension${count === 1 ? '' : 's'}`
}

/** float32 [B, H, W, 1] */
export function isScorePort({ dtype, shape }: PortShape): boolean {
  return dtype === 'float32' && shape.length === 4 && shape[3] === 1
}
