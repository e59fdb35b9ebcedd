/** A point of a colour map: lightness 0 to 1, chroma, hue in degrees, all in OKLCH. */
interface Stop {
  lightness: number
  chroma: number
  hue: number
}

interface ColourMap {
  id: string
  label: string
  stops: readonly Stop[]
}

// Lightness grows evenly from end to end, so that equal steps of the score look like equal steps.
export const COLOUR_MAPS: readonly ColourMap[] = [
  {
    id: 'ember', label: 'Ember',
    stops: [
      { lightness: 0.14, chroma: 0.06, hue: 285 }, { lightness: 0.34, chroma: 0.16, hue: 310 }, { lightness: 0.54, chroma: 0.19, hue: 370 },
      { lightness: 0.74, chroma: 0.165, hue: 415 }, { lightness: 0.95, chroma: 0.11, hue: 463 },
    ],
  },
  {
    id: 'lagoon', label: 'Lagoon',
    stops: [
      { lightness: 0.18, chroma: 0.08, hue: 290 }, { lightness: 0.37, chroma: 0.1, hue: 255 }, { lightness: 0.56, chroma: 0.088, hue: 205 },
      { lightness: 0.75, chroma: 0.15, hue: 150 }, { lightness: 0.94, chroma: 0.18, hue: 108 },
    ],
  },
  { id: 'grey', label: 'Grey', stops: [{ lightness: 0.1, chroma: 0, hue: 0 }, { lightness: 1, chroma: 0, hue: 0 }] },
]

const SIZE = 256
const tables = new Map<string, Uint8Array>()

/** RGBA bytes [256 * 4] of a map; of the first one for an unknown name. */
export function colourTable(id: string): Uint8Array {
  const known = tables.get(id)
  if (known) return known
  const map = COLOUR_MAPS.find((each) => each.id === id) ?? COLOUR_MAPS[0]
  const table = new Uint8Array(SIZE * 4)
  for (let index = 0; index < SIZE; index += 1) {
    const rgb = oklchToSrgb(between(map.stops, index / (SIZE - 1)))
    rgb.forEach((part, channel) => (table[index * 4 + channel] = Math.round(Math.min(1, Math.max(0, part)) * 255)))
    table[index * 4 + 3] = 255
  }
  tables.set(id, table)
  return table
}

/** The map as a CSS gradient from left to right. */
export function colourGradient(id: string): string {
  const table = colourTable(id)
  const stops = Array.from({ length: 17 }, (_, step) => {
    const at = Math.round((step / 16) * (SIZE - 1)) * 4
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`
  })
  return `linear-gradient(to right, ${stops.join(', ')})`
}

function between(stops: readonly Stop[], position: number): Stop {
  const place = position * (stops.length - 1)
  const index = Math.min(stops.length - 2, Math.floor(place))
  const share = place - index
  const mix = (key: keyof Stop) => stops[index][key] * (1 - share) + stops[index + 1][key] * share
  return { lightness: mix('lightness'), chroma: mix('chroma'), hue: mix('hue') }
}

/** OKLCH to gamma-encoded sRGB, parts from 0 to 1 (B. Ottosson, "A perceptual color space for image processing", 2020). */
export function oklchToSrgb({ lightness, chroma, hue }: Stop): [number, number, number] {
  const a = chroma * Math.cos((hue * Math.PI) / 180)
  const b = chroma * Math.sin((hue * Math.PI) / 180)
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encode(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]
}

function encode(linear: number): number {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055
}
