import { readFileSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { expect, open, test } from './workbench'

test('what a run learned about bands: weights, chosen bands in the viewer and as a list', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Bands' }).click()
  await expect(page.getByText('Nothing learned about bands yet')).toBeVisible()
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'Band selection', exact: true }).check()
  await page.getByRole('textbox', { name: 'Epochs' }).fill('3')
  await page.getByRole('button', { name: 'Train', exact: true }).click()
  await expect(page.getByRole('button', { name: 'Set threshold' })).toBeVisible({ timeout: 90_000 })
  const chosen = page.getByRole('list', { name: 'Chosen bands' })
  await expect(chosen.getByRole('listitem')).toHaveCount(4)
  await expect(page.getByRole('img', { name: /^Heat map: Share of every band/ })).toBeVisible()
  await expect(page.getByRole('img', { name: 'Chosen bands on the mean spectrum of the cube' })).toBeVisible()
  const bands = (await chosen.getByRole('listitem').allTextContents()).map((text) => Number(/^\d+/.exec(text)?.[0]))

  await test.step('the viewer shows the first three as a picture', async () => {
    await page.getByRole('button', { name: 'Use these bands in the viewer' }).click()
    for (const [index, channel] of ['Red', 'Green', 'Blue'].entries()) {
      await expect(page.getByRole('combobox', { name: new RegExp(`^${channel}`, 'i') })).toHaveValue(String(bands[index] - 1))
    }
  })

  await test.step('they are saved as a list', async () => {
    const waiting = page.waitForEvent('download')
    await page.getByRole('group', { name: 'Save the chosen bands as' }).getByRole('button', { name: 'CSV' }).click()
    const lines = readFileSync(await (await waiting).path(), 'utf8').trim().split('\n')
    expect(lines[0]).toBe('output,band,index,wavelength,unit')
    expect(lines.slice(1).map((line) => Number(line.split(',')[1]))).toEqual(bands)
  })

  const { violations } = await new AxeBuilder({ page }).include('[data-panel="bands"]').analyze()
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([])
  expect(workbench.complaints).toEqual([])
})
