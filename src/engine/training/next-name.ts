const NEXT = '.next'

/** Output of a model that holds a moving state tensor's value after the batch. */
export function nextName(state: string): string {
  return `${state}${NEXT}`
}

export function isNextName(output: string): boolean {
  return output.endsWith(NEXT)
}
