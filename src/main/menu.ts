import type { MenuItemConstructorOptions } from 'electron'
import { Menu } from 'electron'

/**
 * What only the system can do. Everything else is in the menus of the page, which both hosts show;
 * without accelerators of its own for undo and redo, whose keys belong to the page.
 */
const ROLES: Record<string, MenuItemConstructorOptions[]> = {
  File: [{ role: 'quit' }],
  Edit: [{ role: 'cut' }, { role: 'copy' }, { role: 'paste' }, { role: 'selectAll' }],
  View: [{ role: 'togglefullscreen' }, { role: 'toggleDevTools' }],
}

export function setMenu(): void {
  const menus = Object.entries(ROLES).map(([label, submenu]) => ({ label, submenu }))
  // macOS puts the application's own menu first.
  const template: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }, ...menus] : menus
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}
