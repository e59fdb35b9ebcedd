import type { Dimension } from '../graph'

// Arithmetic on sizes of which some are symbols. Results are canonical, so that equal sizes are equal strings:
// products are "61*B*H", sums "(3+B)", quotients "(B*H)/(C)".

/** Product of sizes; 1 for none. */
export function product(dimensions: readonly Dimension[]): Dimension {
  return fromFactors(factorsOf(dimensions))
}

/** What `total` leaves when `part` is taken out of it: the size that -1 stands for. null when it cannot be whole. */
export function quotient(total: readonly Dimension[], part: readonly Dimension[]): Dimension | null {
  const above = factorsOf(total)
  const below = factorsOf(part)
  const rest: string[] = []
  for (const symbol of below.symbols) {
    const at = above.symbols.indexOf(symbol)
    if (at >= 0) above.symbols.splice(at, 1)
    else rest.push(symbol)
  }
  if (below.number === 0) return above.number === 0 ? 0 : null
  const common = divisor(above.number, below.number)
  above.number /= common
  below.number /= common
  if (rest.length === 0 && below.number === 1) return fromFactors(above)
  if (above.symbols.length === 0 && rest.length === 0) return null
  return `(${fromFactors(above)})/(${fromFactors({ number: below.number, symbols: rest })})`
}

/** Sum of sizes; 0 for none. */
export function sum(dimensions: readonly Dimension[]): Dimension {
  let number = 0
  const symbols: string[] = []
  for (const dimension of dimensions) {
    if (typeof dimension === 'number') number += dimension
    else symbols.push(dimension)
  }
  if (symbols.length === 0) return number
  if (symbols.length === 1 && number === 0) return symbols[0]
  const terms = symbols.sort()
  return `(${(number === 0 ? terms : [String(number), ...terms]).join('+')})`
}

/** The common shape of an elementwise operation, or the pair of sizes that does not fit. */
export function broadcast(left: readonly Dimension[], right: readonly Dimension[]): Dimension[] | { left: Dimension; right: Dimension } {
  const rank = Math.max(left.length, right.length)
  const result: Dimension[] = []
  for (let axis = 0; axis < rank; axis += 1) {
    const a = left[axis - rank + left.length] ?? 1
    const b = right[axis - rank + right.length] ?? 1
    if (a === b || b === 1) result.push(a)
    else if (a === 1) result.push(b)
    // A symbol beside a number above 1 can only be that number or 1: the result is the number.
    else if (typeof a === 'string' && typeof b === 'number') result.push(b)
    else if (typeof a === 'number' && typeof b === 'string') result.push(a)
    else return { left: a, right: b }
  }
  return result
}

/** "[B, H, 61]" */
export function shapeText(shape: readonly Dimension[]): string {
  return `[${shape.join(', ')}]`
}

interface Factors {
  number: number
  symbols: string[]
}

function factorsOf(dimensions: readonly Dimension[]): Factors {
  const factors: Factors = { number: 1, symbols: [] }
  for (const dimension of dimensions) {
    if (typeof dimension === 'number') {
      factors.number *= dimension
      continue
    }
    for (const factor of splitOutside(dimension)) {
      if (/^\d+$/.test(factor)) factors.number *= Number(factor)
      else factors.symbols.push(factor)
    }
  }
  return factors
}

function fromFactors({ number, symbols }: Factors): Dimension {
  if (symbols.length === 0 || number === 0) return number
  const sorted = [...symbols].sort()
  return (number === 1 ? sorted : [String(number), ...sorted]).join('*')
}

/** Splits at "*" outside parentheses; a quotient stays whole. */
function splitOutside(text: string): string[] {
  if (text.includes(')/(')) return [text]
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '(') depth += 1
    else if (text[index] === ')') depth -= 1
    else if (text[index] === '*' && depth === 0) {
      parts.push(text.slice(start, index))
      start = index + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function divisor(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y > 0) [x, y] = [y, x % y]
  return x || 1
}
