import { it } from 'vitest'
import { Pages } from './pages'
it('shots', async () => {
  const pages = await Pages.open()
  try {
    for (const [name, width, height, scheme] of [['wide-dark', 1440, 900, 'dark'], ['wide-light', 1440, 900, 'light'], ['narrow-dark', 1024, 700, 'dark'], ['narrow-light', 1024, 700, 'light']] as const) {
      const { page, workbench, complaints } = await pages.page({ viewport: { width, height }, colorScheme: scheme })
      workbench.addCube(); workbench.addFinishedRun()
      await workbench.show(page)
      await page.waitForTimeout(1500)
      await page.screenshot({ path: `/tmp/shots/${name}.png` })
      if (name === 'wide-dark') { const { writeFileSync } = await import('node:fs'); writeFileSync('/tmp/shots/dom.html', await page.content()) }
      if (complaints.length) console.log(name, complaints)
      await page.context().close()
    }
  } finally { await pages.close() }
}, 180_000)
