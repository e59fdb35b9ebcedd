import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COLOUR_MAPS, colourGradient, colourTable, oklchToSrgb } from '../../src/shared/colour-maps'
import { PIN_COLOURS, PIN_COLOURS_LIGHT, rgbOf } from '../../src/renderer/theme/overlay-colours'

const css = readFileSync('src/renderer/theme/tokens.css', 'utf8')

/** [light, dark] of a token. */
function token(name: string): [string, string] {
  const found = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css)
  if (!found) throw new Error(`There is no token --${name}.`)
  return [found[1], found[2]]
}

/** Relative luminance and contrast as WCAG 2.2 defines them. */
function luminance(hex: string): number {
  const [red, green, blue] = rgbOf(hex).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

describe('contrast', () => {
  const SURFACES = ['canvas', 'panel', 'raised', 'sunken', 'hover', 'selected']
  it.each(['text', 'text-soft', 'text-faint'])('of %s is AA on every surface, in both themes', (name) => {
    const low = SURFACES.flatMap((surface) => [0, 1].map((theme) => ({ surface, theme, contrast: contrast(token(name)[theme], token(surface)[theme]) }))).filter((each) => each.contrast < 4.5)
    expect(low).toEqual([])
  })

  it.each([['accent', 'panel'], ['accent', 'selected'], ['on-accent', 'accent'], ['on-accent', 'accent-hover'], ['danger', 'panel'], ['danger', 'danger-surface'], ['warning', 'warning-surface'], ['success', 'panel'], ['text', 'danger-surface'], ['text', 'warning-surface'], ['text-soft', 'danger-surface']])(
    'of %s on %s is AA',
    (name, surface) => {
      for (const theme of [0, 1]) expect(contrast(token(name)[theme], token(surface)[theme])).toBeGreaterThanOrEqual(4.5)
    },
  )

  it('of the borders of controls is enough to see them', () => {
    for (const theme of [0, 1]) expect(contrast(token('line-strong')[theme], token('raised')[theme])).toBeGreaterThanOrEqual(3)
  })

  it('of curves is enough on their panel', () => {
    for (const colour of PIN_COLOURS) expect(contrast(colour, token('panel')[1])).toBeGreaterThanOrEqual(3)
    for (const colour of PIN_COLOURS_LIGHT) expect(contrast(colour, token('panel')[0])).toBeGreaterThanOrEqual(3)
  })
})

describe('colour maps', () => {
  it.each(COLOUR_MAPS.map((map) => map.id))('%s grows lighter at every step', (id) => {
    const table = colourTable(id)
    const lightness = Array.from({ length: 256 }, (_, index) => {
      const hex = `#${[0, 1, 2].map((channel) => table[index * 4 + channel].toString(16).padStart(2, '0')).join('')}`
      return luminance(hex)
    })
    for (let index = 8; index < 256; index += 1) expect(lightness[index]).toBeGreaterThan(lightness[index - 8])
  })

  it.each(COLOUR_MAPS.flatMap((map) => map.stops.map((stop, index) => [map.id, index, stop] as const)))('%s stop %i can be shown', (_id, _index, stop) => {
    for (const part of oklchToSrgb(stop)) {
      expect(part).toBeGreaterThan(-0.02)
      expect(part).toBeLessThan(1.02)
    }
  })

  it('know white, black and the primaries', () => {
    const close = (found: number[], expected: number[]) => found.forEach((part, index) => expect(part).toBeCloseTo(expected[index], 3))
    close(oklchToSrgb({ lightness: 1, chroma: 0, hue: 0 }), [1, 1, 1])
    close(oklchToSrgb({ lightness: 0, chroma: 0, hue: 0 }), [0, 0, 0])
    close(oklchToSrgb({ lightness: 0.62796, chroma: 0.25768, hue: 29.2339 }), [1, 0, 0])
  })

  it('take the first map for an unknown name, and draw a gradient', () => {
    expect([...colourTable('nothing')]).toEqual([...colourTable(COLOUR_MAPS[0].id)])
    expect(colourGradient('grey')).toMatch(/^linear-gradient\(to right, rgb\(3 3 3\),.* rgb\(255 255 255\)\)$/)
  })
})
