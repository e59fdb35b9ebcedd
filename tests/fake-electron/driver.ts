import { pathToFileURL } from 'node:url'
import type { AnyEvent, Reply, CallName } from '../../src/shared/contract'
import * as fake from './electron'

// Runs the shipped main bundle against the fake, plays a person and a page, and prints what it saw as
// one JSON document. argv: the bundle, then the scenario with its words.

const [bundle, scenario, ...words] = process.argv.slice(2)
const seen: Record<string, unknown> = {}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** The bundle reads its own command line. */
async function evaluate(paths: string[]): Promise<void> {
  process.argv = [process.execPath, '.', ...paths]
  await import(pathToFileURL(bundle).href)
  setTimeout(fake.makeReady, 20)
}

async function call(name: string, args: unknown, frame: unknown = fake.windows[0].webContents.mainFrame): Promise<Reply<CallName>> {
  return (await fake.invokeFrom(frame, 'workbench:call', name, args)) as Reply<CallName>
}

function events(): AnyEvent[] {
  return fake.windows[0].webContents.sent.filter(([channel]) => channel === 'workbench:event').map(([, event]) => event as AnyEvent)
}

async function quit(): Promise<void> {
  fake.app.quit()
  await until(() => fake.appControl.exits.length > 0)
  seen.exits = fake.appControl.exits
}

const scenarios: Record<string, () => Promise<void>> = {
  async start() {
    await evaluate([])
    await until(() => fake.log.includes('show'))
    const page = await fake.fetchPage('app://workbench/index.html')
    seen.page = { status: page.status, headers: Object.fromEntries(page.headers), text: (await page.text()).slice(0, 100) }
    const statuses: Record<string, number> = {}
    for (const url of ['app://workbench/', 'app://workbench/%2e%2e%2f%2e%2e%2fpackage.json', 'app://workbench/..%5c..%5cpackage.json', 'app://elsewhere/index.html', 'app://workbench/data/nothing']) {
      statuses[url] = (await fake.fetchPage(url)).status
    }
    seen.statuses = statuses
    const contents = fake.windows[0].webContents
    const prevented = (event: string, url: string) => {
      let answer = false
      contents.emit(event, { url, preventDefault: () => (answer = true) })
      return answer
    }
    seen.window = {
      webPreferences: fake.windows[0].options.webPreferences,
      opens: contents.openHandler!({ url: 'https://example.com' } as never),
      navigates: ['https://example.com/', 'app://workbench.example/', 'app://workbench/index.html'].map((url) => prevented('will-navigate', url)),
      webview: prevented('will-attach-webview', 'x'),
    }
    let granted: unknown = null
    ;(fake.permissions.request as (c: unknown, p: string, answer: (allowed: boolean) => void) => void)(null, 'media', (allowed) => (granted = allowed))
    seen.permissions = [granted, (fake.permissions.check as () => boolean)(), (fake.permissions.device as () => boolean)()]
    seen.foreign = [
      await call('session.info', {}, { url: 'app://workbench/index.html', parent: {} }),
      await call('session.info', {}, { url: 'https://example.com/', parent: null }),
      await call('session.info', {}, null),
    ].map((reply) => reply.ok)
    seen.unknown = await call('shell.exec', {})
    seen.session = await call('session.info', {})
    await quit()
  },

  /** words: a cube on the command line, one that is dropped, one that is only typed. */
  async paths() {
    const [named, dropped, typed] = words
    await evaluate([named])
    await until(() => fake.log.includes('show'))
    const cubes = await call('cubes.list', {})
    seen.cubes = cubes
    const cubeId = cubes.ok ? (cubes.value as { id: string; name: string }[]).find((cube) => named.includes(cube.name))!.id : ''
    const band = await fake.fetchPage(`app://workbench/data/cubes/${cubeId}/bands/1?v=1&stride=1`)
    seen.band = { status: band.status, shape: band.headers.get('x-shape'), csp: band.headers.has('content-security-policy'), values: [...new Float32Array(await band.arrayBuffer())] }

    fake.dialogControl.button = 1
    seen.typed = await call('cubes.open', { path: typed })
    seen.asked = fake.dialogControl.asked.length
    fake.sendFrom({ url: 'https://example.com/', parent: null }, 'workbench:dropped', [typed])
    seen.typedAgain = await call('cubes.open', { path: typed })
    fake.sendFrom(fake.windows[0].webContents.mainFrame, 'workbench:dropped', [dropped])
    seen.dropped = await call('cubes.open', { path: dropped })
    fake.dialogControl.paths = [typed]
    seen.chosen = await call('files.choose', { purpose: 'cube' })
    seen.chosenOpen = await call('cubes.open', { path: typed })

    fake.app.emit('second-instance', {}, [], '', { paths: [dropped] })
    await until(() => events().some((event) => event.name === 'command'))
    seen.roles = fake.menuControl.template.flatMap((menu) => (menu.submenu as Electron.MenuItemConstructorOptions[]).map((item) => item.role))
    seen.commands = events().filter((event) => event.name === 'command').map((event) => event.value)
    await quit()
  },

  async crash() {
    await evaluate([])
    await until(() => fake.log.includes('show'))
    await call('cubes.list', {})
    fake.children.find((child) => child.options.serviceName === 'Cuvette browse')!.kill()
    await until(() => events().some((event) => event.name === 'engine' && event.value.status === 'lost'))
    const cubes = await call('nodes.catalogue', {})
    seen.recovered = cubes.ok
    seen.services = fake.children.map((child) => child.options.serviceName)
    fake.dialogControl.button = 0
    fake.windows[0].webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 })
    await until(() => fake.log.filter((line) => line.startsWith('load')).length === 2)
    seen.asked = fake.dialogControl.asked
    await quit()
  },

  async second() {
    fake.appControl.hasLock = false
    await evaluate(words)
    await until(() => fake.appControl.exits.length > 0)
    seen.lockData = fake.appControl.lockData
  },

  async broken() {
    await evaluate([])
    await until(() => fake.appControl.exits.length > 0)
    seen.errors = fake.dialogControl.errors
    seen.exits = fake.appControl.exits
  },
}

await scenarios[scenario]()
process.stdout.write(JSON.stringify({ log: fake.log, ...seen }))
process.exit(0)
