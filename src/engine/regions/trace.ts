import type { Region, Regions } from './measure'

/** Corners of a closed outline x0, y0, x1, y1, ... on the grid between pixels: pixel (line, sample) reaches from (sample, line) to (sample + 1, line + 1). */
export type Ring = number[]

export interface Outline {
  /** Clockwise as the image is seen. */
  outer: Ring
  /** Counter-clockwise. */
  holes: Ring[]
}

// Directions of an edge: 0 right, 1 down, 2 left, 3 up; one more is a turn to the right.
const ACROSS = [1, 0, -1, 0]
const DOWN = [0, 1, 0, -1]

/**
 * The outline of a region along the sides of its pixels, with the region to the right of the way. Where two of its
 * pixels touch at a corner alone, the way joins them if corners count as neighbours, and parts them otherwise; so a
 * region has one outer ring. Only corners where the way turns are kept. Memory: 1 byte for each pixel of its window.
 */
export function traceRegion({ labels, lines, samples, connectivity }: Regions, { id, window }: Region): Outline {
  const width = window.samples + 1
  const isInside = (line: number, sample: number): boolean => line >= 0 && sample >= 0 && line < lines && sample < samples && labels[line * samples + sample] === id
  // Bit d: an edge in direction d leaves this corner and was not walked yet.
  const leaving = new Uint8Array(width * (window.lines + 1))
  const cornerAt = (y: number, x: number): number => (y - window.line) * width + (x - window.sample)
  for (let line = window.line; line < window.line + window.lines; line += 1) {
    for (let sample = window.sample; sample < window.sample + window.samples; sample += 1) {
      if (!isInside(line, sample)) continue
      if (!isInside(line - 1, sample)) leaving[cornerAt(line, sample)] |= 1
      if (!isInside(line, sample + 1)) leaving[cornerAt(line, sample + 1)] |= 2
      if (!isInside(line + 1, sample)) leaving[cornerAt(line + 1, sample + 1)] |= 4
      if (!isInside(line, sample - 1)) leaving[cornerAt(line + 1, sample)] |= 8
    }
  }
  // At a corner with two ways out: to the pixel across when corners connect, else around the same pixel.
  const turns = connectivity === 8 ? [3, 0, 1] : [1, 0, 3]
  const walk = (start: number): Ring => {
    const ring: Ring = []
    let at = start
    let direction = [0, 1, 2, 3].find((way) => leaving[at] & (1 << way)) ?? 0
    for (let before = -1; ; ) {
      if (direction !== before) ring.push(window.sample + (at % width), window.line + Math.floor(at / width))
      leaving[at] &= ~(1 << direction)
      at += ACROSS[direction] + DOWN[direction] * width
      before = direction
      const next = turns.map((turn) => (before + turn) % 4).find((way) => leaving[at] & (1 << way))
      // Back at the start: nothing leaves it any more.
      if (next === undefined) return ring
      direction = next
    }
  }
  const rings: Ring[] = []
  // The first corner in reading order is on the outer ring, at a turn.
  for (let corner = 0; corner < leaving.length; corner += 1) while (leaving[corner] !== 0) rings.push(walk(corner))
  const [outer, ...holes] = rings
  return { outer, holes }
}

/**
 * One polygon for an outline with holes: each hole is joined to what lies left of it by a cut of no width along a line of
 * the grid, walked there and back. Filled by the even-odd or the non-zero rule it is the outline exactly, because a cut
 * crosses every pixel's middle line twice or never. COCO polygons have no other way to say a hole.
 */
export function withoutHoles({ outer, holes }: Outline): Ring {
  let joined = outer
  const leftmost = holes.map((hole) => ({ hole, first: leftmostCorner(hole) })).sort((a, b) => a.hole[a.first] - b.hole[b.first] || a.hole[a.first + 1] - b.hole[b.first + 1])
  for (const { hole, first } of leftmost) {
    const [x, y] = [hole[first], hole[first + 1]]
    const { after, x: meets } = nearestToTheLeft(joined, x, y)
    const cut = meets === x ? [] : [meets, y]
    joined = withoutRepeats([...joined.slice(0, after), ...cut, ...hole.slice(first), ...hole.slice(0, first), x, y, ...cut, ...joined.slice(after)])
  }
  return joined
}

/** A hole may begin at a corner of what it is joined to. */
function withoutRepeats(ring: Ring): Ring {
  const kept: Ring = []
  for (let at = 0; at < ring.length; at += 2) {
    const last = (at === 0 ? ring.length : at) - 2
    if (ring[at] !== ring[last] || ring[at + 1] !== ring[last + 1]) kept.push(ring[at], ring[at + 1])
  }
  return kept
}

function leftmostCorner(ring: Ring): number {
  let best = 0
  for (let at = 2; at < ring.length; at += 2) if (ring[at] < ring[best] || (ring[at] === ring[best] && ring[at + 1] < ring[best + 1])) best = at
  return best
}

/** Where a way to the left from (x, y) first meets the ring: its x, and the place in the list after which it lies. */
function nearestToTheLeft(ring: Ring, x: number, y: number): { after: number; x: number } {
  let found = { after: 0, x: -Infinity }
  for (let at = 0; at < ring.length; at += 2) {
    const next = (at + 2) % ring.length
    // The ends of level edges are ends of upright ones, too.
    if (ring[at] !== ring[next] || ring[at] > x || ring[at] <= found.x) continue
    if (Math.min(ring[at + 1], ring[next + 1]) <= y && y <= Math.max(ring[at + 1], ring[next + 1])) found = { after: at + 2, x: ring[at] }
  }
  return found
}
