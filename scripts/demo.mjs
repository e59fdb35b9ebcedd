// npm run demo: the main job on the sample cube without a window, through the command line as anybody would type it.
// Says what was written, the AUC and the time.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { ensureBuilt } from './prerequisites/build.mjs'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
const cube = join('resources', 'sample', 'farm.hdr')
const pipeline = join('resources', 'pipelines', 'deep-svdd.yaml')

try {
  await ensureInstalled()
  await ensureBuilt()
} catch (error) {
  console.error(error.message)
  process.exit(1)
}

const started = Date.now()
const out = mkdtempSync(join(tmpdir(), 'cuvette-demo-'))
const [fitted, scored, exported] = ['trained', 'scores', 'model'].map((name) => join(out, name))

const { shape, wavelengths, wavelengthUnit } = cuvette('info', cube)
console.log(`Cube      ${cube}: ${shape[0]} lines x ${shape[1]} samples x ${shape[2]} bands, ${wavelengths[0]} to ${wavelengths.at(-1)} ${wavelengthUnit}`)
const fit = cuvette('fit', pipeline, '--data', cube, '--seed', '1', '--out', fitted)
const { epochs, loss } = fit.phases.gradient
console.log(`Fit       ${pipeline}: ${epochs} epochs in ${fit.seconds.toFixed(1)} s on ${fit.device}, loss ${loss[0].toPrecision(3)} to ${loss.at(-1).toPrecision(3)}`)
const [scene] = cuvette('run', fitted, '--data', cube, '--out', scored).cubes
const { auc, averagePrecision, f1, iou } = scene.metrics
console.log(`Scores    AUC ${auc.toFixed(4)}, average precision ${averagePrecision.toFixed(3)}; at the threshold ${scene.threshold.toPrecision(4)}: ${scene.flagged} pixels, F1 ${f1.toFixed(3)}, IoU ${iou.toFixed(3)}`)
const { verified } = cuvette('export', fitted, '--to', 'onnx', '--out', exported)
console.log(`Export    model.onnx differs from the app by at most ${verified.maxDifference}, allowed is ${verified.tolerance}`)

console.log(`Written   ${out}`)
for (const file of filesBelow(out)) console.log(`          ${relative(out, file)}`)
console.log(`AUC ${auc.toFixed(4)} in ${((Date.now() - started) / 1000).toFixed(1)} s.`)

/** One command with --json; its progress goes to stderr. Ends the demo with its own words when it fails. */
function cuvette(...words) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'out', 'main', 'cli.js'), ...words, '--json'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status === 0) return JSON.parse(stdout)
  console.error(JSON.parse(stdout).error.message)
  process.exit(1)
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
