import { useLayout } from '../stores/layout'
import type { Command } from './command'
import { isAvailable } from './command'
import { matches } from './keys'
import { commandTable } from './table'

/** Runs commands by their shortcuts; returns how to stop. */
export function listenForShortcuts(): () => void {
  const listener = (event: KeyboardEvent) => {
    const command = commandFor(event)
    if (!command) return
    event.preventDefault()
    if (isAvailable(command)) void command.run()
  }
  window.addEventListener('keydown', listener)
  return () => window.removeEventListener('keydown', listener)
}

function commandFor(event: KeyboardEvent): Command | undefined {
  // A dialog and an open menu have the keys for themselves.
  if (event.defaultPrevented || event.isComposing || useLayout().dialog || (event.target as Element | null)?.closest?.('dialog, [role=menu]')) return undefined
  return commandTable().find((command) => command.shortcuts?.some((shortcut) => matches(event, shortcut)) && reaches(command, event.target))
}

/** Keys belong to the control that has the focus; without one they are the picture's. Text fields undo their own typing. */
function reaches(command: Command, target: EventTarget | null): boolean {
  if (command.scope === 'picture') return target === document.body || target instanceof HTMLCanvasElement
  return !(command.id.startsWith('edit.') && isTextField(target))
}

function isTextField(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'color', 'button', 'submit'].includes(target.type)
}
