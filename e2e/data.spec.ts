import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, open, test } from './workbench'

/** A small ENVI cube: 12 lines, 10 samples, 4 bands of uint8, and a mask beside it. */
function writeCube(folder: string, name: string, maskName: string | null): string {
  const header = (bands: number, more = ''): string =>
    `ENVI\nsamples = 10\nlines = 12\nbands = ${bands}\nheader offset = 0\nfile type = ENVI Standard\ndata type = 1\ninterleave = bsq\nbyte order = 0\n${more}`
  writeFileSync(join(folder, `${name}.hdr`), header(4, 'wavelength units = Nanometers\nwavelength = {450, 550, 650, 850}\n'))
  writeFileSync(join(folder, `${name}.img`), Uint8Array.from({ length: 480 }, (_, index) => (index * 37) % 251))
  if (maskName) {
    writeFileSync(join(folder, `${maskName}.hdr`), header(1))
    writeFileSync(join(folder, `${maskName}.img`), Uint8Array.from({ length: 120 }, (_, index) => (index % 17 === 0 ? 1 : 0)))
  }
  return join(folder, `${name}.hdr`)
}

test('open a cube by path, attach a mask to it', async ({ page, workbench }) => {
  const path = writeCube(workbench.folder, 'tray', 'labels')
  await open(page, workbench)
  await page.getByRole('button', { name: 'Open cube' }).first().click()
  await page.getByRole('textbox', { name: /path/i }).fill(path)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('img', { name: /^Image of tray/ })).toBeVisible()
  await expect(page.getByRole('list', { name: 'Open cubes' })).toContainText('10 × 12')
  await page.getByRole('button', { name: 'Attach mask…' }).click()
  await page.getByRole('textbox', { name: /path/i }).fill(join(workbench.folder, 'labels.hdr'))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Detach mask' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('list', { name: 'Open cubes' })).toContainText('tray')
  expect(workbench.complaints).toEqual([])
})

test('drop a cube on the window', async ({ page, workbench }) => {
  const path = writeCube(workbench.folder, 'dropped', null)
  await open(page, workbench)
  const files = [path, path.replace('.hdr', '.img')].map((file) => ({ name: file.split('/').pop()!, bytes: [...readFileSync(file)] }))
  const transfer = await page.evaluateHandle((all) => {
    const data = new DataTransfer()
    for (const { name, bytes } of all) data.items.add(new File([new Uint8Array(bytes)], name))
    return data
  }, files)
  const target = page.getByRole('img', { name: /^Image of / })
  for (const type of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(type, { dataTransfer: transfer })
  await expect(page.getByRole('img', { name: /^Image of dropped/ })).toBeVisible()
  expect(workbench.complaints).toEqual([])
})

test('what is not a cube is said in a sentence, and the app goes on', async ({ page, workbench }) => {
  const path = join(workbench.folder, 'letter.txt')
  writeFileSync(path, 'Dear analyst,\n')
  await open(page, workbench)
  await page.getByRole('button', { name: 'Open cube' }).first().click()
  await page.getByRole('textbox', { name: /path/i }).fill(path)
  await page.keyboard.press('Enter')
  await expect(page.getByText(/letter\.txt is not a cube that can be read/).first()).toBeVisible()
})
