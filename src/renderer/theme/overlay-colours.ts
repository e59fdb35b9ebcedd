import { IGNORED } from '../../shared/threshold-curve'

// Colours that lie over the picture, the same in both themes: the picture decides what stands out, not the window.

/** Flagged pixels. */
export const DECISION_COLOUR = '#ff2fb3'

/** Classes of a mask; class k has colour (k - 1) modulo 8. */
export const CLASS_COLOURS = ['#22d3ee', '#facc15', '#a78bfa', '#4ade80', '#fb923c', '#f472b6', '#60a5fa', '#e2e8f0'] as const

export const IGNORED_COLOUR = '#9aa3ad'

/** Pinned pixels on the picture; the curves use a shade that reads on the panel. */
export const PIN_COLOURS = ['#f2a33a', '#4cb8f5', '#5cd07a', '#f26d6d', '#b596f5', '#f5e15c', '#4fd8c4', '#f08fc8'] as const

/** The same colours for curves on a light panel. */
export const PIN_COLOURS_LIGHT = ['#b35c00', '#0a6ab8', '#1a7f37', '#c02f2f', '#6f42c1', '#857400', '#0b7a6f', '#b83280'] as const

/** null for what is not drawn: class 0 is normal. */
export function classColour(id: number): string | null {
  if (id === 0) return null
  return id === IGNORED ? IGNORED_COLOUR : CLASS_COLOURS[(id - 1) % CLASS_COLOURS.length]
}

export function className(id: number): string {
  if (id === 0) return 'normal'
  return id === IGNORED ? 'ignored' : `class ${id}`
}

export function rgbOf(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16)
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255]
}
