// Reflectance of the materials, 400 to 920 nm. The shapes follow textbook facts (chlorophyll wells at 430-480 and
// 675 nm, green peak at 550 nm, red edge at 690-740 nm, iron oxide steps at 550 and 870 nm, water dark beyond
// 720 nm, phycocyanin at 620 nm, phthalocyanine and paint pigments); the numbers are our own.

/** Piecewise cubic through [wavelength, value] pairs, monotone between them (Fritsch and Carlson 1980). */
export function curve(points) {
  const n = points.length
  const slope = []
  for (let i = 0; i < n - 1; i += 1) slope.push((points[i + 1][1] - points[i][1]) / (points[i + 1][0] - points[i][0]))
  const tangent = points.map((_, i) => {
    if (i === 0) return slope[0]
    if (i === n - 1) return slope[n - 2]
    if (slope[i - 1] * slope[i] <= 0) return 0
    return (2 * slope[i - 1] * slope[i]) / (slope[i - 1] + slope[i])
  })
  return (wavelength) => {
    if (wavelength <= points[0][0]) return points[0][1]
    if (wavelength >= points[n - 1][0]) return points[n - 1][1]
    let i = 0
    while (wavelength > points[i + 1][0]) i += 1
    const width = points[i + 1][0] - points[i][0]
    const t = (wavelength - points[i][0]) / width
    const u = 1 - t
    return (
      points[i][1] * (1 + 2 * t) * u * u +
      width * tangent[i] * t * u * u +
      points[i + 1][1] * t * t * (3 - 2 * t) -
      width * tangent[i + 1] * t * t * u
    )
  }
}

/** Absorption of chlorophyll a and b in a leaf, 1 at the red maximum. */
const chlorophyll = curve([
  [400, 1.02], [430, 1.1], [450, 1.02], [470, 0.95], [485, 0.84], [500, 0.63], [515, 0.44], [530, 0.32], [550, 0.27], [565, 0.3],
  [580, 0.36], [600, 0.42], [620, 0.5], [635, 0.56], [650, 0.72], [665, 0.94], [676, 1], [684, 0.9], [692, 0.58], [700, 0.31],
  [710, 0.155], [720, 0.08], [730, 0.04], [740, 0.018], [752, 0.007], [765, 0.002], [780, 0], [920, 0],
])
/** Carotenoids: blue light only. */
const carotenoid = curve([[400, 0.8], [430, 0.9], [450, 1], [485, 0.95], [505, 0.6], [525, 0.2], [545, 0.04], [560, 0], [920, 0]])
/** Brown pigments of dead tissue. */
const brown = curve([[400, 1], [450, 0.86], [500, 0.68], [550, 0.5], [600, 0.36], [650, 0.25], [700, 0.17], [750, 0.11], [800, 0.06], [920, 0.02]])
/** Liquid water in tissue: the shoulder before 970 nm. */
const tissueWater = curve([[400, 0], [720, 0], [760, 0.015], [820, 0.015], [860, 0.012], [890, 0.035], [920, 0.12]])

/** Reflectance of a thick scattering layer from absorption over scattering (Kubelka and Munk). */
function scatteringLayer(ratio) {
  return 1 + ratio - Math.sqrt(ratio * ratio + 2 * ratio)
}

/**
 * A plant canopy. greenness: amount of chlorophyll (8 to 16 in healthy leaves); density: how closed and layered
 * the canopy is (1 = full); dryness: share of brown tissue.
 */
export function vegetation(wavelength, { greenness, density = 1, dryness = 0, carotenoids = 0.35 }) {
  const absorption =
    0.17 + greenness * (chlorophyll(wavelength) + carotenoids * carotenoid(wavelength)) + 9 * dryness * brown(wavelength) + 0.55 * tissueWater(wavelength)
  return scatteringLayer(absorption) * (0.82 + 0.18 * density)
}

const soilShape = curve([
  [400, 0.2], [450, 0.28], [500, 0.37], [550, 0.5], [600, 0.625], [650, 0.7], [700, 0.765], [750, 0.82], [800, 0.862], [850, 0.888], [880, 0.902], [920, 0.945],
])

/** Loam. moisture 0 (dry, bright) to 1 (wet, dark and relatively redder). */
export function soil(wavelength, { moisture }) {
  return 0.34 * Math.pow(soilShape(wavelength), 1 + 0.45 * moisture) * (1 - 0.52 * moisture)
}

const stubbleShape = curve([
  [400, 0.068], [450, 0.1], [500, 0.146], [550, 0.205], [600, 0.252], [640, 0.28], [665, 0.287], [680, 0.29], [700, 0.317], [750, 0.357], [800, 0.387],
  [850, 0.408], [920, 0.428],
])

/** Fixed spectra, by material. */
export const fixed = {
  stubble: stubbleShape,
  gravel: curve([[400, 0.135], [450, 0.172], [500, 0.208], [550, 0.246], [600, 0.275], [700, 0.308], [800, 0.33], [860, 0.336], [920, 0.347]]),
  asphalt: curve([[400, 0.078], [450, 0.088], [550, 0.105], [650, 0.117], [750, 0.126], [850, 0.133], [920, 0.137]]),
  roadPaint: curve([[400, 0.24], [430, 0.42], [460, 0.5], [550, 0.535], [700, 0.54], [920, 0.52]]),
  tile: curve([[400, 0.055], [450, 0.065], [500, 0.08], [540, 0.105], [570, 0.165], [600, 0.225], [650, 0.268], [700, 0.3], [750, 0.325], [800, 0.325], [860, 0.312], [920, 0.33]]),
  reed: curve([[400, 0.05], [450, 0.06], [500, 0.085], [550, 0.135], [600, 0.145], [640, 0.145], [675, 0.128], [700, 0.19], [720, 0.26], [750, 0.325], [800, 0.355], [920, 0.385]]),
  water: curve([
    [400, 0.032], [430, 0.034], [470, 0.041], [510, 0.054], [550, 0.068], [572, 0.071], [600, 0.055], [640, 0.043], [665, 0.037], [678, 0.0345], [700, 0.038],
    [712, 0.032], [740, 0.0155], [770, 0.0125], [810, 0.012], [850, 0.009], [920, 0.006],
  ]),
  // Planted.
  /** Cyanobacteria: phycocyanin takes 620 nm, scattering lifts 650 and 709 nm. Green as the pond around it. */
  bloom: curve([
    [400, 0.03], [430, 0.031], [470, 0.04], [510, 0.055], [550, 0.073], [572, 0.071], [600, 0.053], [622, 0.042], [650, 0.052], [678, 0.036], [694, 0.062],
    [709, 0.083], [725, 0.054], [745, 0.037], [790, 0.034], [850, 0.026], [920, 0.021],
  ]),
  /** Polyethylene sheet with phthalocyanine blue. */
  tarpaulin: curve([
    [400, 0.17], [430, 0.24], [460, 0.33], [480, 0.335], [510, 0.25], [540, 0.15], [570, 0.085], [610, 0.062], [670, 0.06], [695, 0.075], [720, 0.16], [745, 0.33],
    [775, 0.46], [820, 0.5], [870, 0.5], [920, 0.485],
  ]),
  redPaint: curve([[400, 0.045], [540, 0.042], [570, 0.055], [590, 0.14], [605, 0.29], [625, 0.4], [660, 0.445], [750, 0.47], [920, 0.485]]),
  whitePaint: curve([[400, 0.14], [420, 0.4], [440, 0.6], [480, 0.66], [600, 0.675], [750, 0.67], [920, 0.64]]),
  markerOrange: curve([[400, 0.075], [500, 0.07], [540, 0.09], [565, 0.2], [585, 0.52], [602, 0.83], [620, 0.82], [660, 0.7], [750, 0.71], [920, 0.72]]),
  /** Green net: matches a canopy in the visible; no red well, an early and flat red edge. */
  camouflage: curve([
    [400, 0.026], [430, 0.028], [470, 0.036], [500, 0.055], [520, 0.092], [548, 0.124], [575, 0.108], [600, 0.088], [640, 0.07], [662, 0.066], [680, 0.083],
    [695, 0.145], [715, 0.225], [740, 0.285], [780, 0.322], [830, 0.33], [870, 0.345], [920, 0.372],
  ]),
}
