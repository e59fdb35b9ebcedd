import { EventEmitter } from 'node:events'
import { fork } from 'node:child_process'
import type * as Electron from 'electron'

// What the shipped main bundle finds under the name "electron" when it runs in plain Node. It logs the
// order of calls, and throws where Electron throws. Each member is held against Electron's own types, so
// a call that Electron does not have does not compile here either.

/** What happened, in order. */
export const log: string[] = []

let ready = false
let schemesRegistered = false
let becomeReady: () => void = () => undefined
const whenReady = new Promise<void>((resolve) => (becomeReady = resolve))

/** Electron becomes ready by itself some time after the entry was evaluated. */
export function makeReady(): void {
  log.push('ready')
  ready = true
  becomeReady()
}

function requireReady(what: string): void {
  if (!ready) throw new Error(`${what} cannot be used before the app is ready`)
}

type AppMembers =
  | 'enableSandbox' | 'requestSingleInstanceLock' | 'whenReady' | 'isPackaged' | 'getAppPath' | 'quit' | 'exit'

const appEvents = new EventEmitter()
export const appControl = { hasLock: true, lockData: undefined as unknown, exits: [] as (number | undefined)[] }

const appMembers = {
  enableSandbox() {
    if (ready) throw new Error('app.enableSandbox() can only be called before app is ready')
    log.push('sandbox')
  },
  requestSingleInstanceLock(data?: Record<string, unknown>) {
    appControl.lockData = data
    log.push('lock')
    return appControl.hasLock
  },
  whenReady: () => whenReady,
  isPackaged: false,
  getAppPath: () => process.env.CUVETTE_FAKE_APP_PATH ?? process.cwd(),
  quit() {
    log.push('quit')
    let prevented = false
    appEvents.emit('will-quit', { preventDefault: () => (prevented = true) })
    if (!prevented) appControl.exits.push(0)
  },
  exit(code?: number) {
    log.push('exit')
    appControl.exits.push(code)
  },
} satisfies Pick<Electron.App, AppMembers>

export const app = Object.assign(appEvents, appMembers)

const handlers = new Map<string, (request: Request) => Response | Promise<Response>>()

export const protocol = {
  registerSchemesAsPrivileged(schemes) {
    if (ready) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready')
    if (schemesRegistered) throw new Error('registerSchemesAsPrivileged can only be called once')
    schemesRegistered = true
    log.push(`schemes ${schemes.map(({ scheme }) => scheme).join()}`)
  },
  handle(scheme, handler) {
    requireReady('protocol')
    handlers.set(scheme, handler as (request: Request) => Promise<Response>)
    log.push(`handle ${scheme}`)
  },
} satisfies Pick<Electron.Protocol, 'registerSchemesAsPrivileged' | 'handle'>

/** Asks the way the page would: through the handler of the URL's scheme. */
export async function fetchPage(url: string, init?: RequestInit): Promise<Response> {
  const handler = handlers.get(new URL(url).protocol.slice(0, -1))
  if (!handler) throw new Error(`ERR_UNKNOWN_URL_SCHEME ${url}`)
  return await handler(new Request(url, init))
}

export const permissions = { request: null as unknown, check: null as unknown, device: null as unknown }

const defaultSession = {
  setPermissionRequestHandler(handler) {
    permissions.request = handler
    log.push('permissions')
  },
  setPermissionCheckHandler: (handler) => void (permissions.check = handler),
  setDevicePermissionHandler: (handler) => void (permissions.device = handler),
} satisfies Pick<Electron.Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'>

export const session = {
  get defaultSession() {
    requireReady('session.defaultSession')
    return defaultSession
  },
}

export const crashReporter = {
  start(options) {
    if (options.uploadToServer !== false) throw new Error('Nothing is sent anywhere.')
    log.push('crash-reporter')
  },
} satisfies Pick<Electron.CrashReporter, 'start'>

const invokes = new Map<string, (event: never, ...words: never[]) => unknown>()
const ipcEvents = new EventEmitter()

export const ipcMain = Object.assign(ipcEvents, {
  handle(channel: string, listener: (event: never, ...words: never[]) => unknown) {
    if (invokes.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`)
    invokes.set(channel, listener)
  },
} satisfies Pick<Electron.IpcMain, 'handle'>)

/** Calls the way the preload would, from the frame of this URL: arguments and result are copied. */
export async function invokeFrom(frame: unknown, channel: string, ...words: unknown[]): Promise<unknown> {
  const listener = invokes.get(channel)
  if (!listener) throw new Error(`No handler registered for '${channel}'`)
  return structuredClone(await listener({ sender: windows[0].webContents, senderFrame: frame } as never, ...(structuredClone(words) as never[])))
}

export function sendFrom(frame: unknown, channel: string, ...words: unknown[]): void {
  ipcEvents.emit(channel, { sender: windows[0].webContents, senderFrame: frame }, ...structuredClone(words))
}

type WebContentsMembers = 'send' | 'setWindowOpenHandler' | 'mainFrame'

export class FakeWebContents extends EventEmitter {
  readonly sent: unknown[][] = []
  openHandler: ((details: never) => unknown) | null = null
  readonly mainFrame = { url: 'app://workbench/index.html', parent: null } as Electron.WebFrameMain

  send(...words: unknown[]): void {
    this.sent.push(structuredClone(words))
  }

  setWindowOpenHandler(handler: (details: never) => unknown): void {
    this.openHandler = handler
  }
}
null as unknown as FakeWebContents satisfies Pick<Electron.WebContents, WebContentsMembers>

type WindowMembers = 'loadURL' | 'show' | 'focus' | 'restore' | 'isMinimized' | 'isDestroyed'

export const windows: BrowserWindow[] = []

export class BrowserWindow extends EventEmitter {
  readonly webContents = new FakeWebContents()

  constructor(readonly options: Electron.BrowserWindowConstructorOptions) {
    super()
    requireReady('BrowserWindow')
    windows.push(this)
    log.push('window')
    app.emit('web-contents-created', {}, this.webContents)
  }

  async loadURL(url: string): Promise<void> {
    log.push(`load ${url}`)
    const response = await fetchPage(url)
    log.push(`page ${response.status}`)
    this.emit('ready-to-show')
  }

  show(): void {
    log.push('show')
  }

  focus(): void {
    log.push('focus')
  }

  restore(): void {
    log.push('restore')
  }

  isMinimized(): boolean {
    return false
  }

  isDestroyed(): boolean {
    return false
  }
}
null as unknown as BrowserWindow satisfies Pick<Electron.BrowserWindow, WindowMembers>

export const menuControl = { template: [] as Electron.MenuItemConstructorOptions[] }

export const Menu = {
  buildFromTemplate(template: Electron.MenuItemConstructorOptions[]) {
    requireReady('Menu')
    menuControl.template = template
    return {} as Electron.Menu
  },
  setApplicationMenu(_menu: Electron.Menu | null) {
    log.push('menu')
  },
} satisfies Pick<typeof Electron.Menu, 'setApplicationMenu'> & { buildFromTemplate: (template: Electron.MenuItemConstructorOptions[]) => Electron.Menu }

/** What the person answers next. */
export const dialogControl = { paths: [] as string[], button: 1, asked: [] as unknown[], errors: [] as string[] }

export const dialog = {
  async showOpenDialog(...words: unknown[]) {
    dialogControl.asked.push(words.at(-1))
    return { canceled: dialogControl.paths.length === 0, filePaths: dialogControl.paths }
  },
  async showMessageBox(...words: unknown[]) {
    dialogControl.asked.push(words.at(-1))
    return { response: dialogControl.button, checkboxChecked: false }
  },
  showErrorBox(title: string, content: string) {
    dialogControl.errors.push(`${title}: ${content}`)
  },
} satisfies Pick<Electron.Dialog, 'showOpenDialog' | 'showMessageBox' | 'showErrorBox'>

export const children: FakeUtilityProcess[] = []

/**
 * A Node child with the parentPort of a utility process: the shim queues messages until the engine
 * listens, as Electron does.
 */
export class FakeUtilityProcess extends EventEmitter {
  private readonly child

  constructor(modulePath: string, words: string[], readonly options: Electron.ForkOptions) {
    super()
    const shim = process.env.CUVETTE_FAKE_PARENT_PORT!
    this.child = fork(modulePath, words, { serialization: 'advanced', execArgv: ['--import', shim], stdio: ['ignore', 2, 2, 'ipc'] })
    this.child.on('message', (message) => this.emit('message', message))
    this.child.on('exit', (code) => this.emit('exit', code ?? 1))
  }

  postMessage(message: unknown): void {
    this.child.send(message as object, () => undefined)
  }

  kill(): boolean {
    return this.child.kill('SIGKILL')
  }
}
null as unknown as FakeUtilityProcess satisfies Pick<Electron.UtilityProcess, 'postMessage' | 'kill'>

export const utilityProcess = {
  fork(modulePath: string, words: string[] = [], options: Electron.ForkOptions = {}) {
    requireReady('utilityProcess')
    log.push(`fork ${options.serviceName ?? '?'}`)
    const child = new FakeUtilityProcess(modulePath, words, options)
    children.push(child)
    return child as unknown as Electron.UtilityProcess
  },
} satisfies Pick<typeof Electron.utilityProcess, 'fork'>
