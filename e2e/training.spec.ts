import AxeBuilder from '@axe-core/playwright'
import { expect, open, test } from './workbench'

test('training: steps, curves, stop after an epoch, warm start, note, star and comparison', async ({ page, workbench }) => {
  await open(page, workbench)
  const start = async (epochs: string, from?: RegExp): Promise<void> => {
    await page.getByRole('tab', { name: 'Pipeline' }).click()
    await page.getByRole('radio', { name: 'Deep SVDD', exact: true }).check()
    await page.getByRole('textbox', { name: 'Epochs' }).fill(epochs)
    if (from) {
      const choice = page.getByLabel('Start from')
      await choice.selectOption({ label: (await choice.getByRole('option').allTextContents()).find((text) => from.test(text)) ?? '' })
    }
    await page.getByRole('button', { name: 'Train', exact: true }).click()
  }
  const runs = page.getByRole('list', { name: 'Runs' })

  await test.step('both phases are shown step by step, and the training stops after an epoch', async () => {
    await start('400')
    await expect(page.getByText(/Epoch\s*[2-9]/).first()).toBeVisible({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Stop after this epoch' }).click()
    await expect(runs).toContainText('Stopped', { timeout: 30_000 })
    const steps = page.getByRole('list', { name: 'Steps' })
    await expect(steps).toContainText('Phase 1: statistics')
    await expect(steps).toContainText('Statistics of encoder')
    await expect(steps).toContainText(/Phase 2: gradient.*\d+ of 400 epochs/)
    await page.getByText('Log', { exact: true }).click()
    await expect(page.getByRole('list', { name: 'Log' })).toContainText('Stopped; what was trained is kept.')
  })

  await test.step('curves of each kind, with the best epoch', async () => {
    const choice = page.getByRole('combobox', { name: 'Curves' })
    await expect(page.getByText(/Epoch \d+ has the lowest|The pipeline holds epoch/)).toBeVisible()
    await choice.selectOption('Learning rate')
    await expect(page.getByRole('img', { name: /^Learning rate of / })).toBeVisible()
  })

  await test.step('a note and a star can be undone', async () => {
    await page.getByRole('textbox', { name: 'Note' }).fill('short and weak')
    await page.getByRole('textbox', { name: 'Note' }).blur()
    const star = runs.getByRole('button', { name: /^Star / })
    await star.click()
    await expect(star).toHaveAttribute('aria-pressed', 'true')
    await page.keyboard.press('Control+z')
    await expect(star).toHaveAttribute('aria-pressed', 'false')
    await expect(page.getByRole('textbox', { name: 'Note' })).toHaveValue('short and weak')
  })

  await test.step('another run starts from the first one', async () => {
    await start('3', /^Deep SVDD/)
    await expect(runs.getByRole('listitem')).toHaveCount(2)
    await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 60_000 })
    await expect(page.getByText('Started from')).toBeVisible()
  })

  await test.step('both are compared', async () => {
    for (const box of await runs.getByRole('checkbox').all()) await box.check()
    const table = page.getByRole('region', { name: 'Compared runs' })
    await expect(table.getByRole('row', { name: /^Epochs 3 400$|^Epochs 400 3$/ })).toBeVisible()
    await expect(table.getByRole('row', { name: /^AUC 0\.\d+ 0\.\d+$/ })).toBeVisible()
    await expect(page.getByRole('img', { name: /^Decisions of / })).toHaveCount(2)
  })

  const { violations } = await new AxeBuilder({ page }).include('[data-panel="training"]').analyze()
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([])
  expect(workbench.complaints).toEqual([])
})
