import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, open, test } from './workbench'

// Spectral libraries in the window: open one, see its spectra beside those of pixels, and look for one in the cube.

/** Spectra for the bands of the sample cube, in its reflectance, from 400 to 1000 nm. */
function writeTable(folder: string): string {
  const path = join(folder, 'field.csv')
  const rows = Array.from({ length: 121 }, (_, at) => {
    const nm = 400 + 5 * at
    const edge = 1 / (1 + Math.exp(-(nm - 715) / 15))
    return [nm, 0.05 + 0.45 * edge, 0.1 + 0.25 * ((nm - 400) / 600), 0.3 + 0.1 * Math.exp(-(((nm - 470) / 40) ** 2))].map((value) => value.toFixed(4)).join(';').replaceAll('.', ',')
  })
  writeFileSync(path, `# measured in July\nwavelength (nm);dry grass;bare soil;blue tarpaulin\n${rows.join('\n')}\n`)
  return path
}

async function openLibrary(page: Page, path: string): Promise<void> {
  await page.getByRole('tab', { name: 'Library' }).click()
  await page.getByRole('button', { name: 'Open library…' }).click()
  await page.getByRole('textbox', { name: 'Path' }).fill(path)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('list', { name: 'Spectra of field.csv' })).toBeVisible()
}

test('a library is opened, shown, looked for, and there again after a reload', async ({ page, workbench }) => {
  await open(page, workbench)
  await openLibrary(page, writeTable(workbench.folder))
  const spectra = page.getByRole('list', { name: 'Spectra of field.csv' })
  await expect(spectra.getByRole('listitem')).toHaveCount(3)

  await spectra.getByRole('checkbox', { name: 'Show blue tarpaulin' }).check()
  await spectra.getByRole('checkbox', { name: 'Show dry grass' }).check()
  const shown = page.getByRole('list', { name: 'Spectra of libraries that are shown' })
  await expect(shown).toContainText('blue tarpaulin')
  await expect(shown).toContainText('dry grass')

  await spectra.getByRole('button', { name: 'Use blue tarpaulin as target' }).click()
  await expect(page.getByText('Matched filter now looks for blue tarpaulin.')).toBeVisible()
  const copy = page.locator('.card', { hasText: 'Project' })
  await expect(copy.getByRole('radio', { name: 'Matched filter' })).toBeChecked()
  await page.getByRole('button', { name: 'Train' }).click()
  await expect(page.getByText(/Matched filter on farm\.hdr is finished\./).first()).toBeVisible({ timeout: 90_000 })

  await page.reload()
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  await expect(page.getByRole('list', { name: 'Spectra of libraries that are shown' })).toContainText('blue tarpaulin')
  await page.getByRole('tab', { name: 'Library' }).click()
  await expect(page.getByRole('checkbox', { name: 'Show blue tarpaulin' })).toBeChecked()
  await page.getByRole('button', { name: 'Hide blue tarpaulin' }).click()
  await expect(page.getByRole('checkbox', { name: 'Show blue tarpaulin' })).not.toBeChecked()
  await page.getByRole('button', { name: 'Close field.csv' }).click()
  await expect(page.getByText('No spectral library is open')).toBeVisible()
  expect(workbench.complaints).toEqual([])
})

test('a pinned pixel becomes the target of the pipeline that is chosen', async ({ page, workbench }) => {
  await open(page, workbench)
  const picture = page.getByRole('img', { name: /^Image of / })
  await picture.click()
  await expect(page.getByRole('list', { name: 'Pinned pixels' }).getByRole('listitem')).toHaveCount(1)
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'Spectral angle' }).check()
  await page.getByRole('button', { name: 'Use pin 1 as target' }).click()
  await expect(page.getByText(/Spectral angle now looks for the pixel at line \d+, sample \d+\./)).toBeVisible()
  const file = join(workbench.folder, 'home', 'projects', 'sample', 'pipelines', 'spectral-angle.yaml')
  expect(readFileSync(file, 'utf8')).toMatch(/target:\n\s+pixel \d+, \d+: \{pixel: \[\d+, \d+\]\}/)
  expect(workbench.complaints).toEqual([])
})

test('what is no library is said in a sentence', async ({ page, workbench }) => {
  const path = join(workbench.folder, 'letter.csv')
  writeFileSync(path, 'Dear analyst,\n')
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Library' }).click()
  await page.getByRole('button', { name: 'Open library…' }).click()
  await page.getByRole('textbox', { name: 'Path' }).fill(path)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('letter.csv cannot be read as a table of spectra')
})
