import type { Dimension } from '../graph'

// Arithmetic on sizes of which some are symbols. Results are canonical, so that equal sizes are equal strings:
// products are "61*B*H", sums "(3+B)", quotients "(B*H)/(C)".

/** Product of sizes; 1 for none. */
export function product(dimensions: readonly Dimension[]): Dimension {
  return written(ratioOf(dimensions))
}

/** What `total` leaves when `part` is taken out of it: the size that -1 stands for. null when it cannot be whole. */
export function quotient(total: readonly Dimension[], part: readonly Dimension[]): Dimension | null {
  const [whole, known] = [ratioOf(total), ratioOf(part)]
  if (known.above.number === 0) return whole.above.number === 0 ? 0 : null
  const rest = reduced({ above: joined(whole.above, known.below), below: joined(whole.below, known.above) })
  if (rest.below.number !== 1 && rest.above.symbols.length === 0 && rest.below.symbols.length === 0) return null
  return written(rest)
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

/** a - b; a symbol such as "(H-1)" where it cannot be told. */
export function difference(a: Dimension, b: Dimension): Dimension {
  if (a === b) return 0
  if (b === 0) return a
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return `(${a}-${b})`
}

/** a / b; where the parts do not cancel, a symbol such as "floor(H/14)". `whole`: rounded down, as integers divide. */
export function floorQuotient(a: Dimension, b: Dimension, whole = true): Dimension {
  const exact = quotient([a], [b])
  if (typeof exact === 'number' || (typeof exact === 'string' && cutQuotient(exact).length === 1)) return exact
  if (typeof a === 'number' && typeof b === 'number') return whole ? Math.floor(a / b) : a / b
  return `${whole ? 'floor' : ''}(${a}/${b})`
}

/**
 * The common shape of an elementwise operation, or the pair of sizes that does not fit. `trusting`: two symbols are taken
 * as equal, for graphs of others, which may write one size in several ways.
 */
export function broadcast(left: readonly Dimension[], right: readonly Dimension[], trusting = false): Dimension[] | { left: Dimension; right: Dimension } {
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
    else if (trusting && typeof a === 'string' && typeof b === 'string') result.push(a)
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

interface Ratio {
  above: Factors
  below: Factors
}

function ratioOf(dimensions: readonly Dimension[]): Ratio {
  const ratio: Ratio = { above: { number: 1, symbols: [] }, below: { number: 1, symbols: [] } }
  for (const dimension of dimensions) {
    if (typeof dimension === 'number') {
      ratio.above.number *= dimension
      continue
    }
    const parts = cutQuotient(dimension)
    ratio.above = joined(ratio.above, factorsOf(parts[0]))
    if (parts.length > 1) ratio.below = joined(ratio.below, factorsOf(parts[1]))
  }
  return reduced(ratio)
}

/** Without what stands above and below. */
function reduced({ above, below }: Ratio): Ratio {
  const left = [...above.symbols]
  const rest = below.symbols.filter((symbol) => {
    const at = left.indexOf(symbol)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  const common = divisor(above.number, below.number)
  return { above: { number: above.number / common, symbols: left }, below: { number: below.number / common, symbols: rest } }
}

function joined(left: Factors, right: Factors): Factors {
  return { number: left.number * right.number, symbols: [...left.symbols, ...right.symbols] }
}

function written({ above, below }: Ratio): Dimension {
  return below.number === 1 && below.symbols.length === 0 ? factorText(above) : `(${factorText(above)})/(${factorText(below)})`
}

function factorText({ number, symbols }: Factors): Dimension {
  if (symbols.length === 0 || number === 0) return number
  const sorted = [...symbols].sort()
  return (number === 1 ? sorted : [String(number), ...sorted]).join('*')
}

/** "(a)/(b)" is [a, b]; anything else is itself. */
function cutQuotient(text: string): string[] {
  const end = closing(text, 0)
  if (end < 0 || text[end + 1] !== '/' || closing(text, end + 2) !== text.length - 1) return [text]
  return [text.slice(1, end), text.slice(end + 3, -1)]
}

/** Where the parenthesis that opens at `start` closes; -1 when none opens there. */
function closing(text: string, start: number): number {
  if (text[start] !== '(') return -1
  for (let index = start, depth = 0; index < text.length; index += 1) {
    if (text[index] === '(') depth += 1
    else if (text[index] === ')') depth -= 1
    if (depth === 0) return index
  }
  return -1
}

/** Splits at "*" outside parentheses. */
function factorsOf(text: string): Factors {
  const factors: Factors = { number: 1, symbols: [] }
  let depth = 0
  let start = 0
  for (let index = 0; index <= text.length; index += 1) {
    if (text[index] === '(') depth += 1
    else if (text[index] === ')') depth -= 1
    if (index < text.length && (text[index] !== '*' || depth > 0)) continue
    const factor = text.slice(start, index)
    start = index + 1
    if (/^\d+$/.test(factor)) factors.number *= Number(factor)
    else factors.symbols.push(factor)
  }
  return factors
}

function divisor(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y > 0) [x, y] = [y, x % y]
  return x || 1
}
