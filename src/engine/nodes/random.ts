import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** The one source of random numbers. The same seed gives the same sequence on every machine. */
export interface RandomSource {
  /** [0, 1), 53 bits. */
  uniform(): number
  /** Standard normal (Box and Muller). */
  normal(): number
  /** Integer in [0, below). */
  integer(below: number): number
}

const TWO_32 = 4294967296

/**
 * A source from a seed and a name, so that adding a node does not change what another one draws.
 * The name is mixed in by FNV-1a.
 */
export function randomSource(seed: number, name = ''): RandomSource {
  let hash = (2166136261 ^ seed) >>> 0
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 16777619) >>> 0
  const generator = xoroshiro128plus(hash | 0)
  const uniform = (): number => {
    const high = generator.next() >>> 5
    const low = generator.next() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer: (below) => {
      // Rejection keeps every value equally likely. Only draws near the top need the exact limit, which takes long.
      for (;;) {
        const drawn = generator.next() >>> 0
        if (drawn < TWO_32 - below || drawn < TWO_32 - (TWO_32 % below)) return drawn % below
      }
    },
  }
}
