import { Activity, BookOpen, ChartSpline, FolderTree, Image, ListTodo, Rows4, SlidersHorizontal, Workflow } from '@lucide/vue'
import type { PanelDefinition, PanelId } from '../docking/panel'
import BandsPanel from './bands/BandsPanel.vue'
import DataPanel from './data/DataPanel.vue'
import JobsPanel from './jobs/JobsPanel.vue'
import LibraryPanel from './library/LibraryPanel.vue'
import PipelinePanel from './pipeline/PipelinePanel.vue'
import SpectrumPanel from './spectrum/SpectrumPanel.vue'
import ThresholdPanel from './threshold/ThresholdPanel.vue'
import TrainingPanel from './training/TrainingPanel.vue'
import ViewerPanel from './viewer/ViewerPanel.vue'

/** Every panel there is, in the order of the menus and of the tabs. A new one is a line here, an id in docking/panel.ts and a title in texts/panels.ts. */
export const PANELS: readonly PanelDefinition[] = [
  { id: 'data', icon: FolderTree, component: DataPanel, place: 'left', shortcut: 'Shift+Alt+1' },
  { id: 'viewer', icon: Image, component: ViewerPanel, place: 'centre', shortcut: 'Shift+Alt+2' },
  { id: 'spectra', icon: ChartSpline, component: SpectrumPanel, place: 'bottom', shortcut: 'Shift+Alt+3' },
  { id: 'pipeline', icon: Workflow, component: PipelinePanel, place: 'right', shortcut: 'Shift+Alt+4' },
  { id: 'training', icon: Activity, component: TrainingPanel, place: 'right', shortcut: 'Shift+Alt+5' },
  { id: 'threshold', icon: SlidersHorizontal, component: ThresholdPanel, place: 'right', shortcut: 'Shift+Alt+6' },
  { id: 'bands', icon: Rows4, component: BandsPanel, place: 'bottom', shortcut: 'Shift+Alt+7' },
  { id: 'jobs', icon: ListTodo, component: JobsPanel, place: 'bottom', shortcut: 'Shift+Alt+8' },
  { id: 'library', icon: BookOpen, component: LibraryPanel, place: 'left', shortcut: 'Shift+Alt+9' },
]

export function panelOf(id: string): PanelDefinition | null {
  return PANELS.find((panel) => panel.id === id) ?? null
}

export function isPanelId(id: string): id is PanelId {
  return panelOf(id) !== null
}
