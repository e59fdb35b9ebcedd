import type { Page } from '@playwright/test'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CuvetteError } from '../../src/shared/problem'
import type { FakeWorkbench } from './fake-workbench'
import { job } from './fake-workbench'
import { Pages } from './pages'

// What the analyst corrects, in the built page over a workbench that is not there.

let pages: Pages
let opened: { page: Page; workbench: FakeWorkbench; complaints: string[] } | null = null

beforeAll(async () => {
  pages = await Pages.open()
}, 120_000)
afterAll(() => pages?.close())
afterEach(async () => {
  const last = opened
  opened = null
  await last?.page.context().close()
  expect(last?.complaints ?? []).toEqual([])
})

async function open(prepare: (workbench: FakeWorkbench) => void = (workbench) => void workbench.addCube(), options: Parameters<Pages['page']>[0] = {}) {
  opened = await pages.page(options)
  opened.page.setDefaultTimeout(10_000)
  prepare(opened.workbench)
  await opened.workbench.show(opened.page)
  return opened
}

async function bands(prepare?: (workbench: FakeWorkbench) => void, options?: Parameters<Pages['page']>[0]) {
  const { page, workbench } = await open(prepare, options)
  await page.getByRole('button', { name: 'Edit bands…' }).click()
  return { page, workbench, dialog: page.getByRole('dialog', { name: /^Bands of/ }) }
}

const calls = (workbench: FakeWorkbench, name: string) => workbench.calls.filter((each) => each.name === name).map((each) => each.args)

describe('the band table', () => {
  it('marks by hand and by range, shows what changed, and applies it at once', async () => {
    const { workbench, dialog } = await bands()
    await dialog.getByText('3 bands of 61 bad: 41–43').waitFor()
    expect(await dialog.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true)
    await dialog.getByRole('checkbox', { name: 'Band 2 is bad' }).check()
    await dialog.getByRole('checkbox', { name: 'Band 5 is bad' }).click({ modifiers: ['Shift'] })
    await dialog.getByText('7 bands of 61 bad: 2–5, 41–43').waitFor()
    const range = dialog.getByRole('textbox', { name: 'Bands or wavelengths' })
    await range.fill('750-770 nm')
    await dialog.getByRole('button', { name: 'Mark as good' }).click()
    await dialog.getByText('4 bands of 61 bad: 2–5').waitFor()
    await range.fill('60-61')
    await range.press('Enter')
    await dialog.getByText('6 bands of 61 bad: 2–5, 60–61').waitFor()
    // The rows are in sight.
    expect(await dialog.getByRole('checkbox', { name: 'Band 61 is bad' }).isChecked()).toBe(true)
    expect(calls(workbench, 'cubes.correct')).toEqual([])
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.correct')).toEqual([{ cubeId: 'cube1', corrections: { badBands: [1, 2, 3, 4, 59, 60] } }])
    await opened!.page.getByText('Corrected', { exact: true }).waitFor()
  })

  it('says what is no range', async () => {
    const { dialog } = await bands()
    await dialog.getByRole('textbox', { name: 'Bands or wavelengths' }).fill('60-70')
    await dialog.getByRole('button', { name: 'Mark as bad' }).click()
    await dialog.getByRole('alert').getByText('The bands are 1 to 61').waitFor()
    await dialog.getByText('3 bands of 61 bad').waitFor()
  })

  it('goes through the rows by keys, also those that are out of sight, and holds only those in sight', async () => {
    const { page, dialog } = await bands((workbench) => {
      workbench.shape = { lines: 20, samples: 20, bands: 2000 }
      workbench.addCube()
    })
    await dialog.getByRole('checkbox', { name: 'Band 1 is bad' }).focus()
    await page.keyboard.press('ArrowDown')
    expect(await dialog.getByRole('checkbox', { name: 'Band 2 is bad' }).evaluate((box) => box === document.activeElement)).toBe(true)
    await page.keyboard.press('End')
    await page.keyboard.press('Space')
    const last = dialog.getByRole('checkbox', { name: 'Band 2000 is bad' })
    expect(await last.isChecked()).toBe(true)
    expect(await last.evaluate((box) => box === document.activeElement)).toBe(true)
    expect(await dialog.getByRole('row').count()).toBeLessThan(60)
    await page.keyboard.press('Home')
    expect(await dialog.getByRole('checkbox', { name: 'Band 1 is bad' }).evaluate((box) => box === document.activeElement)).toBe(true)
    // Smallest, mean and largest value of what is in sight.
    await dialog.getByRole('row').filter({ hasText: /^1 ?430/ }).getByText(/^0\.\d+$/).first().waitFor()
  })

  it('detects, says why, and marks only when asked to', async () => {
    const { workbench, dialog } = await bands()
    await dialog.getByRole('button', { name: 'Detect bad bands' }).click()
    await dialog.getByText('3 bands without information: 5–6, 41').waitFor()
    await dialog.getByText('always 0.5').waitFor()
    await dialog.getByText('only NaN').waitFor()
    await dialog.getByText('3 bands of 61 bad: 41–43').waitFor()
    await dialog.getByRole('button', { name: 'Mark 2 bands as bad' }).click()
    await dialog.getByText('5 bands of 61 bad: 5–6, 41–43').waitFor()
    await dialog.getByText('All are marked.').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    expect(calls(workbench, 'cubes.correct')).toEqual([])
  })

  it('shows how far the detection is, and stops it', async () => {
    let end: (reason: CuvetteError) => void = () => undefined
    const { workbench, dialog } = await bands((bench) => {
      bench.addCube()
      bench.detectHeld = new Promise((_, reject) => (end = reject))
    })
    await dialog.getByRole('button', { name: 'Detect bad bands' }).click()
    await workbench.emit({ name: 'job', value: { ...job(workbench.addRun()), id: 'look', kind: 'detect', runId: null, title: 'Bad bands of field.hdr', progress: 0.3 } })
    await dialog.getByRole('progressbar', { name: 'Looking for bad bands' }).waitFor()
    await dialog.getByRole('button', { name: 'Stop looking' }).click()
    expect(calls(workbench, 'jobs.stop')).toEqual([{ jobId: 'look' }])
    end(new CuvetteError('cancelled', 'Stopped.'))
    await dialog.getByRole('button', { name: 'Detect bad bands' }).waitFor()
    // A stop is no problem, and nothing was found.
    expect(await dialog.getByRole('alert').count()).toBe(0)
    expect(await dialog.getByText('without information').count()).toBe(0)
  })

  it('edits no-data, scale and unit, takes each back, and all at once', async () => {
    const { workbench, dialog } = await bands()
    const noData = dialog.getByRole('textbox', { name: 'No data' })
    await noData.fill('x')
    await noData.press('Tab')
    expect(await noData.getAttribute('aria-invalid')).toBe('true')
    await noData.fill('')
    await noData.press('Tab')
    await dialog.getByRole('textbox', { name: 'Scale' }).fill('2000')
    await dialog.getByRole('textbox', { name: 'Scale' }).press('Tab')
    await dialog.getByRole('combobox', { name: 'Unit' }).selectOption('µm')
    await dialog.getByRole('button', { name: 'Scale as the file says: 10000' }).click()
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.correct')).toEqual([{ cubeId: 'cube1', corrections: { noData: null, wavelengthUnit: 'µm' } }])
    await opened!.page.getByRole('button', { name: 'Edit bands…' }).click()
    await dialog.getByRole('button', { name: 'As the file says', exact: true }).click()
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.correct')[1]).toEqual({ cubeId: 'cube1', corrections: null })
  })

  it('shows a guessed unit as a guess, and takes it as said when it is confirmed', async () => {
    const { workbench, page, dialog } = await bands((bench) => {
      bench.addCube().description.wavelengthUnitGuessed = true
    })
    await page.getByText('430–910 nm (unit guessed)').waitFor()
    await dialog.getByText('guessed', { exact: true }).waitFor()
    await dialog.getByRole('button', { name: 'Confirm nm' }).click()
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.correct')).toEqual([{ cubeId: 'cube1', corrections: { wavelengthUnit: 'nm' } }])
  })

  it('attaches wavelengths, and says the line that does not do', async () => {
    const { workbench, dialog } = await bands((bench) => {
      bench.addCube()
      bench.addCube('other.hdr')
    })
    await dialog.getByRole('button', { name: 'Attach…' }).click()
    const source = dialog.getByRole('form', { name: 'Attach wavelengths' })
    await source.getByRole('textbox', { name: 'Wavelengths as text' }).fill('450\n55o\n')
    await source.getByRole('button', { name: 'Use these' }).click()
    await source.getByRole('alert').getByText('line 2 holds "55o"').waitFor()
    workbench.axis = { wavelengths: Array.from({ length: 61 }, (_, band) => 1000 + band), wavelengthUnit: 'nm', wavelengthUnitGuessed: true, fwhm: null }
    await source.getByRole('radio', { name: 'Open cube' }).check()
    await source.getByRole('combobox', { name: 'Cube with the wavelengths' }).selectOption({ label: 'other.hdr · 61 bands' })
    await source.getByRole('button', { name: 'Use these' }).click()
    await dialog.getByText('61 wavelengths taken. The unit nm is a guess from the values: check it.').waitFor()
    await dialog.getByText('1000–1060 nm').waitFor()
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.readWavelengths').at(-1)).toEqual({ cubeId: 'cube1', source: { kind: 'cube', cubeId: 'cube2' } })
    expect(calls(workbench, 'cubes.correct')).toEqual([{ cubeId: 'cube1', corrections: { wavelengths: workbench.axis.wavelengths, wavelengthUnit: 'nm' } }])
  })

  it('keeps what was said when it cannot be applied', async () => {
    const { workbench, dialog } = await bands()
    workbench.failures.set('cubes.correct', { code: 'bad-data', message: 'The corrections cannot be used: test.' })
    await dialog.getByRole('checkbox', { name: 'Band 2 is bad' }).check()
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await dialog.getByRole('alert').getByText('The corrections cannot be used: test.').waitFor()
    await dialog.getByText('4 bands of 61 bad: 2, 41–43').waitFor()
  })

  it('saves a corrected header elsewhere, and replaces a file only when that is said', async () => {
    const { workbench, page, dialog } = await bands()
    expect(await dialog.getByRole('button', { name: 'Save corrected header…' }).isDisabled()).toBe(true)
    await dialog.getByRole('checkbox', { name: 'Band 2 is bad' }).check()
    await dialog.getByRole('button', { name: 'Save corrected header…' }).click()
    const save = page.getByRole('dialog', { name: /^Save corrected header/ })
    const path = save.getByRole('textbox', { name: 'Path of the new header' })
    expect(await path.inputValue()).toBe('/data/field_corrected.hdr')
    await save.getByRole('button', { name: 'results' }).click()
    await page.waitForFunction(() => (document.querySelector('#save-header-path') as HTMLInputElement).value === '/data/results/field_corrected.hdr')
    expect(await save.getByRole('checkbox').count()).toBe(0)
    workbench.failures.set('cubes.saveHeader', { code: 'cannot-write', message: 'It is there already.' })
    await save.getByRole('button', { name: 'Save header' }).click()
    await save.getByRole('alert').getByText('It is there already.').waitFor()
    await save.getByRole('checkbox', { name: 'Replace the file of this name' }).check()
    workbench.failures.clear()
    await save.getByRole('button', { name: 'Save header' }).click()
    await save.getByText('To open it, put a copy of').waitFor()
    expect(calls(workbench, 'cubes.saveHeader').map((args) => (args as { replace: boolean }).replace)).toEqual([false, true])
    // What is written is what was applied.
    expect(calls(workbench, 'cubes.correct')).toHaveLength(1)
  })
})

describe('bad bands', () => {
  it('are marked at the slider, in the lists of bands and in the readout', async () => {
    const { page } = await open()
    await page.getByRole('radio', { name: 'Single band' }).check()
    await page.getByRole('img', { name: 'Bad bands: 41–43' }).waitFor()
    const slider = page.getByRole('slider', { name: 'Band', exact: true })
    await slider.fill('40')
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/Band 41 .*, bad$/)
    await page.getByText('Bad band', { exact: true }).waitFor()
    const box = (await page.getByRole('img', { name: /^Image of / }).boundingBox())!
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await page.getByRole('group', { name: 'Pixel under the cursor' }).getByText('bad').waitFor()
    await page.getByRole('radio', { name: 'Three bands' }).check()
    expect(await page.getByRole('combobox', { name: 'Red band' }).getByRole('option', { name: /^41 · .* bad$/ }).count()).toBe(1)
  })
})

describe('classes of a mask', () => {
  it('are named, coloured and given a use where they are shown', async () => {
    const { page, workbench } = await open()
    const name = page.getByRole('textbox', { name: 'Name of class 1' })
    await name.fill('weed')
    await name.press('Enter')
    await page.getByRole('combobox', { name: 'Use of class 1' }).selectOption('ignore')
    await page.getByLabel('Colour of class 1').fill('#ff0000')
    await page.waitForFunction(() => (document.querySelector('[aria-label="Colour of class 1"]') as HTMLInputElement).value !== '')
    expect(calls(workbench, 'cubes.nameClasses').at(-1)).toEqual({ cubeId: 'cube1', classes: [{ id: 1, name: 'weed', use: 'ignore', colour: [255, 0, 0] }] })
    await page.getByRole('button', { name: 'Classes as the file says' }).click()
    await page.waitForFunction(() => (document.querySelector('[aria-label="Name of class 1"]') as HTMLInputElement).value === '')
    expect(calls(workbench, 'cubes.nameClasses').at(-1)).toEqual({ cubeId: 'cube1', classes: null })
  })

  it('keep an edit that is made before the one before it was answered', async () => {
    const { page, workbench } = await open((bench) => {
      bench.addCube()
      bench.namingTakes = 300
    })
    await page.getByRole('textbox', { name: 'Name of class 1' }).fill('weed')
    await page.keyboard.press('Enter')
    await page.getByRole('combobox', { name: 'Use of class 1' }).selectOption('ignore')
    await page.getByRole('combobox', { name: 'Use of class 0' }).selectOption('normal')
    await page.waitForFunction(() => [...document.querySelectorAll('select')].filter((each) => each.value === 'ignore' || each.value === 'normal').length === 2)
    await expect.poll(() => workbench.cubes[0].maskClasses, { timeout: 10_000 }).toEqual([{ id: 0, use: 'normal' }, { id: 1, name: 'weed', use: 'ignore' }])
  })

  it('change what scores are compared with', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube()
      workbench.addFinishedRun()
    })
    await page.getByRole('tab', { name: 'Threshold' }).click()
    await page.getByLabel('Quality at this threshold').getByText('AUC').waitFor()
    await page.getByRole('combobox', { name: 'Use of class 1' }).selectOption('normal')
    await page.getByText('The mask marks no anomalous pixel').first().waitFor()
    await page.getByRole('combobox', { name: 'Use of class 1' }).selectOption('anomalous')
    await page.getByLabel('Quality at this threshold').getByText('1.000').first().waitFor()
  })
})

describe('settings', () => {
  it('hold a memory budget and whether overviews are made', async () => {
    const { page, workbench } = await open()
    await page.keyboard.press('Control+,')
    const dialog = page.getByRole('dialog', { name: 'Settings' })
    const memory = dialog.getByRole('textbox', { name: 'Memory for pixels' })
    await memory.fill('3')
    await dialog.getByText('a whole number from 16').waitFor()
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
    await memory.fill('128')
    await dialog.getByRole('checkbox', { name: 'Make overviews of large cubes' }).uncheck()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'settings.set')).toEqual([{ memoryMB: 128, overviews: false, theme: 'system' }])
    await page.keyboard.press('Control+,')
    await page.waitForFunction(() => (document.querySelector('#settings-memory') as HTMLInputElement).value === '128')
    await memory.fill('')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'settings.set')[1]).toEqual({ memoryMB: null, overviews: false, theme: 'system' })
  })
})

describe('the dialogs', () => {
  it.each([[1440, 900], [1024, 700]])('fit into %i x %i, with everything in them', async (width, height) => {
    const { page, dialog } = await bands((workbench) => {
      const cube = workbench.addCube('a_rather_long_name_of_a_flight_line_2026-11-23.hdr')
      Object.assign(cube.description, { wavelengthUnitGuessed: true, fwhm: new Array(61).fill(4.5), bandNames: Array.from({ length: 61 }, (_, band) => `Resampled reflectance of band number ${band + 1}`) })
    }, { viewport: { width, height } })
    await dialog.getByRole('button', { name: 'Attach…' }).click()
    await dialog.getByRole('button', { name: 'Detect bad bands' }).click()
    await dialog.getByText('3 bands without information').waitFor()
    const beyond = await page.evaluate(() => {
      const box = document.querySelector('dialog')!.getBoundingClientRect()
      const outside = [...document.querySelectorAll<HTMLElement>('dialog button, dialog input, dialog select, dialog textarea, dialog p, dialog h2, dialog .table')].filter((each) => {
        const own = each.getBoundingClientRect()
        const inTable = each.closest('.scroller') !== null
        return own.width > 0 && (own.left < box.left || own.right > box.right + 1 || (!inTable && (own.top < box.top || own.bottom > box.bottom + 1)))
      })
      const clipped = [...document.querySelectorAll<HTMLElement>('dialog button, dialog label, dialog h2')].filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).textOverflow !== 'ellipsis')
      return { inside: box.bottom <= innerHeight && box.right <= innerWidth, outside: outside.map((each) => each.outerHTML.slice(0, 90)), clipped: clipped.map((each) => each.outerHTML.slice(0, 90)) }
    })
    expect(beyond).toEqual({ inside: true, outside: [], clipped: [] })
    // At least five rows can be worked with.
    expect((await dialog.locator('.scroller').boundingBox())!.height).toBeGreaterThan(5 * 25)
  })
})
