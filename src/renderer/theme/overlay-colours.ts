import type { MaskDescription } from '../../shared/cube'
import { IGNORED } from '../../shared/threshold-curve'

// Colours that lie over the picture, the same in both themes: the picture decides what stands out, not the window.

/** Flagged pixels. */
export const DECISION_COLOUR = '#ff2fb3'

/** Decisions against a mask; told apart with every kind of colour vision. */
export const CONFUSION_COLOURS = { truePositive: '#2fbf9b', falsePositive: '#e8752a', falseNegative: '#5aa9f0' } as const

/** Classes of a mask; class k has colour (k - 1) modulo 8. */
export const CLASS_COLOURS = ['#22d3ee', '#facc15', '#a78bfa', '#4ade80', '#fb923c', '#f472b6', '#60a5fa', '#e2e8f0'] as const

export const IGNORED_COLOUR = '#9aa3ad'

/** Pinned pixels on the picture; the curves use a shade that reads on the panel. */
export const PIN_COLOURS = ['#f2a33a', '#4cb8f5', '#5cd07a', '#f26d6d', '#b596f5', '#f5e15c', '#4fd8c4', '#f08fc8'] as const

/** The same colours for curves on a light panel. */
export const PIN_COLOURS_LIGHT = ['#b35c00', '#0a6ab8', '#1a7f37', '#c02f2f', '#6f42c1', '#857400', '#0b7a6f', '#b83280'] as const

/** Spectra of libraries: quieter than pins, and drawn with long dashes. */
export const LIBRARY_COLOURS = ['#9fd0c9', '#d9b38c', '#b9b6e8', '#c9d68a', '#e3a6b4', '#8fc0e0', '#d6c6a8', '#b3cbb0'] as const

/** The same for a light panel. */
export const LIBRARY_COLOURS_LIGHT = ['#2f6f68', '#7d5226', '#524c9c', '#5d6a12', '#8f3b50', '#2b6189', '#6b5c33', '#3f6440'] as const

type Classes = MaskDescription['classes']

/** null for what is not drawn: class 0, unless something is said of it. */
export function classColour(id: number, classes: Classes = []): string | null {
  const { colour, use } = classes.find((each) => each.id === id) ?? {}
  if (isIgnored(id, classes)) return IGNORED_COLOUR
  if (id === 0 && use !== 'anomalous') return null
  // Black is what files give to classes that nobody coloured, and would not be seen.
  if (colour?.some((part) => part > 0)) return hexOfBytes(colour)
  return CLASS_COLOURS[(id + CLASS_COLOURS.length - 1) % CLASS_COLOURS.length]
}

/** The name that the file or a person gave the class, else what it usually is. */
export function className(id: number, classes: Classes = []): string {
  const name = classes.find((each) => each.id === id)?.name
  if (name) return name
  if (id === 0) return 'normal'
  return id === IGNORED ? 'ignored' : `class ${id}`
}

/** Whether pixels of the class are not judged; they are hatched. */
export function isIgnored(id: number, classes: Classes = []): boolean {
  const use = classes.find((each) => each.id === id)?.use
  return use ? use === 'ignore' : id === IGNORED
}

/** For every class id red, green, blue and how it is drawn: 0 not, 128 hatched, 255 filled. [256 * 4]. */
export function classTable(classes: Classes = []): Uint8Array {
  const table = new Uint8Array(256 * 4)
  for (let id = 0; id < 256; id += 1) {
    const colour = classColour(id, classes)
    if (colour) table.set([...rgbBytesOf(colour), isIgnored(id, classes) ? 128 : 255], 4 * id)
  }
  return table
}

/** As a colour field wants it. */
export function hexOf(colour: string | null): string {
  return colour ?? '#000000'
}

function hexOfBytes(parts: readonly number[]): string {
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

export function rgbBytesOf(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

export function rgbOf(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16)
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255]
}
