import type { DockviewApi, DockviewGroupPanel, IDockviewPanel } from 'dockview-vue'
import { PANEL_TITLES } from '../texts/panels'
import type { PanelDefinition, PanelId, Place } from './panel'

/** Sizes of the first arrangement, in CSS pixels. */
const WIDE = { left: 264, right: 372, bottom: 230 }
const NARROW = { right: 344, bottom: 190 }

/** The name under which the dock makes every panel; which one it is says its id. */
export const PANEL_COMPONENT = 'panel'

/** Arranges all panels as they are at first. In a narrow window those of the left go with those of the right, so that the picture keeps its width. */
export function arrange(api: DockviewApi, panels: readonly PanelDefinition[], narrow: boolean): void {
  api.clear()
  const placed: Partial<Record<Place, PanelId>> = {}
  for (const place of ['centre', 'left', 'right', 'bottom'] as const) {
    const home: Place = narrow && place === 'left' ? 'right' : place
    for (const panel of panels.filter((each) => each.place === place)) {
      const sibling = placed[home]
      add(api, panel.id, sibling ? { sibling } : { place: home, centre: placed.centre }, narrow)
      placed[home] ??= panel.id
    }
  }
  // What is in front: the first panel of each place. Sizes at the end, as every split shares out what is there.
  for (const id of [placed.bottom, placed.right, placed.left, placed.centre]) if (id) api.getPanel(id)?.api.setActive()
  const sizes = narrow ? NARROW : WIDE
  if (placed.left) api.getPanel(placed.left)?.group.api.setSize({ width: WIDE.left })
  if (placed.right) api.getPanel(placed.right)?.group.api.setSize({ width: sizes.right })
  if (placed.bottom) api.getPanel(placed.bottom)?.group.api.setSize({ height: sizes.bottom })
}

/** Opens a closed panel where its kind belongs: beside what is there already, else at the edge. */
export function open(api: DockviewApi, panel: PanelDefinition, narrow: boolean): void {
  const place: Place = narrow && panel.place === 'left' ? 'right' : panel.place
  const group = groupAt(api, place)
  const sibling = group?.activePanel?.id
  add(api, panel.id, sibling ? { sibling: sibling as PanelId } : { place }, narrow)
}

/** Moves an open panel to a place: into the group that is there, else to that edge of the window. */
export function moveTo(panel: IDockviewPanel, api: DockviewApi, place: Place): void {
  const group = groupAt(api, place, panel)
  if (group === panel.group) return
  if (group) panel.api.moveTo({ group, position: 'center' })
  else panel.api.moveTo({ position: place === 'centre' ? 'right' : place })
  panel.api.setActive()
}

/** Makes the group of a panel larger or smaller by CSS pixels. */
export function grow(panel: IDockviewPanel, axis: 'width' | 'height', by: number): void {
  const { group } = panel
  group.api.setSize({ [axis]: Math.max(80, group.api[axis] + by) })
}

/** Groups from left to right, and from top to bottom where they stand in one column. */
export function inReadingOrder(groups: readonly DockviewGroupPanel[]): DockviewGroupPanel[] {
  const boxes = groups.map((group) => ({ group, box: group.element.getBoundingClientRect() }))
  return boxes.sort((one, other) => one.box.left - other.box.left || one.box.top - other.box.top).map(({ group }) => group)
}

type Spot = { sibling: PanelId } | { place: Place; centre?: PanelId }

function add(api: DockviewApi, id: PanelId, spot: Spot, narrow: boolean): void {
  const base = { id, component: PANEL_COMPONENT, title: PANEL_TITLES[id], minimumWidth: 180, minimumHeight: 90 }
  if ('sibling' in spot) {
    api.addPanel({ ...base, position: { referencePanel: spot.sibling, direction: 'within' } })
    return
  }
  const { place, centre } = spot
  if (place === 'centre') api.addPanel(base)
  else if (place === 'bottom') api.addPanel({ ...base, initialHeight: (narrow ? NARROW : WIDE).bottom, position: centre ? { referencePanel: centre, direction: 'below' } : { direction: 'below' } })
  else api.addPanel({ ...base, initialWidth: place === 'left' ? WIDE.left : (narrow ? NARROW : WIDE).right, position: { direction: place } })
}

/**
 * The group that stands for a place, judged by what is on the screen, as groups are moved freely: the
 * largest one that touches this edge of the dock and not the opposite one; for the centre that of the viewer.
 */
function groupAt(api: DockviewApi, place: Place, moving?: IDockviewPanel): DockviewGroupPanel | null {
  if (place === 'centre') return api.getPanel('viewer')?.group ?? null
  const opposite = { left: 'right', right: 'left', bottom: 'top' } as const
  const boxes = api.groups.map((group) => ({ group, box: group.element.getBoundingClientRect() }))
  const edge = (side: 'left' | 'right' | 'top' | 'bottom') => (side === 'left' || side === 'top' ? Math.min : Math.max)(...boxes.map(({ box }) => box[side]))
  const touches = (box: DOMRect, side: 'left' | 'right' | 'top' | 'bottom') => Math.abs(box[side] - edge(side)) < 2
  const there = boxes.filter(({ group, box }) => touches(box, place) && !touches(box, opposite[place]) && !(group.panels.length === 1 && group.panels[0] === moving))
  there.sort((one, other) => other.box.width * other.box.height - one.box.width * one.box.height)
  return there[0]?.group ?? null
}
