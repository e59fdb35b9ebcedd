// The picture: a farm seen from a drone, 200 x 200 pixels of half a metre. Coordinates are pixels,
// x to the right, y down; the sun stands in the upper left.
import { fractal, smoothstep, valueNoise } from './random.mjs'

export const SIZE = 200

/** Direction in which shadows fall, and their length for one unit of height. */
const SHADOW = { x: 0.83, y: 0.56 }

/** [x, y, crown radius, height]. */
const trees = [
  // Around the pond.
  [137, 24, 7.2, 11], [149, 9, 6, 9], [189, 15, 6.6, 10], [193, 30, 4.6, 7], [141, 51, 5.4, 8],
  // The hedge between the crop and the meadow.
  [119, 4, 4.1, 5], [120, 11.5, 3.6, 4.6], [121.5, 19, 4.6, 5.8], [121, 28, 3.4, 4.4], [123, 36, 4.3, 5.4], [123.5, 44.5, 3.7, 4.6], [125, 52, 4.4, 5.4], [126, 60.5, 3.6, 4.4],
  // The yard, and one alone in the stubble.
  [181, 112, 6.4, 9], [138.5, 126, 4.6, 7], [48, 158, 6.8, 10],
].map(([x, y, radius, height], index) => ({ x, y, radius, height, seed: 500 + index * 7 }))

const barn = { x: 161, y: 117, length: 22, width: 12.5, angle: -0.52, height: 6.5 }

function turned(shape, x, y) {
  const cos = Math.cos(shape.angle)
  const sin = Math.sin(shape.angle)
  return { u: (x - shape.x) * cos + (y - shape.y) * sin, v: -(x - shape.x) * sin + (y - shape.y) * cos }
}

function inRectangle(shape, x, y) {
  const { u, v } = turned(shape, x, y)
  return Math.abs(u) < shape.length / 2 && Math.abs(v) < shape.width / 2
}

/** Distance to the edge of a crown, in radii: below 1 is inside. Crowns are lobed, not round. */
function crownDistance(tree, x, y) {
  const dx = x - tree.x
  const dy = y - tree.y
  const around = Math.atan2(dy, dx)
  const lobes = 1 + 0.13 * Math.sin(5 * around + tree.seed) + 0.07 * Math.sin(9 * around + tree.seed * 1.7)
  const ragged = 1 + 0.16 * valueNoise(tree.seed, x * 0.9, y * 0.9)
  return Math.hypot(dx, dy) / (tree.radius * lobes * ragged)
}

export function trackLine(x) {
  return 121 - 0.3 * x + 7 * Math.sin(x / 34) + 2.2 * Math.sin(x / 13 + 1)
}

/** Signed distance to the middle of the asphalt road, positive below it, and the position along it. */
export function road(x, y) {
  const angle = -0.52
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const u = (x - 140) * cos + (y - 160) * sin
  const bend = 0.0009 * u * u
  return { across: -(x - 140) * sin + (y - 160) * cos + bend, along: u }
}

function pondDistance(x, y) {
  const dx = (x - 166) / 23
  const dy = (y - 34) / 15.5
  const tilt = 0.34 * dx * dy
  return Math.hypot(dx, dy) + tilt + 0.13 * fractal(31, x, y, 15, 3)
}

/** Share of direct sunlight, 1 in the open, 0 in a cast shadow. */
export function sunlight(x, y) {
  for (const tree of trees) {
    if (Math.abs(x - tree.x) > tree.radius * 2.6 + tree.height || Math.abs(y - tree.y) > tree.radius * 2.6 + tree.height) continue
    for (let level = 0.35; level <= 1; level += 0.13) {
      const lift = tree.height * level
      // Crowns let some light through near the rim.
      if (crownDistance(tree, x - SHADOW.x * lift, y - SHADOW.y * lift) < 0.96) return 0
    }
  }
  for (let lift = 0.5; lift <= barn.height; lift += 0.5) {
    if (inRectangle(barn, x - SHADOW.x * lift, y - SHADOW.y * lift)) return 0
  }
  return 1
}

/**
 * What covers a point: {material, parameters, shade}. shade: brightness by slope and texture; raised: stands
 * above the ground, so no ground shadow falls on it.
 */
export function cover(x, y) {
  for (const tree of trees) {
    if (Math.abs(x - tree.x) > tree.radius * 1.6 || Math.abs(y - tree.y) > tree.radius * 1.6) continue
    const distance = crownDistance(tree, x, y)
    if (distance < 1) return foliage(tree, distance, x, y)
  }
  if (inRectangle(barn, x, y)) return roof(x, y)

  const { across, along } = road(x, y)
  const roadside = Math.abs(across)
  if (roadside < 3.7) {
    if (roadside < 0.26 && (((along % 11) + 11) % 11) < 5) return { material: 'roadPaint', shade: 0.86 + 0.1 * valueNoise(44, x * 2, y * 2) }
    const worn = 0.06 * Math.exp(-Math.pow((roadside - 1.7) / 0.5, 2))
    return { material: 'asphalt', shade: 1 + worn + 0.07 * fractal(41, x, y, 6, 4) }
  }
  if (roadside < 6 + fractal(43, x, y, 8, 2)) return grass(x, y, 0.35)

  const yard = turned({ ...barn, x: 160, y: 119 }, x, y)
  if (Math.hypot(yard.u / 19, yard.v / 13) + 0.12 * fractal(47, x, y, 9, 3) < 1) return gravel(x, y)

  const offTrack = y - trackLine(x)
  if (Math.abs(offTrack) < 4.4 + 0.7 * fractal(53, x, y, 7, 3)) return track(x, y, offTrack)

  if (across > 0) return ploughed(x, y)
  if (offTrack > 0) return stubble(x, y)
  const hedge = 118 + 0.14 * y
  if (x > hedge) return pondOrMeadow(x, y)
  if (x > hedge - 3 + fractal(59, x, y, 6, 2)) return grass(x, y, 0.25)
  return crop(x, y)
}

function foliage(tree, distance, x, y) {
  // A dome lit from the upper left, with clumps of leaves.
  const nx = (x - tree.x) / tree.radius
  const ny = (y - tree.y) / tree.radius
  const dome = Math.sqrt(Math.max(0, 1 - Math.min(1, distance * distance)))
  const lambert = Math.max(0, -0.55 * nx - 0.38 * ny + 0.74 * dome)
  const clumps = fractal(tree.seed + 3, x, y, 2.6, 3)
  return {
    material: 'foliage',
    parameters: { greenness: 15 + 3 * Math.sin(tree.seed) + 1.5 * clumps, density: 1 },
    shade: (0.3 + 0.68 * lambert) * (1 + 0.36 * clumps),
    raised: true,
  }
}

function roof(x, y) {
  const { u, v } = turned(barn, x, y)
  const slope = v < 0 ? 1.1 : 0.72
  const courses = 0.03 * Math.sin(v * 5.2) + 0.05 * fractal(61, u, v, 5, 3)
  const ridge = Math.abs(v) < 0.3 ? 0.1 : 0
  return { material: 'tile', shade: slope + courses + ridge, raised: true }
}

function gravel(x, y) {
  const wheels = 0.05 * fractal(63, x, y, 12, 3)
  if (fractal(64, x, y, 5, 3) > 0.62) return grass(x, y, 0.6)
  return { material: 'gravel', shade: 0.93 + wheels + 0.06 * fractal(65, x, y, 2, 3) }
}

function track(x, y, offset) {
  const rut = Math.min(Math.abs(offset - 1.8), Math.abs(offset + 1.8))
  if (rut < 1.15 + 0.35 * fractal(67, x, y, 4, 2)) return { material: 'gravel', shade: 0.9 - 0.1 * smoothstep(0.9, 0.1, rut) + 0.08 * fractal(68, x, y, 3, 3) }
  return grass(x, y, 0.3 + 0.25 * fractal(69, x, y, 5, 2))
}

function grass(x, y, dryness) {
  const patches = fractal(71, x, y, 26, 4)
  const tufts = fractal(73, x, y, 2.4, 3)
  if (fractal(74, x, y, 3, 2) > 0.86) return { material: 'soil', parameters: { moisture: 0.4 }, shade: 0.85 }
  return {
    material: 'grass',
    parameters: { greenness: 8.5 + 2 * patches + tufts, density: 0.9, dryness: Math.max(0, 0.1 + dryness * 0.32 + 0.08 * patches) },
    shade: 0.86 + 0.1 * patches + 0.16 * tufts,
  }
}

function pondOrMeadow(x, y) {
  const distance = pondDistance(x, y)
  if (distance < 1) {
    const ripple = 0.05 * fractal(83, x * 0.6 + y * 0.2, y * 1.5, 5, 3)
    // Shallow water by the bank shows its ground.
    if (distance > 0.9 && valueNoise(84, x * 1.7, y * 1.7) > 2.6 - 2.4 * smoothstep(0.9, 1, distance)) return { material: 'soil', parameters: { moisture: 1 }, shade: 0.55 }
    return { material: 'water', shade: 1 + ripple - 0.12 * smoothstep(0.8, 0.2, distance) }
  }
  const bank = 1.1 + 0.12 * fractal(85, x, y, 12, 3)
  if (distance < bank) {
    const blades = fractal(86, x, y, 1.6, 2)
    return blades > 0.35 ? { material: 'soil', parameters: { moisture: 0.95 }, shade: 0.7 } : { material: 'reed', shade: 0.85 + 0.3 * blades }
  }
  // Mown in stripes.
  const stripe = Math.sin((x * 0.93 + y * 0.36) / 2.1)
  const meadow = grass(x, y, 0.05 + 0.35 * Math.max(0, fractal(88, x, y, 34, 3)))
  return { ...meadow, shade: meadow.shade * (1 + 0.055 * stripe) }
}

/** How well the crop grows, about -1 to 1. */
function vigour(x, y) {
  return fractal(97, x, y, 55, 4)
}

const ROW_ANGLE = -0.24

function crop(x, y) {
  const cos = Math.cos(ROW_ANGLE)
  const sin = Math.sin(ROW_ANGLE)
  const along = x * cos + y * sin
  const acrossRows = -x * sin + y * cos + 0.5 * valueNoise(101, along * 0.05, 3)
  const growth = vigour(x, y)

  // The sprayer's wheels leave two bare lines every 46 pixels.
  const lane = ((acrossRows % 46) + 46) % 46
  if (Math.min(Math.abs(lane - 20), Math.abs(lane - 26)) < 0.72) return { material: 'soil', parameters: { moisture: 0.42 }, shade: 0.92 }

  const period = 4.6
  const row = Math.abs((((acrossRows / period) % 1) + 1) % 1 - 0.5) * 2
  const width = 0.6 + 0.2 * growth + 0.34 * fractal(103, x, y, 1.7, 2)
  const light = 0.9 + 0.13 * fractal(104, x, y, 1.8, 2) - 0.13 * smoothstep(0.2, width, row)
  const gap = fractal(105, along, acrossRows, 7, 3) > 0.95
  if (row < width && !gap) {
    return { material: 'crop', parameters: { greenness: 9.5 + 3 * growth, density: 0.95 + 0.2 * growth }, shade: light * (0.97 + 0.09 * growth) }
  }
  // Plants shade the soil beside them on the side away from the sun.
  return { material: 'soil', parameters: { moisture: 0.3 + 0.22 * fractal(107, x, y, 40, 3) }, shade: 0.78 + 0.12 * smoothstep(width, 1, row) }
}

function stubble(x, y) {
  const angle = 0.42
  const acrossRows = -x * Math.sin(angle) + y * Math.cos(angle) + 0.7 * valueNoise(111, x * 0.06, y * 0.06)
  const lane = (((acrossRows / 13) % 1) + 1) % 1
  const windrow = smoothstep(0.13, 0.05, Math.abs(lane - 0.5))
  const straw = fractal(113, x, y, 1.8, 3)
  const patches = fractal(115, x, y, 38, 4)
  const bare = fractal(117, x, y, 9, 4) + 0.35 * fractal(118, x, y, 2, 2)
  if (windrow < 0.3 && bare > 0.66) return { material: 'soil', parameters: { moisture: 0.22 }, shade: 0.92 + 0.1 * straw }
  if (windrow < 0.5 && fractal(119, x, y, 16, 4) > 0.78) return { material: 'grass', parameters: { greenness: 6, density: 0.6, dryness: 0.22 }, shade: 0.82 + 0.15 * straw }
  return { material: 'stubble', shade: 0.84 + 0.15 * windrow + 0.12 * straw + 0.07 * patches + 0.05 * Math.sin(lane * 2 * Math.PI) }
}

function ploughed(x, y) {
  const angle = -0.52
  const acrossRows = -x * Math.sin(angle) + y * Math.cos(angle)
  const furrow = Math.sin((acrossRows * 2 * Math.PI) / 3.1 + 0.8 * valueNoise(121, x * 0.2, y * 0.2))
  const clods = fractal(123, x, y, 1.7, 3)
  const damp = 0.58 + 0.36 * fractal(125, x, y, 44, 4)
  return { material: 'soil', parameters: { moisture: Math.min(1, Math.max(0, damp)) }, shade: 0.86 + 0.12 * furrow + 0.16 * clods }
}

// What does not belong there. Each shape answers for a point: how much of it is covered (0 to 1).

function rectangle(x, y, length, width, angle) {
  const shape = { x, y, length, width, angle }
  return (px, py) => (inRectangle(shape, px, py) ? 1 : 0)
}

function blob(x, y, rx, ry, seed, raggedness) {
  return (px, py) => (Math.hypot((px - x) / rx, (py - y) / ry) + raggedness * fractal(seed, px, py, 4, 3) < 1 ? 1 : 0)
}

/** A small thing of the given share of one pixel. */
function speck(column, line, share) {
  const side = Math.sqrt(share)
  return rectangle(column + 0.5, line + 0.5, side, side, 0)
}

/**
 * Planted objects, later ones on top. material: a spectrum of its own, or 'stress' (changes the crop under it).
 * classId: class in the mask.
 */
export const planted = [
  { classId: 1, material: 'tarpaulin', shade: 0.94, covers: rectangle(84, 141, 7.6, 5.6, 0.42) },
  { classId: 1, material: 'tarpaulin', shade: 0.9, covers: rectangle(186.6, 71.4, 2.1, 2.1, 0.2) },
  { classId: 2, material: 'redPaint', shade: 0.86, covers: rectangle(112.4, 177.6, 6.4, 2.8, -0.55) },
  { classId: 2, material: 'whitePaint', shade: 0.85, covers: rectangle(167.5, 141.3, 6.8, 3, -0.5) },
  { classId: 3, material: 'camouflage', shade: 0.95, texture: 0.22, covers: blob(131.5, 67, 3.7, 2.7, 211, 0.16) },
  { classId: 3, material: 'camouflage', shade: 0.95, texture: 0.2, covers: blob(34, 44, 2.6, 2, 213, 0.15) },
  { classId: 3, material: 'camouflage', shade: 0.9, texture: 0.15, covers: rectangle(177.4, 56.6, 2.2, 2.2, 0.6) },
  { classId: 3, material: 'camouflage', shade: 0.9, texture: 0.1, covers: speck(150, 66, 0.9) },
  { classId: 3, material: 'camouflage', shade: 0.9, texture: 0.1, covers: speck(85, 21, 0.85) },
  { classId: 4, material: 'markerOrange', shade: 0.95, covers: speck(15, 74, 0.5) },
  { classId: 4, material: 'markerOrange', shade: 0.95, covers: speck(61, 62, 0.45) },
  { classId: 4, material: 'markerOrange', shade: 0.95, covers: speck(107, 50, 0.4) },
  { classId: 4, material: 'markerOrange', shade: 0.95, covers: speck(24, 176, 0.35) },
  { classId: 4, material: 'whitePaint', shade: 0.95, covers: speck(70, 172, 0.4) },
  { classId: 4, material: 'whitePaint', shade: 0.95, covers: speck(173, 181, 0.3) },
  { classId: 5, material: 'stress', covers: blob(67, 34, 3.3, 2.5, 217, 0.2) },
  { classId: 6, material: 'bloom', shade: 1, covers: blob(172.5, 29.5, 3.4, 2.2, 219, 0.3) },
]
