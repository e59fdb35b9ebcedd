import { copyFileSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { command, expect, open, test } from '../workbench'

// Not a test: writes pictures of the built app to .cache/shots, and those that the documents show to docs/images.
const root = resolve(import.meta.dirname, '../..')
const all = join(root, '.cache', 'shots')
const shown = join(root, 'docs', 'images')

const SIZES = [{ width: 1440, height: 900 }, { width: 1024, height: 700 }]
const PANELS = ['Data', 'Library', 'Spectra', 'Pipeline', 'Training', 'Bands', 'Threshold', 'Jobs']
/** Pictures of the documents by name of the shot. */
const SHOWN: Record<string, string> = { 'threshold-dark-1440': 'workbench.png' }

test('every panel in both themes and two sizes', async ({ page, workbench }) => {
  mkdirSync(all, { recursive: true })
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'Deep SVDD', exact: true }).check()
  await page.getByRole('button', { name: 'Train', exact: true }).click()
  await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 120_000 })
  for (const theme of ['dark', 'light']) {
    await command(page, `${theme === 'dark' ? 'Dark' : 'Light'} theme`)
    for (const size of SIZES) {
      await page.setViewportSize(size)
      for (const panel of PANELS) {
        await command(page, `Focus panel ${panel}`)
        // Charts end their movements.
        await page.waitForTimeout(800)
        const name = `${panel.toLowerCase()}-${theme}-${size.width}`
        await page.screenshot({ path: join(all, `${name}.png`) })
        if (SHOWN[name]) copyFileSync(join(all, `${name}.png`), join(shown, SHOWN[name]))
      }
    }
  }
})
