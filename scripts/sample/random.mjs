// Random numbers and textures of the sample scene. Everything follows from one seed, so the files come out
// the same byte for byte on every machine.

/** A 32-bit mixer (the finaliser of MurmurHash3, public domain): equal inputs give equal outputs. */
function mix(value) {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** A stream of numbers in [0, 1) and standard normal numbers. */
export function randomStream(seed) {
  let state = mix(seed ^ 0x9e3779b9)
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    return mix(state) / 4294967296
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, normal }
}

/** [0, 1) for a lattice point. */
function lattice(seed, x, y) {
  return mix(Math.imul(x, 374761393) ^ Math.imul(y, 668265263) ^ Math.imul(seed, 974634617)) / 4294967296
}

function fade(t) {
  return t * t * t * (t * (t * 6 - 15) + 10)
}

/** Smooth noise in [-1, 1]; features have the size of one unit. */
export function valueNoise(seed, x, y) {
  const left = Math.floor(x)
  const top = Math.floor(y)
  const u = fade(x - left)
  const v = fade(y - top)
  const upper = lattice(seed, left, top) * (1 - u) + lattice(seed, left + 1, top) * u
  const lower = lattice(seed, left, top + 1) * (1 - u) + lattice(seed, left + 1, top + 1) * u
  return (upper * (1 - v) + lower * v) * 2 - 1
}

/** Fractal noise, about [-1, 1]: octaves of halved size and strength. `size` is the size of the largest features. */
export function fractal(seed, x, y, size, octaves = 4) {
  let sum = 0
  let weight = 1
  let total = 0
  let scale = 1 / size
  for (let octave = 0; octave < octaves; octave += 1) {
    sum += weight * valueNoise(seed + octave * 131, x * scale, y * scale)
    total += weight
    weight *= 0.5
    scale *= 2.03
  }
  return (sum / total) * 1.5
}

/** 0 below `from`, 1 above `to`, smooth between; `from` may be larger than `to`. */
export function smoothstep(from, to, value) {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)))
  return t * t * (3 - 2 * t)
}
