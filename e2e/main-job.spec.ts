import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, open, test } from './workbench'

test('the sample: look, train, threshold, export', async ({ page, workbench }) => {
  let chosen = NaN
  await test.step('the first start shows the sample', async () => {
    await open(page, workbench)
    await expect(page.getByRole('list', { name: 'Open cubes' })).toContainText('200 × 200')
    await expect(page.getByRole('list', { name: 'Open cubes' })).toContainText('430–910 nm')
  })

  await test.step('any band, and a pixel with its spectrum', async () => {
    await page.getByRole('radio', { name: 'Single band' }).check()
    const slider = page.getByRole('slider', { name: 'Band' })
    await slider.focus()
    const before = await slider.getAttribute('aria-valuetext')
    await page.keyboard.press('ArrowRight')
    await expect(slider).not.toHaveAttribute('aria-valuetext', before ?? '')
    const picture = page.getByRole('img', { name: /^Image of / })
    await picture.hover({ position: { x: 250, y: 200 } })
    await expect(page.getByLabel('Pixel under the cursor')).toContainText(/Line\s*\d+/)
    await picture.click({ position: { x: 250, y: 200 } })
    await expect(page.getByRole('list', { name: 'Pinned pixels' }).getByRole('listitem')).toHaveCount(1)
  })

  await test.step('train Deep SVDD, with the loss as it falls', async () => {
    await page.getByRole('tab', { name: 'Pipeline' }).click()
    await page.getByRole('radio', { name: 'Deep SVDD', exact: true }).check()
    await page.getByRole('textbox', { name: 'Epochs' }).fill('6')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await expect(page.getByRole('tab', { name: 'Training' })).toHaveAttribute('aria-selected', 'true')
    await expect(page.getByRole('img', { name: /loss/i })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 90_000 })
    const auc = Number(await page.getByLabel('Metrics').getByText(/^[01]\.\d+$/).first().textContent())
    expect(auc).toBeGreaterThan(0.8)
  })

  await test.step('the threshold follows the keyboard and the picture follows the threshold', async () => {
    await page.getByRole('tab', { name: 'Threshold' }).click()
    const threshold = page.getByRole('slider', { name: 'Threshold', exact: true })
    await expect(threshold).toBeVisible()
    const flagged = async (): Promise<number> => Number(/(\d+) pixels flagged/.exec((await threshold.getAttribute('aria-valuetext')) ?? '')?.[1] ?? NaN)
    const atRule = await flagged()
    expect(atRule).toBeGreaterThan(0)
    await threshold.focus()
    for (let step = 0; step < 4; step += 1) await page.keyboard.press('Shift+ArrowRight')
    const higher = await flagged()
    expect(higher).toBeLessThan(atRule)
    await expect(page.getByLabel('Quality at this threshold')).toContainText(/Precision\s*[01]\.\d+/)
    await expect(page.getByLabel('Quality at this threshold')).toContainText(/IoU\s*[01]\.\d+/)
    await page.getByRole('button', { name: 'Best F1' }).click()
    expect(await flagged()).not.toBe(higher)
    // The choice is kept: it is there again after a reload.
    const shown = (await threshold.getAttribute('aria-valuenow')) ?? ''
    chosen = Number(shown)
    await page.waitForTimeout(1_000)
    await page.reload()
    await page.getByRole('tab', { name: 'Threshold' }).click()
    await expect(page.getByRole('slider', { name: 'Threshold', exact: true })).toHaveAttribute('aria-valuenow', shown)
  })

  await test.step('export the trained pipeline folder', async () => {
    await page.getByRole('button', { name: 'Export', exact: true }).click()
    await page.getByRole('textbox', { name: /folder/i }).fill(workbench.folder)
    await page.getByRole('button', { name: 'Export here' }).click()
    await expect(page.getByRole('list', { name: 'Exported files' })).toContainText('model.onnx')
    await expect(page.getByRole('dialog')).toContainText(workbench.folder)
    await page.getByRole('button', { name: 'Done' }).click()
  })

  await test.step('the exported folder is complete', async () => {
    const folder = readdirSync(workbench.folder).map((name) => join(workbench.folder, name)).find((path) => existsSync(join(path, 'model.onnx')))
    expect(folder).toBeDefined()
    for (const file of ['pipeline.yaml', 'state.safetensors', 'model.onnx', 'run.json', 'training/training_model.onnx', 'training/eval_model.onnx', 'training/optimizer_model.onnx', 'training/checkpoint']) {
      expect(existsSync(join(folder!, file)), file).toBe(true)
    }
    const record = JSON.parse(readFileSync(join(folder!, 'run.json'), 'utf8')) as { epochs: unknown[]; chosenThreshold: number }
    expect(record.epochs).toHaveLength(6)
    // The threshold that was chosen on the picture went along.
    expect(record.chosenThreshold).toBeCloseTo(chosen, 5)
  })

  expect(workbench.complaints).toEqual([])
})

test('a running fit can be stopped and resumed', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'Deep SVDD', exact: true }).check()
  await page.getByRole('textbox', { name: 'Epochs' }).fill('400')
  await page.getByRole('button', { name: 'Train', exact: true }).click()
  await expect(page.getByRole('progressbar', { name: 'Training' })).toBeVisible()
  await expect(page.getByText(/Epoch\s*[2-9]/).first()).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Runs' })).toContainText('Stopped', { timeout: 30_000 })
  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Runs' })).toContainText(/Running|Training/, { timeout: 30_000 })
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Runs' })).toContainText('Stopped', { timeout: 30_000 })
  expect(workbench.complaints).toEqual([])
})
