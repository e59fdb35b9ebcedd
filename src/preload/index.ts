import { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { AnyEvent, WorkbenchHost } from '../shared/contract'

// All that the page has of Electron: one call, one stream of events, and the paths of dropped files.

const host: WorkbenchHost = {
  kind: 'electron',
  call: (name, args) => ipcRenderer.invoke('workbench:call', name, args),
  onEvent(listener) {
    const forward = (_: unknown, event: AnyEvent) => listener(event)
    ipcRenderer.on('workbench:event', forward)
    return () => ipcRenderer.off('workbench:event', forward)
  },
  pathsOf(files) {
    // Only a file that the person dropped or picked has a path; the page cannot make one up.
    const paths = files.map((file) => webUtils.getPathForFile(file)).filter((path) => path !== '')
    // Sent before any call that names these paths, and messages keep their order.
    if (paths.length > 0) ipcRenderer.send('workbench:dropped', paths)
    return paths
  },
}

contextBridge.exposeInMainWorld('workbenchHost', host)
