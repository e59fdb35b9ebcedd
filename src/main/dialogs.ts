import type { BrowserWindow, OpenDialogOptions } from 'electron'
import { dialog } from 'electron'
import type { ChoosePurpose } from '../workbench/host'

const DIALOGS: Record<ChoosePurpose, OpenDialogOptions> = {
  cube: { title: 'Open cube', properties: ['openFile', 'multiSelections'] },
  mask: { title: 'Attach mask', properties: ['openFile'] },
  library: { title: 'Open spectral library', properties: ['openFile', 'multiSelections'] },
  wavelengths: { title: 'Take wavelengths from a header, a list or a cube', properties: ['openFile'] },
  'header-folder': { title: 'Folder of the corrected header', buttonLabel: 'Choose', properties: ['openDirectory', 'createDirectory'] },
  'project-folder': { title: 'Folder of the project', buttonLabel: 'Choose', properties: ['openDirectory', 'createDirectory'] },
  'export-folder': { title: 'Export into folder', buttonLabel: 'Export', properties: ['openDirectory', 'createDirectory'] },
}

/** Paths that the person chose; none when cancelled. */
export async function chooseFiles(window: BrowserWindow | null, purpose: ChoosePurpose): Promise<string[]> {
  const options = DIALOGS[purpose]
  const { canceled, filePaths } = await (window ? dialog.showOpenDialog(window, options) : dialog.showOpenDialog(options))
  return canceled ? [] : filePaths
}

/** A question that the page cannot answer in the person's stead. */
export async function confirmAccess(window: BrowserWindow | null, path: string): Promise<boolean> {
  const options = {
    type: 'question' as const,
    message: 'Allow Cuvette to use this path?',
    detail: path,
    buttons: ['Allow', 'Refuse'],
    defaultId: 1,
    cancelId: 1,
  }
  const { response } = await (window ? dialog.showMessageBox(window, options) : dialog.showMessageBox(options))
  return response === 0
}

/** After the page crashed. Resolves with whether to load it again. */
export async function askToReload(window: BrowserWindow, reason: string): Promise<boolean> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: 'The page of Cuvette ended unexpectedly.',
    detail: `Reason: ${reason}. Running work goes on, and the project is saved.`,
    buttons: ['Load again', 'Quit'],
    defaultId: 0,
    cancelId: 0,
  })
  return response === 0
}
