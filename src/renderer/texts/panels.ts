import type { PanelId } from '../docking/panel'

/** What the panels are called: on their tabs, in menus and in commands. */
export const PANEL_TITLES: Record<PanelId, string> = {
  data: 'Data',
  viewer: 'Viewer',
  spectra: 'Spectra',
  pipeline: 'Pipeline',
  training: 'Training',
  bands: 'Bands',
  threshold: 'Threshold',
  jobs: 'Jobs',
  library: 'Library',
}

export const DOCK = {
  area: 'Panels',
  menuOf: (title: string) => `Menu of the ${title} panel`,
  nothing: 'Every panel is closed',
  nothingNext: 'Open one from the Panels menu, or arrange them as they were at first.',
  reset: 'Reset layout',
}
