import type { PanelDefinition, Place } from '../docking/panel'
import { PANELS } from '../panels/panels'
import { useLayout } from '../stores/layout'
import { COMMANDS, PANEL_MENU, PLACES } from '../texts/commands'
import { PANEL_TITLES } from '../texts/panels'
import type { Command } from './command'

export function panelCommands(): Command[] {
  const layout = useLayout()
  return [
    ...PANELS.map((panel): Command => ({
      id: `panels.focus.${panel.id}`, title: () => COMMANDS.focusPanel(PANEL_TITLES[panel.id]), menu: { id: 'panels', section: 1 }, shortcuts: [panel.shortcut],
      checked: () => layout.inFront.includes(panel.id), run: () => layout.focus(panel.id),
    })),
    { id: 'panels.next', title: () => COMMANDS.nextGroup, menu: { id: 'panels', section: 2 }, shortcuts: ['F6'], run: () => layout.focusGroup(1) },
    { id: 'panels.previous', title: () => COMMANDS.previousGroup, menu: { id: 'panels', section: 2 }, shortcuts: ['Shift+F6'], run: () => layout.focusGroup(-1) },
    { id: 'panels.reset', title: () => COMMANDS.resetLayout, menu: { id: 'panels', section: 3 }, run: () => layout.reset() },
    ...PANELS.flatMap((panel) => arrangements(panel).map(({ id, title, run }): Command => ({
      id: `panels.${id}.${panel.id}`, title: () => title, menu: null, when: () => layout.opened.includes(panel.id), run,
    }))),
  ]
}

/** What can be done with one panel by command: all that a pointer can do by dragging. */
export function arrangements(panel: PanelDefinition): { id: string; title: string; short: string; run: () => void }[] {
  const layout = useLayout()
  const title = PANEL_TITLES[panel.id]
  return [
    ...(Object.keys(PLACES) as Place[]).map((place) => ({
      id: `move.${place}`, title: COMMANDS.movePanel(title, PLACES[place]), short: PANEL_MENU.move(PLACES[place]), run: () => layout.move(panel.id, place),
    })),
    { id: 'maximise', title: COMMANDS.maximisePanel(title), short: PANEL_MENU.maximise, run: () => layout.maximise(panel.id) },
    { id: 'wider', title: COMMANDS.wider(title), short: PANEL_MENU.wider, run: () => layout.resize(panel.id, 'width', 1) },
    { id: 'narrower', title: COMMANDS.narrower(title), short: PANEL_MENU.narrower, run: () => layout.resize(panel.id, 'width', -1) },
    { id: 'taller', title: COMMANDS.taller(title), short: PANEL_MENU.taller, run: () => layout.resize(panel.id, 'height', 1) },
    { id: 'shorter', title: COMMANDS.shorter(title), short: PANEL_MENU.shorter, run: () => layout.resize(panel.id, 'height', -1) },
    { id: 'close', title: COMMANDS.closePanel(title), short: PANEL_MENU.close, run: () => layout.close(panel.id) },
  ]
}
