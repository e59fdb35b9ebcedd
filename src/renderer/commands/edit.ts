import { useCubes } from '../stores/cubes'
import { useHistory } from '../stores/history'
import { useLayout } from '../stores/layout'
import { usePins } from '../stores/pins'
import { COMMANDS } from '../texts/commands'
import { HISTORY } from '../texts/history'
import type { Command } from './command'

export function editCommands(): Command[] {
  const history = useHistory()
  const layout = useLayout()
  const cubes = useCubes()
  const pins = usePins()
  return [
    { id: 'edit.undo', title: () => HISTORY.undo(history.undoTitle), menu: { id: 'edit', section: 1 }, shortcuts: ['Mod+Z'], when: () => history.undoTitle !== null, run: () => history.undo() },
    { id: 'edit.redo', title: () => HISTORY.redo(history.redoTitle), menu: { id: 'edit', section: 1 }, shortcuts: ['Mod+Shift+Z', 'Mod+Y'], when: () => history.redoTitle !== null, run: () => history.redo() },
    {
      id: 'edit.bands', title: () => COMMANDS.editBands, menu: { id: 'edit', section: 2 }, when: () => cubes.active !== null,
      run: () => cubes.active && (layout.dialog = { kind: 'bands', cubeId: cubes.active.id }),
    },
    { id: 'edit.clearPins', title: () => COMMANDS.clearPins, menu: { id: 'edit', section: 2 }, when: () => pins.ofActive.length > 0, run: () => pins.clear() },
    { id: 'edit.settings', title: () => COMMANDS.settings, menu: { id: 'edit', section: 3 }, shortcuts: ['Mod+,'], run: () => (layout.dialog = { kind: 'settings' }) },
  ]
}
