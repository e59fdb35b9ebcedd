import type { MenuItemConstructorOptions } from 'electron'
import { Menu } from 'electron'
import type { Workbench } from '../workbench/workbench'

/** Items that ask the page to do something. */
const COMMANDS = [
  { id: 'open-cube', menu: 'File', label: 'Open cube…', accelerator: 'CmdOrCtrl+O' },
] as const

/** Items that Electron carries out itself. */
const ROLES: Record<string, MenuItemConstructorOptions[]> = {
  File: [{ type: 'separator' }, { role: 'quit' }],
  Edit: [{ role: 'undo' }, { role: 'redo' }, { type: 'separator' }, { role: 'cut' }, { role: 'copy' }, { role: 'paste' }, { role: 'selectAll' }],
  View: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { type: 'separator' }, { role: 'togglefullscreen' }, { role: 'toggleDevTools' }],
}

export function setMenu(workbench: Workbench): void {
  const menus = Object.entries(ROLES).map(([label, roles]) => ({
    label,
    submenu: [
      ...COMMANDS.filter(({ menu }) => menu === label).map(({ id, label: text, accelerator }) => ({
        id, label: text, accelerator, click: () => workbench.command(id),
      })),
      ...roles,
    ],
  }))
  // macOS puts the application's own menu first.
  const template: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }, ...menus] : menus
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}
