import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { pipelinePicture } from '../../src/engine/report/pipeline-picture'
import { writeReport } from '../../src/engine/report/report'
import { fitPipeline } from '../../src/engine/training/fit'
import { deepSVDD, observed, request, SHAPE, temporaryFolder, writeScene } from '../training/scene'

let folder: string
let fitted: string
let cube: string
let page: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  fitted = join(folder, 'fitted')
  const { path, text } = deepSVDD()
  await fitPipeline(request({ path, text: text.replace('{', '{"name":"Grains <b>& stones</b>",') }, [cube], fitted), observed())
  expect(await writeReport(fitted, join(folder, 'report.html'), observed())).toEqual([])
  page = await readFile(join(folder, 'report.html'), 'utf8')
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Text of the page without tags. */
const words = (html: string): string => html.replace(/<style>[\s\S]*?<\/style>/g, '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')

describe('a report', () => {
  it('is one page that needs nothing else: no script, nothing fetched, names as text', () => {
    expect(page).toMatch(/^<!doctype html>/)
    expect(page).not.toMatch(/<script|<link|@import|javascript:|\son\w+=/i)
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)
    expect(addresses.length).toBeGreaterThan(0)
    expect(addresses.every((address) => address.startsWith('data:image/png;base64,') || address.startsWith('#'))).toBe(true)
    expect([...page.matchAll(/url\(([^)]*)\)/g)].every(([, address]) => address.replace(/["']/g, '').startsWith('#'))).toBe(true)
    expect(page).toContain('<title>Grains &lt;b&gt;&amp; stones&lt;/b&gt; – training report</title>')
    expect(page).not.toContain('<b>& stones')
    expect(page).not.toMatch(/undefined|NaN|\[object/)
  })

  it('says what run.json says', async () => {
    const { record } = await openTrainedPipeline(fitted)
    const said = words(page)
    for (const { path, sha256 } of [...record.data, ...record.masks]) {
      expect(said).toContain(path)
      expect(said).toContain(sha256)
    }
    for (const [name, { bytes, sha256 }] of Object.entries(record.files)) expect(said).toContain(`${name} ${bytes.toLocaleString('en-US')} ${sha256}`)
    const { truePositives, falsePositives, trueNegatives, falseNegatives } = record.metrics?.confusion ?? expect.fail('there is a mask')
    expect(said).toContain(`${truePositives} found ${falseNegatives} missed Normal ${falsePositives} false alarms ${trueNegatives} left alone`)
    expect(said).toContain(`Average precision ${Number(record.metrics?.averagePrecision?.toPrecision(4))}`)
    expect(said).toContain(`${record.epochs.length} of ${record.epochsPlanned} epochs`)
    expect(said).toContain(`Seed ${record.seed}`)
    for (const { name } of (await openTrainedPipeline(fitted)).pipeline.nodes) expect(page).toContain(`>${name}</text>`)
  })

  it('draws every curve, and shows the scene with what is flagged', () => {
    const captions = [...page.matchAll(/<figcaption>([^<]*)<\/figcaption>/g)].map(([, text]) => text.split(/[,.;]/)[0])
    expect(captions).toEqual(['Mean spectrum of normal pixels', 'Loss by epoch', 'Metrics of the validation by epoch', 'The scene', 'Scores from', 'Scores', 'ROC', 'Precision and recall'].map((start) => expect.stringContaining(start) as string))
    for (const [figure] of page.matchAll(/<figure>[\s\S]*?<\/figure>/g)) {
      if (figure.includes('<img')) continue
      // Axes alone are a few paths; a curve is one with many points.
      expect(Math.max(...[...figure.matchAll(/ d="([^"]*)"/g)].map(([, d]) => d.split(/[ML\s]/).length)), figure.slice(-120)).toBeGreaterThanOrEqual(5)
    }
    const [overlay, scores] = [...page.matchAll(/base64,([^"]+)"/g)].map(([, text]) => decode(Buffer.from(text, 'base64')))
    for (const picture of [overlay, scores]) expect([picture.height, picture.width]).toEqual([SHAPE[0], SHAPE[1]])
    const pink = Array.from({ length: overlay.width * overlay.height }, (_, pixel) => [...overlay.data.subarray(pixel * 3, pixel * 3 + 3)].join() === '255,47,179').filter(Boolean)
    expect(pink).toHaveLength(8)
  })

  it('leaves out what is not there any more, and says so', async () => {
    const moved = await writeScene(folder, 'moved')
    const other = join(folder, 'moved-fit')
    await fitPipeline(request(deepSVDD(), [moved], other, { epochs: 1 }), observed())
    await rm(moved)
    const path = join(other, 'report.html')
    const notes = await writeReport(other, path, observed())
    expect(notes).toEqual([`${moved} is not there any more, so its picture, scores and spectrum are left out.`])
    const said = words(await readFile(path, 'utf8'))
    expect(said).toContain(notes[0])
    expect(said).toContain('Decisions against the mask')
    expect(said).not.toContain('ROC')
    // The pipeline opens as before.
    expect((await openTrainedPipeline(other)).record.epochs).toHaveLength(1)
  })

  it('is refused with one sentence where there is no pipeline, or where it cannot be written', async () => {
    await expect(writeReport(join(folder, 'nowhere'), join(folder, 'x.html'), observed())).rejects.toMatchObject({ code: 'missing-file' })
    const inTheWay = join(folder, 'way.html')
    await mkdir(inTheWay)
    await expect(writeReport(fitted, inTheWay, observed())).rejects.toMatchObject({ code: 'cannot-write' })
    expect(existsSync(join(folder, 'x.html'))).toBe(false)
  })
})

describe('the picture of a pipeline', () => {
  it('puts every node right of what feeds it, none over another', async () => {
    const { pipeline } = await openTrainedPipeline(fitted)
    const svg = pipelinePicture(pipeline)
    const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"[\s\S]*?font-weight="600"[^>]*>([^<]*)</g)].map(([, x, y, name]) => ({ x: Number(x), y: Number(y), name }))
    expect(boxes.map(({ name }) => name)).toEqual(pipeline.nodes.map(({ name }) => name))
    const placeOf = (name: string) => boxes.find((box) => box.name === name) ?? expect.fail(name)
    for (const { name, inputs } of pipeline.nodes) for (const { node } of Object.values(inputs)) expect(placeOf(name).x).toBeGreaterThan(placeOf(node).x)
    expect(new Set(boxes.map(({ x, y }) => `${x},${y}`)).size).toBe(boxes.length)
  })
})
