import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, open, test, type Workbench } from './workbench'

const HEADER = [
  'ENVI', '; kept as it is', 'samples = 10', 'lines = 12', 'bands = 4', 'data type = 4', 'interleave = bsq', 'byte order = 0', 'sensor type = handmade', 'wavelength = {450, 550, 650, 850}', '',
].join('\n')

/** Four bands without a stated unit: the second constant, the last empty; and a mask of three classes. */
function writeTray(folder: string): { header: string; mask: string } {
  const header = join(folder, 'tray.hdr')
  writeFileSync(header, HEADER)
  const values = Float32Array.from({ length: 480 }, (_, at) => [(at * 37) % 251, 7, (at * 11) % 97, Number.NaN][Math.floor(at / 120)])
  writeFileSync(join(folder, 'tray.img'), new Uint8Array(values.buffer))
  const mask = join(folder, 'labels.hdr')
  writeFileSync(mask, 'ENVI\nsamples = 10\nlines = 12\nbands = 1\ndata type = 1\ninterleave = bsq\n')
  writeFileSync(join(folder, 'labels.img'), Uint8Array.from({ length: 120 }, (_, at) => at % 3))
  return { header, mask }
}

async function openTray(page: Page, workbench: Workbench, header: string): Promise<void> {
  await open(page, workbench)
  await page.getByRole('button', { name: 'Open cube' }).first().click()
  await page.getByRole('textbox', { name: /path/i }).fill(header)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('img', { name: /^Image of tray/ })).toBeVisible()
}

test('correct what the header got wrong, keep it, and save a corrected header beside the original', async ({ page, workbench }) => {
  const { header } = writeTray(workbench.folder)
  await openTray(page, workbench, header)
  await expect(page.getByText('450–850 nm (unit guessed)')).toBeVisible()
  await page.getByRole('button', { name: 'Edit bands…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Bands of tray.hdr' })
  await dialog.getByRole('button', { name: 'Detect bad bands' }).click()
  await expect(dialog.getByText('2 bands without information: 2, 4')).toBeVisible()
  await expect(dialog.getByText('always 7')).toBeVisible()
  await expect(dialog.getByText('only NaN')).toBeVisible()
  await dialog.getByRole('button', { name: 'Mark 2 bands as bad' }).click()
  await dialog.getByRole('button', { name: 'Attach…' }).click()
  await dialog.getByRole('textbox', { name: 'Wavelengths as text' }).fill('450\n550\nsix\n850\n')
  await dialog.getByRole('button', { name: 'Use these' }).click()
  await expect(dialog.getByRole('alert')).toContainText('line 3 holds "six" where a number is expected')
  await dialog.getByRole('textbox', { name: 'Wavelengths as text' }).fill('Band,Wavelength (nm),FWHM\n1,451,5\n2,551,5\n3,651,5\n4,851,5\n')
  await dialog.getByRole('button', { name: 'Use these' }).click()
  await expect(dialog.getByText('4 wavelengths taken, with band widths.')).toBeVisible()
  await dialog.getByRole('button', { name: 'Save corrected header…' }).click()

  const save = page.getByRole('dialog', { name: 'Save corrected header of tray.hdr' })
  const path = save.getByRole('textbox', { name: 'Path of the new header' })
  await path.fill(header)
  await save.getByRole('button', { name: 'Save header' }).click()
  await expect(save.getByRole('alert')).toContainText('belongs to the cube itself, which is never changed')
  const corrected = join(workbench.folder, 'tray_corrected.hdr')
  await path.fill(corrected)
  await save.getByRole('button', { name: 'Save header' }).click()
  await expect(save.getByText('To open it, put a copy of')).toBeVisible()
  await save.getByRole('button', { name: 'Done' }).click()
  expect(readFileSync(header, 'utf8')).toBe(HEADER)
  const text = readFileSync(corrected, 'utf8')
  for (const line of ['; kept as it is', 'sensor type = handmade', 'bbl = {1, 0, 1, 0}', 'wavelength = {451, 551, 651, 851}', 'wavelength units = Nanometers', 'fwhm = {5, 5, 5, 5}']) expect(text).toContain(line)

  // In the project, also after a reload: the list of bands, the slider and the facts say it.
  await page.reload()
  await page.getByRole('button', { name: /^tray\.hdr/ }).click()
  await expect(page.getByText('451–851 nm', { exact: true }).first()).toBeVisible()
  await page.getByRole('radio', { name: 'Single band' }).check()
  await expect(page.getByRole('img', { name: 'Bad bands: 2, 4' })).toBeVisible()

  // The saved header opens with a copy of the data, and says by itself what was said.
  copyFileSync(join(workbench.folder, 'tray.img'), join(workbench.folder, 'tray_corrected.img'))
  await page.getByRole('button', { name: 'Open cube' }).first().click()
  await page.getByRole('textbox', { name: /path/i }).fill(corrected)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('img', { name: /^Image of tray_corrected/ })).toBeVisible()
  await expect(page.getByText('Corrected', { exact: true })).toHaveCount(0)
  await expect(page.getByText('2, 4', { exact: true })).toBeVisible()
  expect(existsSync(join(workbench.folder, 'tray.img'))).toBe(true)
  expect(workbench.complaints).toEqual([])
})

test('name the classes of a mask and say what they are taken for', async ({ page, workbench }) => {
  const { header, mask } = writeTray(workbench.folder)
  await openTray(page, workbench, header)
  await page.getByRole('button', { name: 'Attach mask…' }).click()
  await page.getByRole('textbox', { name: /path/i }).fill(mask)
  await page.keyboard.press('Enter')
  const name = page.getByRole('textbox', { name: 'Name of class 2' })
  await name.fill('weed')
  await name.press('Enter')
  await page.getByRole('combobox', { name: 'Use of class 1' }).selectOption('ignore')
  await expect(page.getByRole('button', { name: 'Classes as the file says' })).toBeVisible()
  await page.reload()
  await page.getByRole('button', { name: /^tray\.hdr/ }).click()
  await expect(name).toHaveValue('weed')
  await expect(page.getByRole('combobox', { name: 'Use of class 1' })).toHaveValue('ignore')
  await page.getByRole('button', { name: 'Classes as the file says' }).click()
  await expect(name).toHaveValue('')
  expect(workbench.complaints).toEqual([])
})

test('keep settings for the next time', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.keyboard.press('Control+,')
  await page.getByRole('textbox', { name: 'Memory for pixels' }).fill('64')
  await page.getByRole('dialog', { name: 'Settings' }).getByRole('button', { name: 'Save' }).click()
  await page.reload()
  await page.keyboard.press('Control+,')
  await expect(page.getByRole('textbox', { name: 'Memory for pixels' })).toHaveValue('64')
  expect(workbench.complaints).toEqual([])
})
