import type { DockviewApi, SerializedDockview } from 'dockview-vue'
import { defineStore } from 'pinia'
import { markRaw, ref, shallowRef } from 'vue'
import { arrange, grow, inReadingOrder, moveTo, open } from '../docking/dock'
import type { PanelDefinition, PanelId, Place } from '../docking/panel'
import { PANEL_TITLES } from '../texts/panels'

/** Below this width, in CSS pixels, the window has an arrangement of its own. */
export const NARROW_WIDTH = 1100

/** An arrangement as it is kept, and the panels there were: one that was closed stays closed, one that is new appears. */
export interface SavedLayout {
  dock: SerializedDockview
  known: string[]
}

export type WidthClass = 'wide' | 'narrow'
export type SavedLayouts = Partial<Record<WidthClass, SavedLayout>>

export type DialogRequest =
  | { kind: 'open-cube' | 'open-library' }
  | { kind: 'mask'; cubeId: string }
  | { kind: 'export'; runId: string }
  | { kind: 'bands' | 'save-header' | 'locate'; cubeId: string }
  | { kind: 'project'; create: boolean }
  | { kind: 'settings' | 'palette' | 'shortcuts' }

const GROWTH = 48

/** Which panels are where, what is in front, and the dialog over all of them. */
export const useLayout = defineStore('layout', () => {
  const dialog = ref<DialogRequest | null>(null)
  /** Changes with every arrangement; whoever keeps it reads `saved`. */
  const saved = shallowRef<SavedLayouts>({})
  const opened = shallowRef<PanelId[]>([])
  const inFront = shallowRef<PanelId[]>([])
  const active = ref<PanelId | null>(null)
  /** Whether the arrangement that was kept is known; panels are not made before, to be made but once. */
  const ready = ref(false)

  let dock: DockviewApi | null = null
  let panels: readonly PanelDefinition[] = []
  let width: WidthClass = 'wide'
  /** Asked for before there was a dock. */
  let wanted: PanelId | null = null
  let restoring = false

  const widthNow = (): WidthClass => (window.innerWidth < NARROW_WIDTH ? 'narrow' : 'wide')

  /** Takes the dock that was just made and fills it as it was left. */
  function attach(api: DockviewApi, all: readonly PanelDefinition[]): void {
    dock = markRaw(api)
    panels = all
    width = widthNow()
    api.onDidLayoutChange(changed)
    api.onDidActivePanelChange(look)
    restore()
    if (wanted) show(wanted)
    wanted = null
  }

  function detach(): void {
    dock = null
  }

  /** Narrow and wide windows have an arrangement each; the panel that one works in stays in front. `area`: the size of the dock now, in CSS pixels. */
  function follow(area: { width: number; height: number }): void {
    if (!dock || widthNow() === width) return
    const present = active.value
    keep()
    width = widthNow()
    // The dock takes its new size a moment after the window: sizes that are set before would shrink or grow along.
    dock.layout(area.width, area.height)
    restore()
    if (present && opened.value.includes(present)) show(present)
  }

  function restore(): void {
    const api = dock
    if (!api) return
    restoring = true
    try {
      const kept = saved.value[width]
      if (!kept || !fill(api, kept)) arrange(api, panels, width === 'narrow')
    } finally {
      restoring = false
    }
    look()
  }

  /** false when the kept arrangement cannot be used. */
  function fill(api: DockviewApi, { dock: arrangement, known }: SavedLayout): boolean {
    try {
      api.fromJSON(structuredClone(arrangement))
    } catch {
      return false
    }
    for (const panel of [...api.panels]) {
      const title = (PANEL_TITLES as Record<string, string | undefined>)[panel.id]
      if (title === undefined || !panels.some(({ id }) => id === panel.id)) api.removePanel(panel)
      else panel.api.setTitle(title)
    }
    for (const panel of panels) if (!known.includes(panel.id) && !api.getPanel(panel.id)) open(api, panel, width === 'narrow')
    return true
  }

  function changed(): void {
    look()
    if (!restoring) keep()
  }

  function keep(): void {
    if (dock) saved.value = { ...saved.value, [width]: { dock: dock.toJSON(), known: panels.map(({ id }) => id) } }
  }

  function look(): void {
    if (!dock) return
    opened.value = dock.panels.map(({ id }) => id as PanelId)
    inFront.value = dock.groups.flatMap(({ activePanel }) => (activePanel ? [activePanel.id as PanelId] : []))
    active.value = (dock.activePanel?.id as PanelId | undefined) ?? null
  }

  /** Brings a panel to the front; opens it where it was closed. */
  function show(id: PanelId): void {
    if (!dock) {
      wanted = id
      return
    }
    const definition = panels.find((panel) => panel.id === id)
    if (!definition) return
    if (dock.getPanel(id)) dock.getPanel(id)?.api.setActive()
    else open(dock, definition, width === 'narrow')
  }

  /** Brings a panel to the front and the focus into it. */
  function focus(id: PanelId): void {
    show(id)
    // Its content appears with the next frame.
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-panel="${id}"]`)?.focus())
  }

  /** The focus to the next group of panels, or the one before, from left to right and top to bottom; around the ends. */
  function focusGroup(step: 1 | -1): void {
    if (!dock || dock.groups.length === 0) return
    const groups = inReadingOrder(dock.groups)
    const at = groups.findIndex((group) => group === dock?.activeGroup)
    const next = groups[(at + step + groups.length) % groups.length]
    if (next.activePanel) focus(next.activePanel.id as PanelId)
  }

  function close(id: PanelId): void {
    const panel = dock?.getPanel(id)
    if (panel) dock?.removePanel(panel)
  }

  function move(id: PanelId, place: Place): void {
    const panel = dock?.getPanel(id)
    if (dock && panel) moveTo(panel, dock, place)
  }

  function resize(id: PanelId, axis: 'width' | 'height', direction: 1 | -1): void {
    const panel = dock?.getPanel(id)
    if (panel) grow(panel, axis, GROWTH * direction)
  }

  /** The whole dock for one panel, or as before. */
  function maximise(id: PanelId): void {
    const panel = dock?.getPanel(id)
    if (!panel) return
    if (panel.api.isMaximized()) panel.api.exitMaximized()
    else panel.api.maximize()
  }

  /** As it was at first, in narrow and in wide windows. */
  function reset(): void {
    saved.value = {}
    restore()
    keep()
  }

  /** Takes arrangements that were kept, before or after there is a dock. */
  function remember(layouts: SavedLayouts): void {
    saved.value = layouts
    ready.value = true
    restore()
  }

  return { dialog, ready, saved, opened, inFront, active, attach, detach, follow, show, focus, focusGroup, close, move, resize, maximise, reset, remember }
})
