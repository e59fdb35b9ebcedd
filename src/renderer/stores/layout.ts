import { defineStore } from 'pinia'
import { reactive, ref, watch } from 'vue'

export type SideTab = 'pipeline' | 'training' | 'threshold'

interface PanelSizes {
  left: number
  right: number
  bottom: number
}

const KEY = 'cuvette.panels'
const FIRST: PanelSizes = { left: 264, right: 372, bottom: 230 }

/** Limits of each panel in CSS pixels. */
export const PANEL_LIMITS: Record<keyof PanelSizes, { least: number; most: number }> = {
  left: { least: 200, most: 420 },
  right: { least: 300, most: 640 },
  bottom: { least: 120, most: 520 },
}

/** Sizes of the panels, and what is in front. */
export const useLayout = defineStore('layout', () => {
  const sizes = reactive<PanelSizes>({ ...FIRST, ...remembered() })
  const tab = ref<SideTab>('pipeline')
  /** The dialog that asks for a path, and what for. */
  const dialog = ref<DialogRequest | null>(null)

  function resize(panel: keyof PanelSizes, size: number): void {
    const { least, most } = PANEL_LIMITS[panel]
    sizes[panel] = Math.round(Math.min(most, Math.max(least, size)))
  }

  watch(sizes, (value) => localStorage.setItem(KEY, JSON.stringify(value)))

  return { sizes, tab, dialog, resize }
})

export type DialogRequest = { kind: 'open-cube' } | { kind: 'mask'; cubeId: string } | { kind: 'export'; runId: string } | { kind: 'bands' | 'save-header'; cubeId: string } | { kind: 'settings' }

function remembered(): Partial<PanelSizes> {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>
    return Object.fromEntries(Object.keys(FIRST).flatMap((key) => (typeof stored[key] === 'number' ? [[key, stored[key]]] : [])))
  } catch {
    return {}
  }
}
