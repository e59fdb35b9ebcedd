import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../workbench/fake-host'
import { built, ensureBuiltOnce, root } from './built'
import { openPage } from './page-client'

// The entries that a person starts: npm start without a display, and the web host by hand.

beforeAll(ensureBuiltOnce, 120_000)

interface Started {
  process: ChildProcess
  output(): string
  /** The URL, once it is printed. */
  url: Promise<string>
  ended: Promise<number | null>
}

function start(script: string, words: string[], home: string): Started {
  const environment = { ...process.env, CUVETTE_HOME: home }
  delete (environment as NodeJS.ProcessEnv).DISPLAY
  delete (environment as NodeJS.ProcessEnv).WAYLAND_DISPLAY
  const child = spawn(process.execPath, [script, ...words], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const url = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      text += String(chunk)
      const found = /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+(?=\s)/.exec(text)
      if (found) resolve(found[0])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then(() => reject(new Error(`ended without a URL: ${text}`)))
  })
  url.catch(() => undefined)
  return { process: child, output: () => text, url, ended }
}

describe('npm start', () => {
  it.runIf(process.platform === 'linux')('without a display shows the sample in the browser, says why, and ends cleanly', async () => {
    const home = await temporaryFolder()
    const started = start(join(root, 'scripts', 'start.mjs'), [], home)
    const page = await openPage(await started.url)
    expect(started.output()).toContain('The workbench opens in the browser: there is no display')
    expect(await page.call('session.info', {})).toMatchObject({ project: { isSample: true, problems: [] } })
    expect((await page.get('/')).status).toBe(200)
    started.process.kill('SIGINT')
    expect(await started.ended).toBe(0)
    expect(await page.closed).toBe(1001)
  })

  it('says in a sentence that the project is open already', async () => {
    const home = await temporaryFolder()
    await start(built('main', 'webhost.js'), [], home).url
    const second = start(join(root, 'scripts', 'start.mjs'), ['--browser', '--no-open'], home)
    expect(await second.ended).toBe(1)
    expect(second.output()).toContain('is open in another Cuvette')
  })
})

describe('the web host by hand', () => {
  it('opens again after it was killed', async () => {
    const home = await temporaryFolder()
    const first = start(built('main', 'webhost.js'), [], home)
    await first.url
    first.process.kill('SIGKILL')
    await first.ended
    const second = start(built('main', 'webhost.js'), [], home)
    expect(await openPage(await second.url)).toBeDefined()
    second.process.kill('SIGTERM')
    expect(await second.ended).toBe(0)
  })

  it('names a port that cannot be', async () => {
    const started = start(built('main', 'webhost.js'), ['--port', '99999'], await temporaryFolder())
    expect(await started.ended).toBe(1)
    expect(started.output()).toContain('Port 99999 does not exist')
    expect(started.output()).not.toContain('    at ')
  })
})
