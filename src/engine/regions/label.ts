/** Which neighbours belong together: 4 share a side, 8 share a side or a corner. */
export type Connectivity = 4 | 8

/** Connected pixels of an image, numbered. */
export interface Labels {
  /** [H, W]: 0 outside, otherwise the region's number, from 1 in the order of their first pixels line by line. */
  labels: Int32Array
  count: number
}

/**
 * Numbers the connected regions of pixels that are not 0 in an image [H, W]. Two passes with a union of provisional
 * numbers (A. Rosenfeld and J. Pfaltz, "Sequential operations in digital picture processing", 1966).
 */
export function labelRegions(decisions: Uint8Array, lines: number, samples: number, connectivity: Connectivity): Labels {
  const labels = new Int32Array(lines * samples)
  // parents[n] <= n: the smallest number that is known to be the same region.
  const parents: number[] = [0]
  const rootOf = (label: number): number => {
    let root = label
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]]
      root = parents[root]
    }
    return root
  }
  for (let line = 0, at = 0; line < lines; line += 1) {
    for (let sample = 0; sample < samples; sample += 1, at += 1) {
      if (decisions[at] === 0) continue
      let found = 0
      const meet = (neighbour: number): void => {
        if (neighbour === 0) return
        const root = rootOf(neighbour)
        if (found === 0) found = root
        else if (root !== found) {
          parents[Math.max(root, found)] = Math.min(root, found)
          found = Math.min(root, found)
        }
      }
      if (sample > 0) meet(labels[at - 1])
      if (line > 0) {
        meet(labels[at - samples])
        if (connectivity === 8 && sample > 0) meet(labels[at - samples - 1])
        if (connectivity === 8 && sample + 1 < samples) meet(labels[at - samples + 1])
      }
      if (found === 0) {
        found = parents.length
        parents.push(found)
      }
      labels[at] = found
    }
  }
  const numbers = new Int32Array(parents.length)
  let count = 0
  for (let label = 1; label < parents.length; label += 1) numbers[label] = parents[label] === label ? (count += 1) : numbers[rootOf(label)]
  for (let at = 0; at < labels.length; at += 1) labels[at] = numbers[labels[at]]
  return { labels, count }
}
