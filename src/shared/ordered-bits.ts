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

/** The bits of the number with that place in the order. */
export function bitsAt(order: number): number {
  return (order & 0x80000000 ? order & 0x7fffffff : ~order) >>> 0
}

const one = new Float32Array(1)
const bitsOfOne = bitsOf(one)

/** The number with that place in the order. */
export function numberAt(order: number): number {
  bitsOfOne[0] = bitsAt(order)
  return one[0]
}

/** Below this many, comparing is faster than counting. */
const FEW = 512
/** Three walks, over 11, 11 and 10 bits. */
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS

/** Ascending, in the same array or in another one of the same length. For many, counting digits is several times as fast as comparing. */
export function sortedOrders(orders: Uint32Array): Uint32Array {
  if (orders.length < FEW) return orders.sort()
  let from = orders
  let to: Uint32Array = new Uint32Array(orders.length)
  const places = new Uint32Array(DIGITS)
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    places.fill(0)
    for (let index = 0; index < from.length; index += 1) places[(from[index] >>> shift) & (DIGITS - 1)] += 1
    let next = 0
    for (let digit = 0; digit < DIGITS; digit += 1) {
      const count = places[digit]
      places[digit] = next
      next += count
    }
    for (let index = 0; index < from.length; index += 1) {
      const digit = (from[index] >>> shift) & (DIGITS - 1)
      to[places[digit]] = from[index]
      places[digit] += 1
    }
    const sorted = to
    to = from
    from = sorted
  }
  return from
}

/** Sorts numbers without NaN in place, ascending, -0 before 0. Takes the same memory once more meanwhile. */
export function sortNumbers(values: Float32Array): Float32Array {
  const bits = bitsOf(values)
  // Not `orderOf`, which would lose the sign of -0.
  for (let index = 0; index < bits.length; index += 1) bits[index] = bits[index] & 0x80000000 ? ~bits[index] : bits[index] | 0x80000000
  const sorted = sortedOrders(bits)
  for (let index = 0; index < bits.length; index += 1) bits[index] = bitsAt(sorted[index])
  return values
}
