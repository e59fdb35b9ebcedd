import { join } from 'node:path'
import { app, BrowserWindow } from 'electron'
import { PAGE_URL } from './app-scheme'
import { askToReload } from './dialogs'

/** The only place that makes a window, as its security settings must be these. Shown when its first page is painted. */
export function createWindow(preload: string): BrowserWindow {
  const window = new BrowserWindow({
    name: 'workbench',
    title: 'Cuvette',
    width: 1440,
    height: 900,
    minWidth: 900,
    minHeight: 600,
    show: false,
    // The page has menus of its own; the system's ones come with Alt.
    autoHideMenuBar: true,
    backgroundColor: '#16181c',
    // Position and size as they were left; marked experimental in Electron 45.
    windowStatePersistence: true,
    webPreferences: { preload, sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true },
  })
  window.once('ready-to-show', () => window.show())
  window.webContents.on('render-process-gone', (_event, details) => {
    if (details.reason !== 'clean-exit') void recover(window, details.reason)
  })
  return window
}

export function preloadPath(root: string): string {
  return join(root, 'out', 'preload', 'index.cjs')
}

async function recover(window: BrowserWindow, reason: string): Promise<void> {
  if (await askToReload(window, reason)) await window.loadURL(PAGE_URL)
  else app.quit()
}
