import type { BrowserWindow, IpcMainEvent, IpcMainInvokeEvent } from 'electron'
import { ipcMain } from 'electron'
import { isAppUrl } from './app-scheme'
import type { Workbench } from '../workbench/workbench'

/** The one channel each way between the page and the workbench. */
export function connectPage(window: BrowserWindow, workbench: Workbench): void {
  let granted: Promise<unknown> = Promise.resolve()

  ipcMain.handle('workbench:call', async (event, name: unknown, args: unknown) => {
    if (!isFromPage(event, window)) {
      return { ok: false, problem: { code: 'not-granted', message: 'Only the page of Cuvette may call the workbench.' } }
    }
    // A call may name the paths that were dropped just before it.
    await granted
    return await workbench.dispatch(name, args)
  })

  // Paths that the preload took from dropped files; the page itself has no such message.
  ipcMain.on('workbench:dropped', (event, paths: unknown) => {
    if (!isFromPage(event, window) || !Array.isArray(paths)) return
    granted = workbench.grantPaths(paths.filter((path) => typeof path === 'string')).catch(() => undefined)
  })

  const stopListening = workbench.onEvent((event) => {
    if (!window.isDestroyed()) window.webContents.send('workbench:event', event)
  })
  window.on('closed', stopListening)
}

function isFromPage(event: IpcMainEvent | IpcMainInvokeEvent, window: BrowserWindow): boolean {
  const frame = event.senderFrame
  return event.sender === window.webContents && frame !== null && frame.parent === null && isAppUrl(frame.url)
}
