import { expect, open, test } from './workbench'

test('an engine process that dies is shown, survived and started again', async ({ page, workbench }) => {
  await open(page, workbench)
  await page.getByRole('tab', { name: 'Pipeline' }).click()
  await page.getByRole('radio', { name: 'Deep SVDD', exact: true }).check()
  await page.getByRole('textbox', { name: 'Epochs' }).fill('400')
  await page.getByRole('button', { name: 'Train', exact: true }).click()
  await expect(page.getByText(/Epoch\s*[2-9]/).first()).toBeVisible({ timeout: 60_000 })
  const before = workbench.enginePids()
  expect(before).toHaveLength(2)
  for (const pid of before) process.kill(pid, 'SIGKILL')
  await expect(page.getByRole('list', { name: 'Runs' })).toContainText('Interrupted', { timeout: 30_000 })
  await expect.poll(() => workbench.enginePids().filter((pid) => !before.includes(pid)).length, { timeout: 30_000 }).toBe(2)
  // The picture still answers, and the run goes on from its checkpoint.
  await page.getByRole('radio', { name: 'Single band' }).check()
  await page.getByRole('slider', { name: 'Band' }).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  await page.getByRole('button', { name: /^Resume/ }).first().click()
  await expect(page.getByText(/Epoch\s*\d+/).first()).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Runs' })).toContainText('Stopped', { timeout: 30_000 })
})

test('the content security policy is sent and enforced', async ({ page, workbench }) => {
  const response = await page.goto(workbench.url)
  expect(response?.headers()['content-security-policy']).toContain("default-src 'none'")
  await expect(page.getByRole('img', { name: /^Image of / })).toBeVisible()
  expect(workbench.complaints).toEqual([])
  const blocked = await page.evaluate(async () => {
    const violated = new Promise<string>((resolve) => document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), { once: true }))
    const script = document.createElement('script')
    script.textContent = 'window.injected = true'
    document.body.append(script)
    return { directive: await violated, injected: 'injected' in window }
  })
  expect(blocked).toEqual({ directive: 'script-src-elem', injected: false })
  await expect(page.evaluate(() => fetch('https://example.org/').then(() => 'reached', () => 'refused'))).resolves.toBe('refused')
})

test('a page without the token sees nothing', async ({ browser, workbench }) => {
  const stranger = await browser.newContext()
  const page = await stranger.newPage()
  const response = await page.goto(new URL('/', workbench.url).href)
  expect(response?.status()).toBe(403)
  await stranger.close()
})
