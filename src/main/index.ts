import { isAbsolute, resolve } from 'node:path'
import { app, crashReporter, dialog } from 'electron'
import { toProblem } from '../shared/problem'
import { registerAppScheme } from './app-scheme'
import { showWorkbench } from './start'

// Entry of the Electron window. What must happen before 'ready' stands here, before anything is awaited.

/** Project folder and files of a command line; switches are Chromium's own. */
function pathsOf(words: string[], folder: string): string[] {
  return words.filter((word) => !word.startsWith('-')).map((word) => (isAbsolute(word) ? word : resolve(folder, word)))
}

const words = process.argv.slice(app.isPackaged ? 1 : 2)
const paths = pathsOf(words, process.cwd())

app.enableSandbox()
registerAppScheme()
crashReporter.start({ uploadToServer: false })

if (app.requestSingleInstanceLock({ paths })) {
  showWorkbench(paths).catch((error: unknown) => {
    dialog.showErrorBox('Cuvette cannot start', toProblem(error).message)
    app.exit(1)
  })
} else {
  // The window that is open already takes the paths over.
  app.quit()
}
