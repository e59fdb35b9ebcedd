import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from '@playwright/test'
import { chromium } from '@playwright/test'
import vue from '@vitejs/plugin-vue'
import { build } from 'vite'
import { FakeWorkbench } from './fake-workbench'

const ARGUMENTS = ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-gpu-sandbox']

/** The renderer, built into a folder of its own, and a browser to show it in. */
export class Pages {
  private constructor(
    private readonly folder: string,
    private readonly browser: Browser,
  ) {}

  static async open(): Promise<Pages> {
    const folder = await mkdtemp(join(tmpdir(), 'cuvette-pages-'))
    await build({
      configFile: false, root: resolve('src/renderer'), plugins: [vue()], logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true, target: 'chrome140', minify: false, reportCompressedSize: false, chunkSizeWarningLimit: 5000 },
    })
    const executablePath = process.env.CUVETTE_BROWSER || '/usr/bin/chromium'
    const browser = await chromium.launch({ executablePath, args: ARGUMENTS }).catch((error: Error) => {
      throw new Error(`The screens need Chromium, and ${executablePath} did not start: set CUVETTE_BROWSER. ${error.message}`)
    })
    return new Pages(folder, browser)
  }

  /** A page that has not been opened yet, the workbench behind it, and what the page complains about. */
  async page(options: BrowserContextOptions = {}): Promise<{ page: Page; workbench: FakeWorkbench; complaints: string[] }> {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', ...options })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    return { page, workbench: new FakeWorkbench(this.folder), complaints }
  }

  async close(): Promise<void> {
    await this.browser.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}
