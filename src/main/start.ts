import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserWindow } from 'electron'
import { app } from 'electron'
import { homeFolder, placesUnder } from '../workbench/places'
import { Workbench } from '../workbench/workbench'
import { PAGE_URL, serveApp } from './app-scheme'
import { chooseFiles, confirmAccess } from './dialogs'
import { startEngineProcess } from './engine-process'
import { connectPage } from './ipc'
import { setMenu } from './menu'
import { refuseEverythingElse } from './security'
import { createWindow, preloadPath } from './window'

/** Boots the workbench and shows it in a window. `paths`: a project folder and cubes from the command line. */
export async function showWorkbench(paths: string[]): Promise<void> {
  await app.whenReady()
  refuseEverythingElse()
  const root = app.getAppPath()
  // Resources that were moved out of the archive lie beside it.
  const unpacked = join(process.resourcesPath ?? '', 'resources')
  const places = placesUnder(root, app.isPackaged && existsSync(unpacked) ? unpacked : undefined)
  const project = paths.find(isFolder) ?? null
  let window: BrowserWindow | null = null

  const workbench = await Workbench.boot({
    kind: 'electron',
    places,
    home: homeFolder(),
    startEngine: (role) => startEngineProcess(places.engine, role),
    choose: (purpose) => chooseFiles(window, purpose),
    confirmAccess: (path) => confirmAccess(window, path),
  }, { project })
  shutDownBeforeQuit(workbench)
  await workbench.openPaths(paths.filter((path) => path !== project))

  serveApp(places.renderer, workbench)
  window = createWindow(preloadPath(root))
  connectPage(window, workbench)
  setMenu()
  takePathsFromOutside(window, workbench)
  app.on('window-all-closed', () => app.quit())
  await window.loadURL(PAGE_URL)
}

/** A second start, or a file opened from the system's file manager. */
function takePathsFromOutside(window: BrowserWindow, workbench: Workbench): void {
  const take = async (paths: string[]) => {
    if (window.isMinimized()) window.restore()
    window.focus()
    const files = paths.filter((path) => !isFolder(path))
    await workbench.grantPaths(files)
    if (files.length > 0) workbench.offerPaths(files)
  }
  app.on('second-instance', (_event, _words, _folder, data) => void take((data as { paths?: string[] }).paths ?? []))
  app.on('open-file', (event, path) => {
    event.preventDefault()
    void take([path])
  })
}

/** Quitting waits until the project is saved and the engines are gone. */
function shutDownBeforeQuit(workbench: Workbench): void {
  let done = false
  app.on('will-quit', (event) => {
    if (done) return
    event.preventDefault()
    void workbench.shutdown().finally(() => {
      done = true
      app.quit()
    })
  })
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
