import type { Command } from './command'
import { editCommands } from './edit'
import { fileCommands } from './file'
import { helpCommands } from './help'
import { panelCommands } from './panels'
import { viewCommands } from './view'

let table: readonly Command[] | null = null

/**
 * Every command of the window, from which the menu bar, the palette, the shortcuts and their list are
 * made. Built once, after the stores are there. A new command is an entry in the file of its menu.
 */
export function commandTable(): readonly Command[] {
  table ??= [...fileCommands(), ...editCommands(), ...viewCommands(), ...panelCommands(), ...helpCommands()]
  return table
}
