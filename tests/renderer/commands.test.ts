import { describe, expect, it } from 'vitest'
import { matches, shortcutAria, shortcutText } from '../../src/renderer/commands/keys'
import { rank } from '../../src/renderer/commands/rank'

function press(key: string, change: Partial<Parameters<typeof matches>[0]> = {}): Parameters<typeof matches>[0] {
  return { key, code: '', ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...change }
}

describe('shortcuts', () => {
  it('are written as the platform writes them', () => {
    expect(shortcutText('Mod+Shift+P', false)).toBe('Ctrl+Shift+P')
    expect(shortcutText('Mod+Shift+P', true)).toBe('⌘⇧P')
    expect(shortcutText('+', false)).toBe('+')
    expect(shortcutText('ArrowLeft', false)).toBe('←')
    expect(shortcutAria('Mod+K', false)).toBe('Control+K')
    expect(shortcutAria('Mod+K', true)).toBe('Meta+K')
  })

  it('match with their modifiers and no others', () => {
    expect(matches(press('k', { ctrlKey: true }), 'Mod+K', false)).toBe(true)
    expect(matches(press('k', { metaKey: true }), 'Mod+K', false)).toBe(false)
    expect(matches(press('k', { metaKey: true }), 'Mod+K', true)).toBe(true)
    expect(matches(press('k', { ctrlKey: true, shiftKey: true }), 'Mod+K', false)).toBe(false)
    expect(matches(press('Z', { ctrlKey: true, shiftKey: true }), 'Mod+Shift+Z', false)).toBe(true)
    expect(matches(press('k'), 'Mod+K', false)).toBe(false)
    expect(matches(press('k', { ctrlKey: true, altKey: true }), 'Mod+K', false)).toBe(false)
  })

  it('find signs with and without Shift, and digits by their place', () => {
    expect(matches(press('+', { shiftKey: true }), '+', false)).toBe(true)
    expect(matches(press('+'), '+', false)).toBe(true)
    // Shift and Alt make another character of the digit, by the layout.
    expect(matches(press('!', { code: 'Digit1', shiftKey: true, altKey: true }), 'Shift+Alt+1', false)).toBe(true)
    expect(matches(press('!', { code: 'Digit2', shiftKey: true, altKey: true }), 'Shift+Alt+1', false)).toBe(false)
  })
})

describe('rank', () => {
  const titles = ['Open cube…', 'Close cube', 'Move panel Data to the right', 'Move panel Viewer to the right', 'Focus panel Data', 'Zoom in']
  const found = (typed: string) => rank(titles, typed, (title) => title)

  it('keeps everything in its order when nothing is typed', () => {
    expect(found('  ')).toEqual(titles)
  })

  it('finds every word, whole or begun, in any order and case', () => {
    expect(found('data right')).toEqual(['Move panel Data to the right'])
    expect(found('RIG mov data')).toEqual(['Move panel Data to the right'])
    expect(found('zöom')).toEqual(['Zoom in'])
    expect(found('data nothing')).toEqual([])
  })

  it('puts beginnings of words before middles, and early words before late ones', () => {
    expect(found('cube')).toEqual(['Open cube…', 'Close cube'])
    expect(rank(['Disclose', 'Close'], 'clo', (title) => title)).toEqual(['Close', 'Disclose'])
    expect(rank(['Make it open', 'Open it'], 'open', (title) => title)).toEqual(['Open it', 'Make it open'])
  })
})
