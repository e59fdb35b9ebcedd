import { useLayout } from '../stores/layout'
import { useTour } from '../stores/tour'
import { COMMANDS } from '../texts/commands'
import type { Command } from './command'

export function helpCommands(): Command[] {
  const layout = useLayout()
  const tour = useTour()
  return [
    { id: 'help.palette', title: () => COMMANDS.palette, menu: { id: 'help', section: 1 }, shortcuts: ['Mod+K', 'Mod+Shift+P'], run: () => (layout.dialog = { kind: 'palette' }) },
    { id: 'help.shortcuts', title: () => COMMANDS.shortcuts, menu: { id: 'help', section: 1 }, shortcuts: ['Mod+/'], run: () => (layout.dialog = { kind: 'shortcuts' }) },
    { id: 'help.tour', title: () => COMMANDS.tour, menu: { id: 'help', section: 2 }, run: () => tour.begin() },
  ]
}
