/**
 * The things whose words begin with, or hold, every word that was typed; best first. Among equals the
 * order stays. Nothing typed: all of them as they come.
 */
export function rank<T>(things: readonly T[], typed: string, textOf: (thing: T) => string): T[] {
  const wanted = words(typed)
  const scored = things.flatMap((thing) => {
    const score = scoreOf(words(textOf(thing)), wanted)
    return score === null ? [] : [{ thing, score }]
  })
  return scored.sort((one, other) => one.score - other.score).map(({ thing }) => thing)
}

/** Lower is better; null when a word is not found at all. */
function scoreOf(text: string[], wanted: string[]): number | null {
  let score = 0
  let before = -1
  for (const word of wanted) {
    const beginning = text.findIndex((each) => each.startsWith(word))
    const at = beginning >= 0 ? beginning : text.findIndex((each) => each.includes(word))
    if (at < 0) return null
    score += (beginning >= 0 ? 0 : 10) + at + (at < before ? 1 : 0)
    before = at
  }
  return score
}

function words(text: string): string[] {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}
