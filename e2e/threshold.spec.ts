import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, open, test } from './workbench'

test('the threshold of a run: curves, handles of the decider, into the pipeline and back', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'RX', exact: true }).check()
  await page.getByRole('button', { name: /^(Train|Fit)$/ }).click()
  await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 90_000 })
  await page.getByRole('tab', { name: 'Threshold' }).click()

  const line = page.getByRole('slider', { name: 'Threshold', exact: true })
  const value = async (): Promise<number> => Number(await line.getAttribute('aria-valuenow'))
  const runs = join(workbench.folder, 'home', 'projects', 'sample', 'runs')
  const document = (): string => {
    const [run] = readdirSync(runs, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return readFileSync(join(runs, run.name, 'pipeline.yaml'), 'utf8')
  }

  await test.step('the working point is dragged along the ROC curve', async () => {
    const point = page.getByRole('slider', { name: 'Working point on the ROC curve' })
    const plot = point.locator('..')
    await plot.scrollIntoViewIfNeeded()
    const box = (await plot.boundingBox())!
    const before = await value()
    await page.mouse.move(box.x + box.width * 0.3, box.y + 1)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 1, { steps: 4 })
    await page.mouse.up()
    await expect(point).toHaveAttribute('aria-valuetext', /^False positive rate 0\.[2-9]\d\d, recall (0\.9|1\.0)/)
    expect(await value()).toBeLessThan(before)
    await page.getByRole('radio', { name: 'F1 and IoU' }).check()
    await page.getByRole('slider', { name: 'Threshold under F1 and IoU' }).press('ArrowRight')
  })

  await test.step('a handle of the decider moves the line, and is written into the pipeline', async () => {
    const field = page.getByLabel('Quantile as a number')
    await field.fill('0.9')
    await field.press('Enter')
    await expect(page.getByText(/4,0\d\d of 40,000 pixels flagged|[34],\d\d\d of \d\d,\d\d\d pixels flagged/)).toBeVisible()
    const chosen = await value()
    expect(document()).not.toContain('quantile: 0.9\n')
    await page.getByRole('button', { name: 'Use in pipeline' }).click()
    await expect(page.getByText('The pipeline decides as the picture shows.')).toBeVisible()
    expect(document()).toContain('quantile: 0.9\n')
    expect(await value()).toBeCloseTo(chosen, 5)
  })

  await test.step('undo takes it out again', async () => {
    await page.keyboard.press('Control+z')
    await expect(page.getByText('Undone: change of the decider in the pipeline.')).toBeVisible()
    expect(document()).not.toContain('quantile: 0.9\n')
    await expect(page.getByRole('button', { name: 'Use in pipeline' })).toBeEnabled()
  })

  await test.step('without a mask only what needs none is offered', async () => {
    await page.getByRole('button', { name: 'Detach mask' }).click()
    await expect(page.getByRole('button', { name: 'Best F1' })).toBeDisabled()
    await expect(page.getByRole('button', { name: 'Best IoU' })).toBeDisabled()
    await page.getByRole('button', { name: 'Otsu' }).click()
    await expect(page.getByRole('slider', { name: 'Working point on the ROC curve' })).toHaveCount(0)
  })

  const { violations } = await new AxeBuilder({ page }).include('[data-panel="threshold"]').analyze()
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([])
  expect(workbench.complaints).toEqual([])
})
