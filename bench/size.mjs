// npm run bench:size [-- --json] [--keep] [--look] [--only bsq,bip,matlab]: cubes of 4 GB and 1 GB, looked at, fitted and scored; times
// as ratios against numpy.memmap on the same files in the same run, where it is installed also against Spectral Python's
// reader, and the largest memory of every process. The files, sparse, are removed at the end unless --keep is given. --look
// leaves fits and scores out.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { ensureBuilt } from '../scripts/prerequisites/build.mjs'
import { ensureInstalled } from '../scripts/prerequisites/install.mjs'
import { largeFiles } from './size/files.mjs'
import { measured, startBrowse } from './size/processes.mjs'

const root = resolve(import.meta.dirname, '..')
const folder = join(root, '.cache', 'bench-size')
const words = process.argv.slice(2)
const json = words.includes('--json')
const only = words.includes('--only') ? words[words.indexOf('--only') + 1].split(',') : ['bsq', 'bip', 'matlab']
const say = (text) => void (json || console.log(text))

/** One answer of the workbench holds at most this many bytes, see the window's loaders. */
const ANSWER_BYTES = 16 * 2 ** 20

await ensureInstalled()
await ensureBuilt()
const began = performance.now()
const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0)
const spectral = python && spawnSync(python, ['-c', 'import spectral'], { stdio: 'ignore' }).status === 0
say(`${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}${python ? '' : '; numpy was not found, so there are no ratios'}; load ${loadavg()[0].toFixed(1)} before the start`)
const files = await largeFiles(folder)
const results = {}
for (const name of only) {
  const file = files[name]
  const look = await lookAt(file)
  const pipelines = {}
  for (const pipeline of words.includes('--look') ? [] : ['rx', 'deep-svdd']) pipelines[pipeline] = await fitAndScore(file, pipeline)
  const reference = python && file.interleave ? { ...(await memmap(file, look.stride, 'look')), ...(words.includes('--look') ? {} : await memmap(file, look.stride, 'rx')) } : null
  if (reference && spectral) reference.spectral = await memmap(file, look.stride, 'spectral')
  results[name] = { look, pipelines, reference }
  report(name, file, results[name])
}
if (!words.includes('--keep')) rmSync(folder, { recursive: true, force: true })
say(`\nAll of it took ${Math.round((performance.now() - began) / 1000)} s; load ${loadavg()[0].toFixed(1)} at the end.`)
if (json) console.log(JSON.stringify({ node: process.version, processor: cpus()[0].model.trim(), results }, null, 2))

async function lookAt({ path, lines, samples, bands }) {
  const browse = startBrowse(join(root, 'out', 'main', 'engine.js'))
  const reference = path
  try {
    await browse.call('cube.describe', { reference })
    const { quickStride, overviewStride } = await browse.call('cube.reading', { reference })
    const finest = (step) => {
      let stride = step
      while (Math.ceil(lines / stride) * Math.ceil(samples / stride) * 4 > ANSWER_BYTES) stride += step
      return stride
    }
    const picture = (band, stride, overview) => Promise.all([
      browse.call('cube.band', { reference, band, stride, window: null, overview }),
      browse.call('cube.bandStatistics', { reference, bands: [band], stride, overview }),
    ])
    const coarse = finest(quickStride)
    await picture(Math.floor(bands / 2), coarse, null)
    const firstPicture = (performance.now() - browse.born) / 1000
    const firstPictureCpu = browse.cpu()
    const started = performance.now()
    const overview = overviewStride === null ? null : await browse.call('cube.overview', { reference, folder: freshFolder('overviews') })
    const overviewSeconds = overview ? (performance.now() - started) / 1000 : null
    const stride = overview ? finest(overview.stride) : coarse
    const changes = [3, 17, 40, 8, 55]
    const before = browse.cpu()
    const bandChange = await median(changes.map((band) => () => picture(band, stride, overview)))
    const bandChangeCpu = (browse.cpu() - before) / changes.length
    const spectrum = await median(Array.from({ length: 21 }, (_, at) => () => browse.call('cube.spectrum', { reference, line: (at * 37) % lines, sample: (at * 91) % samples })))
    return { firstPicture, firstPictureCpu, firstStride: coarse, overviewSeconds, stride, bandChange, bandChangeCpu, spectrum, peakMB: browse.peakMB() }
  } finally {
    browse.end()
  }
}

async function fitAndScore({ path }, pipeline) {
  const out = freshFolder('fitted')
  const cli = join(root, 'out', 'main', 'cli.js')
  const fit = await measured(process.execPath, [cli, 'fit', join(root, 'resources', 'pipelines', `${pipeline}.yaml`), '--data', path, '--out', join(out, 'pipeline'), '--epochs', '1', '--device', 'cpu', '--json'])
  const score = await measured(process.execPath, [cli, 'run', join(out, 'pipeline'), '--data', path, '--out', join(out, 'scores'), '--device', 'cpu', '--json'])
  return { fit: fit.seconds, fitCpu: fit.cpu, fitPeakMB: fit.peakMB, score: score.seconds, scoreCpu: score.cpu, scorePeakMB: score.peakMB }
}

async function memmap({ path, lines, samples, bands, interleave }, stride, work) {
  const { output, peakMB, cpu } = await measured(python, [join(root, 'bench', 'size', 'memmap.py'), path, lines, samples, bands, interleave, stride, work].map(String), { env: { ...process.env, OPENBLAS_NUM_THREADS: String(cpus().length) } })
  const { peakMB: _own, ...times } = JSON.parse(output)
  return { ...times, [`${work}PeakMB`]: peakMB, [`${work}Cpu`]: cpu }
}

async function median(runs) {
  const times = []
  for (const run of runs) {
    const started = performance.now()
    await run()
    times.push((performance.now() - started) / 1000)
  }
  return times.sort((a, b) => a - b)[times.length >> 1]
}

function freshFolder(name) {
  const path = join(folder, name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  return path
}

function report(name, { lines, samples, bands }, { look, pipelines, reference }) {
  const row = (what, ours, theirs) => `  ${what.padEnd(26)} ${seconds(ours).padStart(9)}${theirs === undefined ? '' : `   numpy ${seconds(theirs).padStart(9)}   numpy / ours ${(theirs / ours).toFixed(2)}`}`
  say([
    `\n${name}: ${lines} x ${samples} x ${bands}`,
    row(`first picture (stride ${look.firstStride})`, look.firstPicture, reference?.firstPicture),
    `  processor time until then  ${seconds(look.firstPictureCpu).padStart(9)}`,
    ...(look.overviewSeconds === null ? [] : [row('overview', look.overviewSeconds)]),
    row(`band change (stride ${look.stride})`, look.bandChange, reference?.bandChange),
    `  processor time of one      ${seconds(look.bandChangeCpu).padStart(9)}`,
    row('spectrum', look.spectrum, reference?.spectrum),
    `  memory of the browse process ${Math.round(look.peakMB)} MB`,
    ...Object.entries(pipelines).flatMap(([pipeline, times]) => [
      row(`${pipeline} fit`, times.fit, pipeline === 'rx' ? reference?.fit : undefined),
      row(`${pipeline} score`, times.score, pipeline === 'rx' ? reference?.score : undefined),
      `  processor time: fit ${times.fitCpu.toFixed(1)} s, score ${times.scoreCpu.toFixed(1)} s; memory: fit ${Math.round(times.fitPeakMB)} MB, score ${Math.round(times.scorePeakMB)} MB`,
    ]),
    ...(reference ? [`  memory of numpy, looking: ${Math.round(reference.lookPeakMB)} MB`] : []),
    ...(reference?.rxCpu === undefined ? [] : [`  numpy RX: processor time ${reference.rxCpu.toFixed(1)} s, memory ${Math.round(reference.rxPeakMB)} MB, of which the mapped file is most`]),
    ...(reference?.spectral ? [`  Spectral Python: first picture ${seconds(reference.spectral.firstPicture)}, band change ${seconds(reference.spectral.bandChange)}, spectrum ${seconds(reference.spectral.spectrum)}`] : []),
  ].join('\n'))
}

function seconds(value) {
  return value < 1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(1)} s`
}
