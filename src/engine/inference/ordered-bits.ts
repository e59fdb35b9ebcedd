// The order of float32 numbers is the order of their bits as unsigned integers, once those of negative numbers are
// flipped and the sign of the others is set. -0 counts as 0. Half of the bits make 65,536 buckets.

export const BUCKETS = 65536

/** The bits of numbers, not copied. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

/** Neither infinite nor NaN. */
export function isFiniteBits(bits: number): boolean {
  return (bits & 0x7f800000) !== 0x7f800000
}

/** 0 to 2^32 - 1, larger for a larger number. */
export function orderOf(bits: number): number {
  if (bits === 0x80000000) return 0x80000000
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0
}

/** The number with that place in the order. */
export function numberAt(order: number): number {
  const found = Uint32Array.of(order & 0x80000000 ? order & 0x7fffffff : ~order)
  return new Float32Array(found.buffer)[0]
}
