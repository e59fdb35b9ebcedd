import type { Page } from '@playwright/test'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PANEL_TITLES } from '../../src/renderer/texts/panels'
import { epochs, FakeWorkbench, job } from './fake-workbench'
import { Pages } from './pages'
import * as scene from './scene'

// The built page in Chromium under the app's own policy, over a workbench that is not there.

let pages: Pages
let opened: { page: Page; workbench: FakeWorkbench; complaints: string[] } | null = null

beforeAll(async () => {
  pages = await Pages.open()
}, 120_000)
afterAll(() => pages?.close())

/** Every test ends without a word on the console: no error, no policy violation. */
afterEach(async () => {
  const last = opened
  opened = null
  await last?.page.context().close()
  expect(last?.complaints ?? []).toEqual([])
})

async function open(prepare: (workbench: FakeWorkbench) => void, options: Parameters<Pages['page']>[0] = {}, query = ''): Promise<{ page: Page; workbench: FakeWorkbench }> {
  opened = await pages.page(options)
  opened.page.setDefaultTimeout(10_000)
  prepare(opened.workbench)
  await opened.workbench.show(opened.page, query)
  return opened
}

const canvasOf = (page: Page) => page.getByRole('img', { name: /^Image of / })
const calls = (workbench: FakeWorkbench, name: string) => workbench.calls.filter((each) => each.name === name).map((each) => each.args)

async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('.first, .next, .starting') === null)
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
}

/** The canvas as it is on the screen, without what floats over it. */
async function pixels(page: Page): Promise<{ width: number; height: number; at: (x: number, y: number) => number[]; count: (is: (r: number, g: number, b: number) => boolean) => number }> {
  await settled(page)
  const shot = await canvasOf(page).screenshot()
  const { width, height, text } = await page.evaluate(async (url) => {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.width
    canvas.height = image.height
    const context = canvas.getContext('2d')!
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, image.width, image.height)
    // As text: a list of millions of numbers takes seconds to travel.
    let text = ''
    for (let start = 0; start < data.length; start += 32768) text += String.fromCharCode(...data.subarray(start, start + 32768))
    return { width: image.width, height: image.height, text: btoa(text) }
  }, `data:image/png;base64,${shot.toString('base64')}`)
  const data = Buffer.from(text, 'base64')
  const at = (x: number, y: number) => [...data.subarray((Math.round(y) * width + Math.round(x)) * 4, (Math.round(y) * width + Math.round(x)) * 4 + 3)]
  return {
    width, height, at,
    count: (is) => {
      let found = 0
      for (let index = 0; index < data.length; index += 4) if (is(data[index], data[index + 1], data[index + 2])) found += 1
      return found
    },
  }
}

const isDecision = (r: number, g: number, b: number) => r > 225 && g < 90 && b > 140 && b < 210

/** Where the pixel of the cube is on the page when the picture is fitted. */
async function placeOf(page: Page, line: number, sample: number, shape = scene.SHAPE): Promise<{ x: number; y: number }> {
  const box = (await canvasOf(page).boundingBox())!
  const scale = Math.min((box.width - 24) / shape.samples, (box.height - 24) / shape.lines)
  return { x: box.x + box.width / 2 + (sample + 0.5 - shape.samples / 2) * scale, y: box.y + box.height / 2 + (line + 0.5 - shape.lines / 2) * scale }
}

describe('a first look', () => {
  it('says what to do when nothing is open', async () => {
    const { page, workbench } = await open(() => undefined)
    await page.getByText('Open a cube to begin').waitFor()
    await page.getByRole('button', { name: 'Choose a cube…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Open cube' })
    await dialog.getByLabel('Path').fill('/data/flight.hdr')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    expect(calls(workbench, 'cubes.open')).toEqual([{ path: '/data/flight.hdr' }])
    await page.getByRole('img', { name: 'Image of flight.hdr' }).waitFor()
  })

  it('shows red, green and blue of the cube, and ground where there is no data', async () => {
    const { page } = await open((workbench) => workbench.addCube('field.hdr', false))
    const shown = await pixels(page)
    const box = (await canvasOf(page).boundingBox())!
    const limits = [26, 15, 4].map((band) => {
      const percentiles = scene.percentiles(scene.band(band))
      return [percentiles[2], percentiles[98]]
    })
    for (const [line, sample] of [[45, 60], [20, 30], [80, 15], [30, 110]]) {
      const place = await placeOf(page, line, sample)
      const expected = [26, 15, 4].map((band, channel) => {
        const [low, high] = limits[channel]
        return 255 * Math.min(1, Math.max(0, (scene.reflectance(line, sample, band) - low) / (high - low)))
      })
      const found = shown.at(place.x - box.x, place.y - box.y)
      expected.forEach((value, channel) => expect(Math.abs(found[channel] - value)).toBeLessThanOrEqual(2))
    }
    const empty = await placeOf(page, 1, 1)
    const [red, green, blue] = shown.at(empty.x - box.x, empty.y - box.y)
    expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThan(8)
    expect(red).toBeLessThan(40)
  })

  it('looks the same in tiles as in one texture', async () => {
    const prepare = (workbench: FakeWorkbench) => {
      workbench.addCube()
      workbench.addFinishedRun()
    }
    const whole = await open(prepare)
    await whole.page.getByRole('checkbox', { name: 'Score heat map' }).waitFor()
    await settled(whole.page)
    const one = await canvasOf(whole.page).screenshot()
    await whole.page.context().close()
    const cut = await open(prepare, {}, '?largestTexture=17')
    await cut.page.getByRole('checkbox', { name: 'Score heat map' }).waitFor()
    await settled(cut.page)
    expect(one.equals(await canvasOf(cut.page).screenshot())).toBe(true)
  })

  it('comes back when the graphics card was lost', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    await settled(page)
    const before = await canvasOf(page).screenshot()
    await canvasOf(page).evaluate((canvas: HTMLCanvasElement) => {
      const lose = canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!
      lose.loseContext()
      setTimeout(() => lose.restoreContext(), 300)
    })
    await page.getByText('The graphics card was reset').waitFor()
    await page.getByText('The graphics card was reset').waitFor({ state: 'detached' })
    await settled(page)
    expect(before.equals(await canvasOf(page).screenshot())).toBe(true)
  })

  it('shows larger cubes at a stride, and says so', async () => {
    const { page } = await open((workbench) => {
      workbench.shape = { lines: 2100, samples: 2050, bands: 3 }
      workbench.addCube('large.hdr', false)
    })
    await page.getByText('every 2. pixel is shown').waitFor()
    await settled(page)
  })
})

describe('browsing', () => {
  it('goes through the bands with the slider, the keys and a wavelength', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    await page.getByRole('radio', { name: 'Single band' }).check()
    const slider = page.getByRole('slider', { name: 'Band', exact: true })
    await slider.fill('10')
    expect(await slider.getAttribute('aria-valuetext')).toBe('Band 11 · 510.0 nm')
    await canvasOf(page).focus()
    await page.keyboard.press(']')
    await page.keyboard.press(']')
    await page.keyboard.press('[')
    expect(await slider.inputValue()).toBe('11')
    await page.getByLabel('Wavelength').fill('700')
    await page.keyboard.press('Enter')
    expect(await slider.getAttribute('aria-valuetext')).toBe('Band 35 · 702.0 nm')
    await page.getByRole('radio', { name: 'Three bands' }).check()
    await page.getByRole('button', { name: 'CIR' }).click()
    expect(await page.getByLabel('Red band').inputValue()).toBe('52')
    await page.getByLabel('Red band').selectOption('60')
    expect(await page.getByRole('button', { name: 'CIR' }).getAttribute('aria-pressed')).toBe('false')
    await settled(page)
  })

  it('zooms about the cursor, moves, and fits again', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    await settled(page)
    const zoom = page.getByRole('button', { name: 'Actual size' })
    const fitted = await zoom.textContent()
    const readout = page.getByRole('group', { name: 'Pixel under the cursor' })
    const place = await placeOf(page, 30, 40)
    await page.mouse.move(place.x, place.y)
    await page.mouse.wheel(0, -300)
    expect(await zoom.textContent()).not.toBe(fitted)
    await page.mouse.move(place.x + 1, place.y)
    await page.mouse.move(place.x, place.y)
    expect(await readout.textContent()).toContain('Line 30Sample 40')
    await page.mouse.down()
    await page.mouse.move(place.x + 60, place.y + 30, { steps: 4 })
    await page.mouse.up()
    await page.mouse.move(place.x + 61, place.y + 30)
    await page.mouse.move(place.x + 60, place.y + 30)
    expect(await readout.textContent()).toContain('Line 30Sample 40')
    await canvasOf(page).focus()
    await page.keyboard.press('1')
    expect((await zoom.textContent())!.trim()).toBe('100 %')
    await page.keyboard.press('+')
    expect((await zoom.textContent())!.trim()).toBe('125 %')
    await page.keyboard.press('0')
    expect(await zoom.textContent()).toBe(fitted)
  })

  it('pins the pixel that was clicked, in the curve’s colour, and takes the pin away', async () => {
    const { page, workbench } = await open((each) => each.addCube())
    await settled(page)
    await page.getByRole('checkbox', { name: 'Follow cursor' }).uncheck()
    for (const [line, sample] of [[20, 30], [45, 60]]) {
      const place = await placeOf(page, line, sample)
      await page.mouse.click(place.x, place.y)
    }
    await page.getByRole('button', { name: 'Remove pin 2' }).waitFor()
    expect(calls(workbench, 'cubes.spectrum')).toEqual([
      { cubeId: 'cube1', line: 20, sample: 30 },
      { cubeId: 'cube1', line: 45, sample: 60 },
    ])
    const again = await placeOf(page, 20, 30)
    await page.mouse.click(again.x, again.y)
    await page.getByRole('button', { name: 'Remove pin 1' }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Remove pin 2' }).click()
    await page.getByText('No spectrum yet').waitFor()
  })

  it('shows the band that is clicked in the spectrum, and its values under the cursor', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    await settled(page)
    const place = await placeOf(page, 45, 60)
    await page.mouse.click(place.x, place.y)
    await page.getByRole('button', { name: 'Remove pin 1' }).waitFor()
    const plot = (await page.getByRole('region', { name: 'Spectrum' }).locator('canvas').first().boundingBox())!
    await page.mouse.move(plot.x + plot.width / 2, plot.y + plot.height / 2, { steps: 3 })
    await page.mouse.click(plot.x + plot.width / 2, plot.y + plot.height / 2)
    const band = Number(await page.getByRole('slider', { name: 'Band', exact: true }).inputValue())
    expect(band).toBeGreaterThanOrEqual(28)
    expect(band).toBeLessThanOrEqual(33)
    // Canvas tooltips only: the policy forbids those made of HTML.
    await page.waitForTimeout(300)
  })

  it('shows the values of the pixel under the cursor', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube()
      workbench.addFinishedRun()
    })
    await page.getByRole('checkbox', { name: 'Score heat map' }).waitFor()
    const place = await placeOf(page, 20, 30)
    await page.mouse.move(place.x, place.y)
    const text = await page.getByRole('group', { name: 'Pixel under the cursor' }).textContent()
    expect(text).toContain(`Score ${scene.score(20, 30).toPrecision(4)}`)
    expect(text).toContain('Mask class 1')
    const empty = await placeOf(page, 0, 0)
    await page.mouse.move(empty.x, empty.y)
    expect(await page.getByRole('group', { name: 'Pixel under the cursor' }).textContent()).toMatch(/R no data.*no score/)
  })
})

describe('data', () => {
  it('opens by the system’s dialog where there is one', async () => {
    const { page, workbench } = await open((each) => (each.nativeDialogs = true))
    await page.getByRole('button', { name: 'Open cube', exact: true }).click()
    await page.getByRole('img', { name: 'Image of chosen.hdr' }).waitFor()
    expect(calls(workbench, 'cubes.open')).toEqual([{ path: '/data/chosen.hdr' }])
  })

  it('goes through folders, and shows a failure inside the dialog', async () => {
    const { page, workbench } = await open((each) => each.failures.set('cubes.open', { code: 'not-a-cube', message: 'field.hdr describes no data file.', path: '/home/ada/flights/field.hdr' }))
    await page.keyboard.press('Control+o')
    const dialog = page.getByRole('dialog', { name: 'Open cube' })
    await dialog.getByRole('button', { name: 'flights' }).click()
    await dialog.getByText('/home/ada/flights').waitFor()
    await dialog.getByRole('button', { name: 'field.hdr' }).dblclick()
    await dialog.getByRole('alert').getByText('field.hdr describes no data file.').waitFor()
    expect(calls(workbench, 'files.list')).toEqual([{ path: null }, { path: '/home/ada/flights' }])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  it('opens what is dropped, a header for both files', async () => {
    const { page, workbench } = await open(() => undefined)
    await page.getByText('Open a cube to begin').waitFor()
    await page.evaluate(() => {
      const transfer = new DataTransfer()
      for (const name of ['a.hdr', 'a.img', 'b.mat']) transfer.items.add(new File(['x'], name))
      for (const type of ['dragenter', 'dragover', 'drop']) window.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }))
    })
    await page.getByRole('img', { name: 'Image of b.mat' }).waitFor()
    expect(calls(workbench, 'files.grant')).toEqual([{ paths: ['/dropped/a.hdr', '/dropped/a.img', '/dropped/b.mat'] }])
    expect(calls(workbench, 'cubes.open')).toEqual([{ path: '/dropped/a.hdr' }, { path: '/dropped/b.mat' }])
  })

  it('attaches and detaches a mask', async () => {
    const { page, workbench } = await open((each) => each.addCube('field.hdr', false))
    await page.getByRole('button', { name: 'Attach mask…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Attach mask to field.hdr' })
    await dialog.getByLabel('Path').fill('/data/truth.png')
    await dialog.getByRole('button', { name: 'Attach', exact: true }).click()
    await page.getByRole('checkbox', { name: 'Mask', exact: true }).waitFor()
    expect(calls(workbench, 'cubes.attachMask')).toEqual([{ cubeId: 'cube1', path: '/data/truth.png' }])
    const withMask = (await pixels(page)).count((r, g, b) => r < 70 && g > 180 && b > 200)
    expect(withMask).toBeGreaterThan(100)
    await page.getByRole('button', { name: 'Detach mask' }).click()
    await page.getByText('No mask is attached.').waitFor()
  })

  it('closes a cube', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube('one.hdr')
      workbench.addCube('two.hdr')
    })
    await page.getByRole('button', { name: 'Close one.hdr' }).click()
    await page.getByRole('img', { name: 'Image of two.hdr' }).waitFor()
  })
})

describe('training', () => {
  it('starts with what was typed, follows the epochs, and ends with scores on the picture', async () => {
    const { page, workbench } = await open((each) => each.addCube())
    await page.getByLabel('Epochs').fill('12')
    await page.getByLabel('Learning rate').fill('zero')
    await page.getByText('Learning rate must be a number above 0.').waitFor()
    expect(await page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true)
    await page.getByLabel('Learning rate').fill('0.002')
    await page.getByLabel('Seed').fill('7')
    await page.getByLabel('Device').selectOption('cpu')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    expect(await page.getByRole('tab', { name: 'Training' }).getAttribute('aria-selected')).toBe('true')
    expect(calls(workbench, 'runs.start')).toEqual([{ pipelineId: 'template:deep-svdd', cubeId: 'cube1', epochs: 12, learningRate: 0.002, seed: 7, device: 'cpu', fromRunId: null }])

    for (const record of epochs(3)) await workbench.emit({ name: 'progress', value: { jobId: 'job-started', runId: 'started', progress: { kind: 'epoch', record, epochs: 12, secondsLeft: 31 } } })
    await workbench.emit({ name: 'job', value: job(workbench.runs[0], { progress: 0.25, secondsLeft: 31 }) })
    const progress = page.getByRole('group', { name: 'Training progress' })
    await progress.getByText('Epoch 3 of 12').waitFor()
    await progress.getByText('31 s left').waitFor()
    expect(await progress.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25')
    await page.getByRole('img', { name: /^Loss of Deep SVDD on field\.hdr: 1\.020 after epoch 1, 0\.7233 after epoch 3$/ }).waitFor()

    const finished = workbench.addFinishedRun({ id: 'started', version: 2 })
    await workbench.emit({ name: 'run', value: finished })
    await workbench.emit({ name: 'job', value: job(finished, { status: 'finished', progress: 1 }) })
    await page.getByText('Deep SVDD on field.hdr is finished.').waitFor()
    await page.getByRole('checkbox', { name: 'Decisions', exact: true }).waitFor()
    expect((await pixels(page)).count(isDecision)).toBeGreaterThan(200)
  })

  it('stops, once', async () => {
    const { page, workbench } = await open((each) => {
      each.addCube()
      each.jobs.push(job(each.addRun({ epochs: epochs(8) })))
    })
    await page.getByRole('tab', { name: 'Training' }).click()
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByRole('button', { name: 'Stopping…' }).waitFor()
    expect(await page.getByRole('button', { name: 'Stop current work' }).isDisabled()).toBe(true)
    expect(calls(workbench, 'jobs.stop')).toEqual([{ jobId: 'job-run1' }])
  })

  it('says why it cannot begin', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube()
      workbench.pipelines[0].summary.nodes[2].problems = [{ code: 'bad-pipeline', message: 'num_channels is 30, but 61 bands arrive: set it to 61 or to auto.', where: 'nodes.zscore.config.num_channels' }]
    })
    await page.getByText('The pipeline has a problem.').waitFor()
    expect(await page.getByRole('button', { name: 'Train', exact: true }).isDisabled()).toBe(true)
    await page.getByText('num_channels is 30, but 61 bands arrive: set it to 61 or to auto.').waitFor()
    await page.getByRole('radio', { name: 'RX' }).check()
    await page.getByText('one pass over the pixels, no epochs').waitFor()
    expect(await page.getByLabel('Epochs').isDisabled()).toBe(true)
    expect(await page.getByRole('button', { name: 'Train', exact: true }).isEnabled()).toBe(true)
  })

  it('shows a crash in plain words and offers to resume', async () => {
    const { page, workbench } = await open((each) => {
      each.addCube()
      each.addRun({ epochs: epochs(8), status: 'running' })
    })
    await workbench.emit({ name: 'engine', value: { role: 'compute', status: 'lost', restarts: 0, message: 'It ended with signal SIGKILL.' } })
    await page.getByText('The compute engine stopped unexpectedly and is being started again.').waitFor()
    await workbench.emit({ name: 'run', value: { ...workbench.runs[0], status: 'interrupted', problem: { code: 'engine-lost', message: 'The compute engine stopped while this run was working; it can be resumed.' } } })
    await workbench.emit({ name: 'engine', value: { role: 'compute', status: 'ready', restarts: 1, message: 'Started again.' } })
    await page.getByText('Deep SVDD on field.hdr was interrupted after epoch 8 of 20.').waitFor()
    // The picture is still there.
    const place = await placeOf(page, 40, 40)
    await page.mouse.move(place.x, place.y)
    await page.getByRole('button', { name: 'Resume run' }).click()
    expect(calls(workbench, 'runs.resume')).toEqual([{ runId: 'run1' }])
    await page.getByRole('button', { name: 'Resume run' }).waitFor({ state: 'detached' })
  })

  it('deletes a run only after a second word', async () => {
    const { page, workbench } = await open((each) => {
      each.addCube()
      each.addFinishedRun()
    })
    await page.getByRole('tab', { name: 'Training' }).click()
    await page.getByRole('button', { name: 'Delete run', exact: true }).click()
    expect(calls(workbench, 'runs.remove')).toEqual([])
    await page.getByRole('button', { name: 'Delete run and its files' }).click()
    await page.getByText('No runs yet').waitFor()
  })
})

describe('threshold', () => {
  async function scored(withMask = true) {
    const shown = await open((workbench) => {
      workbench.addCube('field.hdr', withMask)
      workbench.addFinishedRun(withMask ? {} : { metrics: null })
    })
    await shown.page.getByRole('tab', { name: 'Threshold' }).click()
    await shown.page.getByRole('slider', { name: 'Threshold' }).waitFor()
    return shown
  }

  it('is dragged, and picture and numbers follow at once without asking the workbench', async () => {
    const { page, workbench } = await scored()
    await page.getByRole('checkbox', { name: 'Decisions as outline only' }).uncheck()
    await page.getByRole('checkbox', { name: 'Score heat map' }).uncheck()
    await page.getByRole('checkbox', { name: 'Mask', exact: true }).uncheck()
    const slider = page.getByRole('slider', { name: 'Threshold' })
    const handle = (await slider.boundingBox())!
    const plot = (await slider.locator('..').boundingBox())!
    const before = workbench.calls.length
    await page.mouse.move(handle.x + 1, plot.y + 40)
    await page.mouse.down()
    await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 40, { steps: 6 })
    const middle = Number(await slider.getAttribute('aria-valuenow'))
    const few = (await pixels(page)).count(isDecision)
    await page.mouse.move(plot.x, plot.y + 40, { steps: 6 })
    const all = (await pixels(page)).count(isDecision)
    expect(workbench.calls.slice(before).map((each) => each.name).filter((name) => name !== 'runs.setThreshold' && name !== 'views.set')).toEqual([])
    await page.mouse.up()
    const [low, high] = [Number(await slider.getAttribute('aria-valuemin')), Number(await slider.getAttribute('aria-valuemax'))]
    expect(Math.abs(middle - (low + high) / 2)).toBeLessThan((high - low) * 0.01)
    expect(few).toBeGreaterThan(500)
    expect(all).toBeGreaterThan(few * 20)
    await page.getByText(/of 10,\d+ pixels flagged \(100\.00 %\)/).waitFor()
    await page.waitForTimeout(700)
    const saved = calls(workbench, 'runs.setThreshold') as { threshold: number }[]
    expect(saved.at(-1)!.threshold).toBe(Math.fround(low))
  })

  it('goes by keys, by number and by preset, and back to the rule', async () => {
    const { page, workbench } = await scored()
    const slider = page.getByRole('slider', { name: 'Threshold' })
    const value = async () => Number(await slider.getAttribute('aria-valuenow'))
    const rule = workbench.runs[0].ruleThreshold!
    expect(await value()).toBe(rule)
    await slider.focus()
    await page.keyboard.press('ArrowRight')
    const stepped = await value()
    expect(stepped).toBeGreaterThan(rule)
    await page.keyboard.press('Shift+ArrowRight')
    expect(await value()).toBeGreaterThan(stepped + 5 * (stepped - rule))
    await page.getByLabel('Threshold value').fill('1.5')
    await page.keyboard.press('Enter')
    expect(await value()).toBe(1.5)
    await page.getByLabel('Threshold value').fill('much')
    await page.keyboard.press('Enter')
    await page.getByText('Type a number, for example 2.5.').waitFor()
    await page.getByRole('button', { name: 'Best F1' }).click()
    const quality = page.getByLabel('Quality at this threshold')
    expect(await quality.textContent()).toContain('F11.000')
    await page.getByRole('button', { name: 'Otsu' }).click()
    expect(await page.getByRole('button', { name: 'Otsu' }).getAttribute('aria-pressed')).toBe('true')
    await page.getByRole('button', { name: 'Largest normal score' }).click()
    expect(await quality.textContent()).toContain('Precision1.000')
    await page.getByRole('button', { name: 'Reset threshold' }).click()
    expect(await value()).toBe(rule)
    expect(await page.getByRole('button', { name: 'Rule of the pipeline' }).getAttribute('aria-pressed')).toBe('true')
  })

  it('offers nothing that needs a mask where there is none, and says why', async () => {
    const { page } = await scored(false)
    for (const name of ['Best F1', 'Best IoU', 'Largest normal score']) expect(await page.getByRole('button', { name }).isDisabled()).toBe(true)
    expect(await page.getByRole('button', { name: 'Otsu' }).isEnabled()).toBe(true)
    expect(await page.getByText('The cube has no mask: attach one in the Data panel to compare with it.').count()).toBe(2)
  })

  it('moves the working point along the curves, and the line with it', async () => {
    const { page } = await scored()
    const line = page.getByRole('slider', { name: 'Threshold', exact: true })
    const value = async () => Number(await line.getAttribute('aria-valuenow'))
    const before = await value()
    const point = page.getByRole('slider', { name: 'Working point on the ROC curve' })
    await point.scrollIntoViewIfNeeded()
    await point.locator('..').scrollIntoViewIfNeeded()
    const plot = (await point.locator('..').boundingBox())!
    await page.mouse.move(plot.x + 2, plot.y + plot.height * 0.5)
    await page.mouse.down()
    const half = await value()
    expect(half).toBeGreaterThan(before)
    expect(await point.getAttribute('aria-valuetext')).toMatch(/^False positive rate 0\.000, recall 0\.[45]\d\d$/)
    await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 1, { steps: 4 })
    await page.mouse.up()
    expect(await value()).toBeLessThan(before)
    expect(await point.getAttribute('aria-valuetext')).toMatch(/^False positive rate 0\.[45]\d\d, recall 1\.000$/)
    await page.keyboard.press('ArrowLeft')
    const stepped = await value()
    await page.getByRole('radio', { name: 'Precision–recall' }).check()
    expect(await page.getByRole('slider', { name: 'Working point on the precision–recall curve' }).getAttribute('aria-valuenow')).toBe(String(stepped))
    await page.getByRole('radio', { name: 'F1 and IoU' }).check()
    await page.getByRole('slider', { name: 'Threshold under F1 and IoU' }).press('Home')
    expect(await value()).toBe(Number(await line.getAttribute('aria-valuemin')))
  })

  it('moves the handles of the decider, writes it into the pipeline, and takes it back', async () => {
    const { page, workbench } = await scored()
    const line = page.getByRole('slider', { name: 'Threshold', exact: true })
    const value = async () => Number(await line.getAttribute('aria-valuenow'))
    const field = page.getByLabel('Quantile as a number')
    const use = page.getByRole('button', { name: 'Use in pipeline' })
    const rule = await value()
    expect(await field.inputValue()).toBe('0.98')
    expect(await use.isDisabled()).toBe(true)
    await field.fill('0.9')
    await field.press('Enter')
    expect(await value()).toBeLessThan(rule)
    await page.getByText('Writes quantile 0.900000 into the trained pipeline of this run. It can be undone.').waitFor()
    await use.click()
    await page.getByText('The pipeline decides as the picture shows.').waitFor()
    expect(calls(workbench, 'runs.setDecider')).toEqual([{ runId: 'run1', parameters: { quantile: 0.9, threshold: null }, threshold: null }])
    expect(await page.getByRole('button', { name: 'Rule of the pipeline' }).getAttribute('aria-pressed')).toBe('true')
    // A dragged line moves the handle along; written, it is a number instead of the rule.
    await page.getByRole('button', { name: 'Otsu' }).click()
    expect(Number(await field.inputValue())).toBeGreaterThan(0.9)
    const chosen = await value()
    await use.click()
    await page.getByText(/The pipeline holds the threshold .* instead of a rule/).waitFor()
    expect(calls(workbench, 'runs.setDecider')[1]).toEqual({ runId: 'run1', parameters: { threshold: chosen }, threshold: null })
    await page.keyboard.press('Control+z')
    await page.getByText('Undone: change of the decider in the pipeline.').waitFor()
    expect(calls(workbench, 'runs.setDecider')[2]).toEqual({ runId: 'run1', parameters: { quantile: 0.9, threshold: null }, threshold: chosen })
    expect(await value()).toBe(chosen)
  })

  it('takes a quantile that was typed', async () => {
    const { page } = await scored()
    await page.getByLabel('Share of the scores below the threshold, in percent').fill('90')
    await page.getByRole('button', { name: 'Quantile', exact: true }).click()
    await page.getByText(/of 10,\d+ pixels flagged \(10\.0\d %\)/).waitFor()
    await page.getByLabel('Share of the scores below the threshold, in percent').fill('190')
    await page.getByRole('button', { name: 'Quantile', exact: true }).click()
    await page.getByText('Type a percentage from 0 to 100, for example 99.5.').waitFor()
  })

  it('sorts large scores in a worker', async () => {
    const { page } = await open((workbench) => {
      workbench.shape = { lines: 500, samples: 500, bands: 5 }
      workbench.addCube()
      workbench.addFinishedRun()
    })
    await page.getByRole('tab', { name: 'Threshold' }).click()
    await page.getByText(/of 249,\d+ pixels flagged/).waitFor()
    expect(await page.getByLabel('Quality at this threshold').textContent()).toContain('AUC1.000')
  })

  it('exports, and shows what was written and that it was verified', async () => {
    const { page, workbench } = await scored()
    await page.getByRole('button', { name: 'Otsu' }).click()
    await page.getByRole('button', { name: 'Export', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'results' }).click()
    await dialog.getByText('/home/ada/results').waitFor()
    await dialog.getByRole('button', { name: 'Export here' }).click()
    await dialog.getByText('/home/ada/results/deep-svdd-on-field').waitFor()
    await dialog.getByText(/Verified: the exported model differs .* at most 0 \(tolerance 1e−5\)/).waitFor()
    const order = workbench.calls.map((each) => each.name).filter((name) => name === 'runs.setThreshold' || name === 'runs.export')
    expect(order).toEqual(['runs.setThreshold', 'runs.export'])
    await dialog.getByRole('button', { name: 'Done' }).click()
    await dialog.waitFor({ state: 'detached' })
  })

  it('exports into the folder that was typed, also when the listing of folders comes later', async () => {
    let answer = (): void => undefined
    const { page, workbench } = await open((each) => {
      each.addCube()
      each.addFinishedRun()
      each.held.set('files.list', new Promise((resolve) => (answer = resolve)))
    })
    await page.getByRole('tab', { name: 'Threshold' }).click()
    await page.getByRole('button', { name: 'Export', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: /folder/i }).fill('/mnt/out')
    answer()
    await dialog.getByText('/home/ada').waitFor()
    expect(await dialog.getByRole('textbox', { name: /folder/i }).inputValue()).toBe('/mnt/out')
    await dialog.getByRole('button', { name: 'Export here' }).click()
    await dialog.getByText('/mnt/out/').waitFor()
    expect(calls(workbench, 'runs.export')).toMatchObject([{ folder: '/mnt/out' }])
  })
})

describe('the window', () => {
  it.each([[1440, 900], [1024, 700]])('fits into %i x %i on every tab, in both themes', async (width, height) => {
    for (const colorScheme of ['dark', 'light'] as const) {
      const { page } = await open((workbench) => {
        workbench.addCube('a_rather_long_name_of_a_flight_line_2026-11-23.hdr')
        workbench.addFinishedRun({ name: 'Deep SVDD on a_rather_long_name_of_a_flight_line_2026-11-23.hdr' })
        workbench.jobs.push(job(workbench.addRun({ epochs: epochs(8), created: '2026-01-01T00:00:00Z' })))
      }, { viewport: { width, height }, colorScheme })
      await settled(page)
      for (const tab of ['Pipeline', 'Training', 'Threshold']) {
        await page.getByRole('tab', { name: tab }).click()
        expect(await page.evaluate(overflows)).toEqual([])
      }
      await page.getByRole('radio', { name: 'Single band' }).check()
      expect(await page.evaluate(overflows)).toEqual([])
      await page.context().close()
    }
  })

  const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
  const tabsOf = (page: Page, name: string) => region(page, name).getByRole('tab').allTextContents()
  const heightOf = async (page: Page, name: string) => Math.round((await region(page, name).boundingBox())!.height)
  async function command(page: Page, title: string): Promise<void> {
    await page.keyboard.press('Control+k')
    const dialog = page.getByRole('dialog', { name: 'Find command' })
    await dialog.getByRole('combobox').fill(title)
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
  }

  it('remembers its theme and where its panels are', async () => {
    const { page, workbench } = await open((each) => each.addCube())
    await page.getByRole('menuitem', { name: 'View' }).click()
    await page.getByRole('menuitemcheckbox', { name: 'Light theme' }).click()
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'light')
    expect(workbench.settings.theme).toBe('light')
    const [left, right] = [await tabsOf(page, 'Data'), await tabsOf(page, 'Pipeline')]
    const before = await heightOf(page, 'Spectra')
    await command(page, 'Make panel Spectra taller')
    await command(page, 'Move panel Data to the right')
    await expect.poll(() => tabsOf(page, 'Data')).toEqual([...right, 'Data'])
    const after = before + 48
    expect(await heightOf(page, 'Spectra')).toBe(after)
    await expect.poll(() => JSON.stringify(workbench.views.layout ?? '')).toMatch(/"pipeline"[^\]]*,"data"\]/)
    // As from another address: what the browser remembers is not there.
    await page.evaluate(() => localStorage.clear())
    await page.reload()
    await canvasOf(page).waitFor()
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('light')
    expect(await heightOf(page, 'Spectra')).toBe(after)
    expect(await tabsOf(page, 'Data')).toEqual([...right, 'Data'])
    await command(page, 'Reset layout')
    await expect.poll(() => tabsOf(page, 'Data')).toEqual(left)
  })

  it('begins as it was at first when the kept arrangement is damaged or of another version', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube()
      workbench.views = { layout: { wide: { dock: { grid: 'none', panels: { ghost: {} } }, known: ['ghost'] }, narrow: 4 }, view: { gamma: 'x', cubes: { cube1: { mode: 'all' } } }, camera: [1], selection: null }
    })
    await canvasOf(page).waitFor()
    expect((await page.getByRole('tab').allTextContents()).sort()).toEqual(Object.values(PANEL_TITLES).sort())
  })

  it('looks at each cube as it was left', async () => {
    const { page, workbench } = await open((each) => {
      each.addCube('one.hdr')
      each.addCube('two.hdr')
    })
    await page.getByRole('button', { name: /^two.hdr/ }).click()
    await page.getByRole('radio', { name: 'Single band' }).check()
    await page.getByRole('button', { name: 'Actual size' }).click()
    await expect.poll(() => JSON.stringify(workbench.views.camera ?? '')).toContain('cube2')
    await expect.poll(() => JSON.stringify(workbench.views.selection ?? '')).toContain('cube2')
    await expect.poll(() => JSON.stringify(workbench.views.view ?? '')).toContain('single')
    await page.reload()
    await page.getByRole('img', { name: 'Image of two.hdr' }).waitFor()
    expect(await page.getByRole('radio', { name: 'Single band' }).isChecked()).toBe(true)
    expect(await page.getByRole('button', { name: 'Actual size' }).textContent()).toContain('100')
    await page.getByRole('button', { name: /^one.hdr/ }).click()
    await page.getByRole('img', { name: 'Image of one.hdr' }).waitFor()
    expect(await page.getByRole('button', { name: 'Actual size' }).textContent()).not.toContain('100')
  })

  it('closes panels, and says how to have them back', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    for (const title of Object.values(PANEL_TITLES)) await command(page, `Close panel ${title}`)
    await page.getByText('Every panel is closed').waitFor()
    await page.keyboard.press('Shift+Alt+3')
    await expect.poll(() => page.getByRole('tab').allTextContents()).toEqual(['Spectra'])
    await command(page, 'Close panel Spectra')
    await page.getByRole('button', { name: 'Reset layout' }).click()
    await canvasOf(page).waitFor()
  })

  it('moves the focus between panels by keys, and shows each shortcut in its menu', async () => {
    const { page } = await open((workbench) => workbench.addCube())
    await canvasOf(page).waitFor()
    await page.keyboard.press('Shift+Alt+5')
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-panel'))).toBe('training')
    await page.keyboard.press('F6')
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-panel'))).toBe('data')
    await page.getByRole('menuitem', { name: 'Panels' }).click()
    await page.getByRole('menuitemcheckbox', { name: 'Focus panel Training' }).getByText('Shift+Alt+5').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+/')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByRole('row', { name: /Zoom in/ }).waitFor()
  })

  it('gives every control a name', async () => {
    const { page } = await open((workbench) => {
      workbench.addCube()
      workbench.addFinishedRun()
    })
    for (const tab of ['Pipeline', 'Training', 'Threshold']) {
      await page.getByRole('tab', { name: tab }).click()
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('button, input, select, [role=slider], [role=separator], [role=progressbar]')]
          .filter((control) => {
            const labels = (control as HTMLInputElement).labels
            return !(control.getAttribute('aria-label') ?? '').trim() && !(control.textContent ?? '').trim() && !(labels && [...labels].some((label) => label.textContent.trim()))
          })
          .map((control) => control.outerHTML.slice(0, 120)),
      )
      expect(nameless).toEqual([])
    }
  })
})

/** Controls and words that reach beyond the window or beyond what shows them. Runs in the page. */
function overflows(): string[] {
  const found: string[] = []
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`)
  for (const element of document.querySelectorAll<HTMLElement>('button, input, select, label, h1, h2, h3, p, dd, dt, td, th')) {
    const box = element.getBoundingClientRect()
    if (box.width === 0 || box.height === 0) continue
    if (element.closest('.visually-hidden')) continue
    const panel = element.closest('section, header, footer, [role=tabpanel], [role=region]')!.getBoundingClientRect()
    if (box.left < panel.left - 1 || box.right > panel.right + 1) found.push(`beyond its panel: ${element.outerHTML.slice(0, 100)}`)
    const clips = element.matches('button, label, h1, h2, h3') && element.scrollWidth > element.clientWidth + 1
    if (clips && getComputedStyle(element).textOverflow !== 'ellipsis') found.push(`clipped: ${element.outerHTML.slice(0, 100)}`)
  }
  return found
}
