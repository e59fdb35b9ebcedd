import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect, type Page } from '@playwright/test'

/** The built web host with a data folder of its own, and a page on it that must not complain. */
export interface Workbench {
  url: string
  /** A folder of this test, removed afterwards. */
  folder: string
  /** Ends the host and starts it again with the same data folder; `url` is another one then. `between`: while it is down. */
  restart(between?: () => void): Promise<void>
  /** Process ids of the engine children, as the system sees them. */
  enginePids(): number[]
  /** What the page wrote to its console as an error, or threw. */
  complaints: string[]
}

export const test = base.extend<{ workbench: Workbench }>({
  workbench: async ({ page }, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'cuvette-e2e-'))
    let host = start(folder)
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    try {
      const made: Workbench = {
        url: await urlOf(host), folder, complaints, enginePids: () => childrenOf(host.pid),
        async restart(between) {
          await page.goto('about:blank')
          await stop(host)
          between?.()
          host = start(folder)
          made.url = await urlOf(host)
        },
      }
      await use(made)
    } finally {
      await stop(host)
      rmSync(folder, { recursive: true, force: true })
    }
  },
})

export { expect }

function start(folder: string): ChildProcess {
  return spawn(process.execPath, ['out/main/webhost.js'], {
    env: { ...process.env, CUVETTE_HOME: join(folder, 'home') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** The address that the host prints, with its token. */
function urlOf(host: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`The web host printed no address within 30 seconds: ${text}`)), 30_000)
    host.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const found = /http:\/\/127\.0\.0\.1:\d+\S*/.exec(text)
      if (!found) return
      clearTimeout(timer)
      resolve(found[0])
    })
    host.once('exit', (code) => reject(new Error(`The web host ended with ${code}: ${text}`)))
  })
}

function childrenOf(pid: number | undefined): number[] {
  const listed = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return listed.stdout.split('\n').map(Number).filter((child) => child > 0)
}

async function stop(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null) return
  const gone = new Promise((resolve) => host.once('exit', resolve))
  host.kill('SIGTERM')
  const timer = setTimeout(() => host.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(timer)
}

/** Opens the workbench and waits until the first picture is there. */
export async function open(page: Page, workbench: Workbench): Promise<void> {
  await page.goto(workbench.url)
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  // Once for each data folder; see e2e/shell.spec.ts.
  const skip = page.getByRole('button', { name: 'Skip tour' })
  if (!tourSeen.has(workbench)) {
    await skip.click()
    tourSeen.add(workbench)
  }
}

const tourSeen = new WeakSet<Workbench>()

/** Runs a command of the window by the palette. */
export async function command(page: Page, title: string): Promise<void> {
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Find command' })
  await palette.getByRole('combobox').fill(title)
  await page.keyboard.press('Enter')
  await expect(palette).toHaveCount(0)
}
