import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONTENT_SECURITY_POLICY } from '../../src/shared/content-security-policy'
import { built, ensureBuiltOnce, root } from './built'
import { smallCubeValue, writeSmallCube } from './small-cube'

// The shipped main bundle under a fake electron. This shows the order and the arguments of its calls to
// Electron; it does not show that Electron itself starts.

let folder: string
let compiled: string

beforeAll(async () => {
  await ensureBuiltOnce()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-electron-'))
  compiled = join(folder, 'compiled')
  await mkdir(compiled)
  const sources = join(root, 'tests', 'fake-electron')
  for (const name of ['electron', 'driver']) {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
    const { outputText } = ts.transpileModule(await readFile(join(sources, `${name}.ts`), 'utf8'), { compilerOptions: options })
    await writeFile(join(compiled, `${name}.mjs`), outputText)
  }
  for (const name of ['register.mjs', 'resolve-electron.mjs', 'parent-port.mjs']) await copyFile(join(sources, name), join(compiled, name))
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

async function drive(scenario: string, words: string[] = [], environment: Record<string, string> = {}): Promise<Record<string, never>> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', pathToFileURL(join(compiled, 'register.mjs')).href, join(compiled, 'driver.mjs'), built('main', 'index.js'), scenario, ...words],
    {
      timeout: 60_000,
      maxBuffer: 1 << 24,
      env: {
        ...process.env, CUVETTE_HOME: join(folder, `home-${scenario}`), CUVETTE_FAKE_APP_PATH: root,
        CUVETTE_FAKE_PARENT_PORT: pathToFileURL(join(compiled, 'parent-port.mjs')).href, ...environment,
      },
    },
  )
  return JSON.parse(stdout) as Record<string, never>
}

describe('the shipped main bundle under a fake electron', () => {
  it('calls Electron in the order that it needs, and shows the page', async () => {
    const seen = await drive('start')
    expect(seen.log).toEqual([
      'sandbox', 'schemes app', 'crash-reporter', 'lock', 'ready', 'permissions', 'fork Cuvette browse', 'fork Cuvette compute', 'handle app',
      'window', 'menu', 'load app://workbench/index.html', 'page 200', 'show', 'quit', 'quit',
    ])
    expect(seen.page).toMatchObject({
      status: 200,
      headers: { 'content-security-policy': CONTENT_SECURITY_POLICY, 'x-content-type-options': 'nosniff', 'content-type': 'text/html; charset=utf-8' },
      text: expect.stringContaining('<!doctype html>'),
    })
    expect(Object.values(seen.statuses)).toEqual([200, 404, 404, 404, 404])
    expect(seen.exits).toEqual([0])
  })

  it('keeps the page in its sandbox, and refuses other pages, windows, permissions and frames', async () => {
    const seen = await drive('start')
    expect(seen.window).toEqual({
      webPreferences: { preload: built('preload', 'index.cjs'), sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true },
      opens: { action: 'deny' },
      navigates: [true, true, false],
      webview: true,
    })
    expect(seen.permissions).toEqual([false, false, false])
    expect(seen.foreign).toEqual([false, false, false])
    expect(seen.unknown).toMatchObject({ ok: false, problem: { code: 'bad-argument' } })
    expect(seen.session).toMatchObject({ ok: true, value: { host: 'electron', nativeDialogs: true, project: { isSample: true } } })
  })

  it('opens only paths that the person gave: command line, drop, dialog; pixels come from the engine', async () => {
    const [named, dropped, typed] = await Promise.all(['named', 'dropped', 'typed'].map((name) => writeSmallCube(folder, name)))
    const seen = await drive('paths', [named, dropped, typed])
    expect(seen.band).toMatchObject({ status: 200, shape: '3,5', csp: true })
    expect((seen.band as { values: number[] }).values).toEqual(Array.from({ length: 15 }, (_, n) => smallCubeValue(1, Math.floor(n / 5), n % 5)))
    expect(seen.typed).toMatchObject({ ok: false, problem: { code: 'not-granted', path: typed } })
    expect(seen.asked).toBe(1)
    expect(seen.typedAgain).toMatchObject({ ok: false, problem: { code: 'not-granted' } })
    expect(seen.dropped).toMatchObject({ ok: true, value: { name: 'dropped.hdr' } })
    expect(seen.chosen).toEqual({ ok: true, value: { paths: [typed] } })
    expect(seen.chosenOpen).toMatchObject({ ok: true, value: { name: 'typed.hdr' } })
    expect(seen.commands).toEqual([{ command: 'open-paths', paths: [dropped] }])
    // Their keys belong to the page, which undoes more than text.
    expect(seen.roles).not.toContain('undo')
    expect(seen.roles).toContain('paste')
  })

  it('starts a lost engine again, and asks before it loads a lost page again', async () => {
    const seen = await drive('crash')
    expect(seen.recovered).toBe(true)
    expect(seen.services).toEqual(['Cuvette browse', 'Cuvette compute', 'Cuvette browse'])
    expect(seen.asked).toMatchObject([{ type: 'error', detail: expect.stringContaining('crashed') }])
  })

  it('leaves to the first window what a second start names', async () => {
    const seen = await drive('second', ['/data/scene.hdr', '--some-switch'])
    expect(seen.log).toEqual(['sandbox', 'schemes app', 'crash-reporter', 'lock', 'quit'])
    expect(seen.lockData).toEqual({ paths: ['/data/scene.hdr'] })
  })

  it('says in a dialog when it cannot start, and ends', async () => {
    const file = join(folder, 'not-a-folder')
    await writeFile(file, '')
    const seen = await drive('broken', [], { CUVETTE_HOME: file })
    expect(seen.errors).toEqual([expect.stringContaining(`Cannot write ${file}`)])
    expect(seen.exits).toEqual([1])
  })
})
