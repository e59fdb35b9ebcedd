import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { PANEL_TITLES } from '../src/renderer/texts/panels'
import { command, expect, open, test } from './workbench'

/** What assistive technology could not use of the page, or of a part of it, as "rule: element". */
async function barriers(page: Page, part?: string): Promise<string[]> {
  const builder = new AxeBuilder({ page })
  const { violations } = await (part === undefined ? builder : builder.include(part)).analyze()
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
}

for (const theme of ['dark', 'light'] as const) {
  test(`every panel, menu and dialog can be used with assistive technology, in the ${theme} theme`, async ({ page, workbench }) => {
    test.slow()
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await open(page, workbench)
    // With something in every panel.
    await page.getByRole('radio', { name: 'RX', exact: true }).check()
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 60_000 })
    await page.getByRole('img', { name: /^Image of / }).click({ position: { x: 250, y: 200 } })
    for (const [id, panel] of Object.entries(PANEL_TITLES)) {
      await page.getByRole('tab', { name: panel, exact: true }).click()
      const part = `[data-panel="${id}"]`
      await expect(page.locator(part)).toBeVisible()
      await expect.soft(barriers(page, part), panel).resolves.toEqual([])
    }
    await expect.soft(barriers(page), 'the whole window').resolves.toEqual([])
    await page.getByRole('menuitem', { name: 'Panels' }).click()
    await expect.soft(barriers(page, '[role=menu]'), 'menu').resolves.toEqual([])
    await page.keyboard.press('Escape')
    for (const [keys, name] of [['Control+k', 'Find command'], ['Control+/', 'Keyboard shortcuts'], ['Control+,', 'Settings'], ['Control+o', 'Open cube']] as const) {
      await page.keyboard.press(keys)
      await expect(page.getByRole('dialog', { name })).toBeVisible()
      // Greyed out while it is being filled.
      if (name === 'Settings') await expect(page.getByRole('button', { name: 'Save' })).toBeEnabled()
      await expect.soft(barriers(page, 'dialog[open]'), name).resolves.toEqual([])
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toHaveCount(0)
    }
    expect(workbench.complaints).toEqual([])
  })
}

test('the first start offers a tour that can be put away for good and taken again', async ({ page, workbench }) => {
  await page.goto(workbench.url)
  const tour = page.getByRole('complementary', { name: 'Tour' })
  await expect(tour).toContainText('1 of 5')
  await expect(barriers(page)).resolves.toEqual([])
  for (let step = 1; step < 5; step += 1) await tour.getByRole('button', { name: 'Next' }).click()
  await expect(page.getByRole('tab', { name: 'Threshold' })).toHaveAttribute('aria-selected', 'true')
  await tour.getByRole('button', { name: 'Back' }).click()
  await expect(page.getByRole('tab', { name: 'Pipeline' })).toHaveAttribute('aria-selected', 'true')
  await tour.getByRole('button', { name: 'Skip tour' }).click()
  await expect(tour).toHaveCount(0)
  await workbench.restart()
  await page.goto(workbench.url)
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  await expect(tour).toHaveCount(0)
  await command(page, 'Take the tour')
  await expect(tour).toContainText('1 of 5')
  // The status bar tells what the processes hold.
  await expect(page.getByRole('contentinfo')).toContainText(/\d [MG]B in use/)
  expect(workbench.complaints).toEqual([])
})

test('panels are moved, closed and found again after a start of the workbench', async ({ page, workbench }) => {
  await open(page, workbench)
  const data = page.getByRole('region', { name: 'Data', exact: true })
  const [left, right] = await Promise.all([data, page.getByRole('region', { name: 'Pipeline', exact: true })].map((region) => region.getByRole('tab').allTextContents()))
  await command(page, 'Move panel Data to the right')
  await expect(data.getByRole('tab')).toHaveText([...right, 'Data'])
  await page.getByRole('button', { name: 'Menu of the Spectra panel' }).click()
  await page.getByRole('menuitem', { name: 'Close' }).click()
  await expect(page.getByRole('tab', { name: 'Spectra' })).toHaveCount(0)
  await page.getByRole('menuitem', { name: 'View' }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Light theme' }).click()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light')
  await page.waitForTimeout(600)

  await workbench.restart()
  await open(page, workbench)
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light')
  await expect(data.getByRole('tab')).toHaveText([...right, 'Data'])
  await expect(page.getByRole('tab', { name: 'Spectra' })).toHaveCount(0)
  // Dragging does what the commands do.
  await command(page, 'Reset layout')
  await expect(data.getByRole('tab')).toHaveText(left)
  await page.getByRole('tab', { name: 'Jobs' }).dragTo(page.getByRole('tab', { name: 'Data' }))
  await expect(page.getByRole('tablist').filter({ has: page.getByRole('tab', { name: 'Data' }) }).getByRole('tab')).toHaveCount(left.length + 1)
})

test('a window that becomes narrow is arranged for its own width, and what one works in stays in front', async ({ page, workbench }) => {
  await open(page, workbench)
  const training = page.locator('[data-panel="training"]')
  const widthOf = async () => Math.round((await training.boundingBox())?.width ?? 0)
  await page.getByRole('tab', { name: 'Training' }).click()
  await expect.poll(widthOf).toBe(372)
  await page.setViewportSize({ width: 1024, height: 700 })
  await expect(page.getByRole('tab', { name: 'Training' })).toHaveAttribute('aria-selected', 'true')
  await expect.poll(widthOf).toBe(344)
  await page.setViewportSize({ width: 1440, height: 900 })
  await expect.poll(widthOf).toBe(372)
})

test('what was edited is undone and done again by name', async ({ page, workbench }) => {
  await open(page, workbench)
  const bands = page.getByRole('dialog', { name: /^Bands of/ })
  await command(page, 'Edit bands')
  await bands.getByRole('row').nth(3).getByRole('checkbox').check()
  await bands.getByRole('button', { name: 'Apply' }).click()
  await expect(bands).toHaveCount(0)
  const bad = page.locator('dt:text-is("Bad bands") + dd')
  const marked = await bad.textContent()
  await page.getByRole('menuitem', { name: 'Edit', exact: true }).click()
  await page.getByRole('menuitem', { name: /^Undo edit of the bands of / }).click()
  await expect(bad).toHaveCount(0)
  await page.keyboard.press('Control+Shift+z')
  await expect(bad).toHaveText(marked ?? '')
  expect(workbench.complaints).toEqual([])
})
