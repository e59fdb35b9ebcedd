import type { Component } from 'vue'

export type PanelId = 'data' | 'library' | 'viewer' | 'spectra' | 'pipeline' | 'training' | 'bands' | 'threshold' | 'jobs'

/** Where a panel is put when nobody said otherwise. */
export type Place = 'left' | 'centre' | 'bottom' | 'right'

/** One panel of the workbench, as panels/panels.ts lists it. Its title is in texts/panels.ts. */
export interface PanelDefinition {
  id: PanelId
  icon: Component
  component: Component
  place: Place
  /** Brings it to the front and the focus into it. */
  shortcut: string
}
