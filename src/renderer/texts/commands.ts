import type { MenuId } from '../commands/command'
import type { Place } from '../docking/panel'

export const MENU_TITLES: Record<MenuId, string> = { file: 'File', edit: 'Edit', view: 'View', panels: 'Panels', help: 'Help' }

export const MENU_BAR = 'Main menu'

export const COMMANDS = {
  openCube: 'Open cube…',
  attachMask: 'Attach mask…',
  openLibrary: 'Open spectral library…',
  openProject: 'Open project…',
  newProject: 'New project…',
  exportRun: 'Export run…',
  settings: 'Settings…',
  closeCube: 'Close cube',
  editBands: 'Edit bands…',
  palette: 'Find command…',
  shortcuts: 'Keyboard shortcuts',
  tour: 'Take the tour',
  themeSystem: 'Theme of the system',
  themeLight: 'Light theme',
  themeDark: 'Dark theme',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  fit: 'Fit to view',
  actualSize: 'Actual size',
  nextBand: 'Next band',
  previousBand: 'Previous band',
  lookLeft: 'Look further left',
  lookRight: 'Look further right',
  lookUp: 'Look further up',
  lookDown: 'Look further down',
  clearPins: 'Remove all pins',
  stopJob: 'Stop current work',
  resetLayout: 'Reset layout',
  nextGroup: 'Focus next group of panels',
  previousGroup: 'Focus previous group of panels',
  focusPanel: (title: string) => `Focus panel ${title}`,
  closePanel: (title: string) => `Close panel ${title}`,
  movePanel: (title: string, place: string) => `Move panel ${title} to ${place}`,
  maximisePanel: (title: string) => `Maximise or restore panel ${title}`,
  wider: (title: string) => `Make panel ${title} wider`,
  narrower: (title: string) => `Make panel ${title} narrower`,
  taller: (title: string) => `Make panel ${title} taller`,
  shorter: (title: string) => `Make panel ${title} shorter`,
}

export const PLACES: Record<Place, string> = { left: 'the left', centre: 'the centre', bottom: 'the bottom', right: 'the right' }

/** In the menu of one panel, where its name is clear. */
export const PANEL_MENU = {
  move: (place: string) => `Move to ${place}`,
  maximise: 'Maximise or restore',
  wider: 'Wider',
  narrower: 'Narrower',
  taller: 'Taller',
  shorter: 'Shorter',
  close: 'Close',
}

export const PALETTE = {
  title: 'Find command',
  placeholder: 'Type what you want to do',
  nothing: (text: string) => `No command is called “${text}”.`,
}

export const SHORTCUTS = {
  title: 'Keyboard shortcuts',
  command: 'Command',
  keys: 'Keys',
  picture: 'Where no control has the focus',
  everywhere: 'Everywhere',
  panels: 'On the tab of a panel',
  /** Keys of the docking library. */
  dock: [
    { keys: ['ArrowLeft', 'ArrowRight'], title: 'Go to the neighbouring tab' },
    { keys: ['Enter'], title: 'Bring it to the front' },
    { keys: ['Delete'], title: 'Close it' },
  ],
}
