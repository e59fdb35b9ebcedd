/**
 * Numbers of an array in the order of the file: 100 line + 10 sample + band. `axes` names the axes from the slowest to
 * the fastest by their first letters ("bls" is band, line, sample).
 */
export function numbersOf(shape: readonly number[], axes: string): number[] {
  if (axes.length !== shape.length) throw new Error(`"${axes}" does not name the ${shape.length} axes.`)
  const weight: Record<string, number> = { l: 100, s: 10, b: 1 }
  let values = [0]
  shape.forEach((size, axis) => {
    values = values.flatMap((value) => Array.from({ length: size }, (_, n) => value + n * weight[axes[axis]]))
  })
  return values
}

/** Column-major arrays list the fastest axis first. */
export function columnMajor(shape: readonly number[], axes: string): number[] {
  return numbersOf([...shape].reverse(), [...axes].reverse().join(''))
}
