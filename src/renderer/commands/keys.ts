/** macOS has another key for commands, and other signs for all of them. */
const MAC = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)

const MAC_SIGNS: Record<string, string> = { Mod: '⌘', Shift: '⇧', Alt: '⌥' }
const NAMES: Record<string, string> = { Mod: 'Ctrl', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', Space: 'Space' }

/** "Mod+Shift+P" as it is shown: "Ctrl+Shift+P", on macOS "⌘⇧P". */
export function shortcutText(shortcut: string, mac = MAC): string {
  const parts = partsOf(shortcut)
  return mac ? parts.map((part) => MAC_SIGNS[part] ?? NAMES[part] ?? part).join('') : parts.map((part) => NAMES[part] ?? part).join('+')
}

/** The same for aria-keyshortcuts. */
export function shortcutAria(shortcut: string, mac = MAC): string {
  return partsOf(shortcut).map((part) => (part === 'Mod' ? (mac ? 'Meta' : 'Control') : part)).join('+')
}

/**
 * Whether the event is the shortcut. Letters and signs are compared by what they type, so that every
 * keyboard finds them where they are printed; digits by their place, as Shift and Alt change what they type.
 */
export function matches(event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>, shortcut: string, mac = MAC): boolean {
  const parts = partsOf(shortcut)
  const key = parts.at(-1) ?? ''
  const wants = (name: string) => parts.slice(0, -1).includes(name)
  if (event.altKey !== wants('Alt')) return false
  if ((mac ? event.metaKey : event.ctrlKey) !== wants('Mod') || (mac ? event.ctrlKey : event.metaKey)) return false
  if (/^\d$/.test(key) && parts.length > 1) return event.shiftKey === wants('Shift') && event.code === `Digit${key}`
  // A sign that needs Shift on some keyboards is that sign with and without it.
  const sign = key.length === 1 && key.toLowerCase() === key.toUpperCase()
  if (!sign && event.shiftKey !== wants('Shift')) return false
  return event.key.toLowerCase() === key.toLowerCase()
}

/** "+" itself may be the key. */
function partsOf(shortcut: string): string[] {
  return shortcut === '+' ? ['+'] : shortcut.endsWith('++') ? [...shortcut.slice(0, -2).split('+'), '+'] : shortcut.split('+')
}
