import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, expect, open, test } from './workbench'

test('make a project, leave it, and find both as they were left', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.getByRole('radio', { name: 'Single band' }).check()
  const folder = join(workbench.folder, 'survey “ö” 🌾')
  await page.getByRole('menuitem', { name: 'File' }).click()
  await page.getByRole('menuitem', { name: 'New project…' }).click()
  const dialog = page.getByRole('dialog', { name: 'New project' })
  await dialog.getByRole('textbox', { name: 'Folder of the project' }).fill(folder)
  await dialog.getByRole('button', { name: 'Make project' }).click()
  await expect(page.getByRole('heading', { name: 'Open a cube to begin' })).toBeVisible()
  await expect(page.getByRole('banner')).toContainText('survey “ö” 🌾')

  await command(page, 'Open project')
  await page.getByRole('dialog', { name: 'Open project' }).getByRole('region', { name: 'Recent projects' }).getByRole('button', { name: /^Sample/ }).click()
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  await expect(page.getByRole('radio', { name: 'Single band' })).toBeChecked()

  // The one that was open last is open again after a start.
  await command(page, 'Open project')
  await page.getByRole('region', { name: 'Recent projects' }).getByRole('button', { name: /^survey/ }).click()
  await expect(page.getByRole('heading', { name: 'Open a cube to begin' })).toBeVisible()
  await workbench.restart()
  await page.goto(workbench.url)
  await expect(page.getByRole('heading', { name: 'Open a cube to begin' })).toBeVisible()
  expect(workbench.complaints).toEqual([])
})

test('a damaged project comes back from its backup, one of a later version is left alone; both say so', async ({ page, workbench }) => {
  await open(page, workbench)
  const file = join(workbench.folder, 'home', 'projects', 'sample', 'project.json')
  await page.getByRole('button', { name: 'Detach mask' }).click()
  await expect(page.getByRole('button', { name: 'Attach mask' })).toBeVisible()
  await page.waitForTimeout(600)
  await workbench.restart(() => writeFileSync(file, readFileSync(file).subarray(0, 40)))
  await open(page, workbench)
  await expect(page.getByText(/recovered from its backup/)).toBeVisible()

  const later = join(workbench.folder, 'later')
  await command(page, 'New project')
  await page.getByRole('textbox', { name: 'Folder of the project' }).fill(later)
  await page.getByRole('button', { name: 'Make project' }).click()
  await expect(page.getByRole('heading', { name: 'Open a cube to begin' })).toBeVisible()
  await workbench.restart(() => writeFileSync(join(later, 'project.json'), '{"cuvetteProject": 99}'))
  await open(page, workbench)
  await expect(page.getByText(/was saved by a later version of Cuvette/).first()).toBeVisible()
  expect(readFileSync(join(later, 'project.json'), 'utf8')).toBe('{"cuvetteProject": 99}')
  expect(workbench.complaints).toEqual([])
})
