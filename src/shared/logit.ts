/** Order of float32 numbers as integers, without NaN: 0 is the lowest finite one. */
const LOWEST = -0x7f7fffff
const HIGHEST = 0x7f7fffff

/**
 * The smallest finite float32 logit whose sigmoid, rounded to float32, reaches a probability: `logit >= it` decides exactly
 * as `sigmoid(logit) >= probability` does. Found by halving, because the sigmoid never falls.
 */
export function logitOfProbability(probability: number): number {
  const wanted = Math.fround(probability)
  let [low, high] = [LOWEST, HIGHEST]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (Math.fround(1 / (1 + Math.exp(-numberAt(middle)))) >= wanted) high = middle
    else low = middle + 1
  }
  return numberAt(low)
}

/** The float32 number at a place of the order: the magnitude has the bits, the sign is the place's. */
function numberAt(place: number): number {
  const magnitude = new Float32Array(Uint32Array.of(Math.abs(place)).buffer)[0]
  return place < 0 ? -magnitude : magnitude
}
