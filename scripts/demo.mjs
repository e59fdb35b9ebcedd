// npm run demo: the main job on the sample scene without a window: look, fit, score, export; prints what it wrote,
// the AUC and the time. Everything goes into out/demo.
import { spawnSync } from 'node:child_process'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const out = join(root, 'out', 'demo')
const cube = join(root, 'resources', 'sample', 'farm.hdr')
const pipeline = (name) => join(root, 'resources', 'pipelines', `${name}.yaml`)
const started = performance.now()

/** Runs one command as a person would, shows it, and returns its JSON document. */
function cuvette(...args) {
  const shown = args.map((word) => (word.startsWith(root) ? relative(root, word) : word)).join(' ')
  console.log(`\n$ cuvette ${shown}`)
  const began = performance.now()
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'cuvette.mjs'), ...args, '--json'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 26 })
  const document = JSON.parse(stdout)
  if (status !== 0) throw new Error(document.error?.message ?? `cuvette ${args[0]} ended with exit code ${status}.`)
  return { ...document, took: (performance.now() - began) / 1000 }
}

function files(report) {
  console.log(`  wrote ${report.files.map((name) => relative(root, join(report.out, name))).join('\n        ')}`)
}

try {
  const info = cuvette('info', cube)
  const [lines, samples, bands] = info.shape
  const marked = info.mask.classes.filter(({ id }) => id > 0).reduce((sum, { count }) => sum + count, 0)
  console.log(`  ${lines} x ${samples} pixels, ${bands} bands from ${info.wavelengths[0]} to ${info.wavelengths[bands - 1]} nm, ${marked} planted pixels`)

  const rx = cuvette('fit', pipeline('rx'), '--data', cube, '--out', join(out, 'rx'))
  console.log(`  AUC ${rx.metrics.auc.toFixed(4)} in ${rx.took.toFixed(1)} s: the classical detector, to compare with`)

  const fit = cuvette('fit', pipeline('deep-svdd'), '--data', cube, '--seed', '1', '--out', join(out, 'deep-svdd'))
  console.log(`  AUC ${fit.metrics.auc.toFixed(4)} in ${fit.took.toFixed(1)} s, ${fit.phases.gradient.epochs} epochs, ${fit.deviceReason}`)
  files(fit)

  const run = cuvette('run', join(out, 'deep-svdd'), '--data', cube, '--out', join(out, 'scores'))
  const [scene] = run.cubes
  console.log(`  AUC ${scene.metrics.auc.toFixed(4)} in ${run.took.toFixed(1)} s, ${scene.flagged} pixels flagged, ${Math.round(100 * scene.metrics.precision)} % of them planted`)
  files({ out: run.out, files: [...scene.files, 'metrics.json'] })

  const exported = cuvette('export', join(out, 'deep-svdd'), '--to', 'onnx', '--out', join(out, 'onnx'))
  console.log(`  verified: largest difference from the scores above ${exported.verified.maxDifference}`)
  files(exported)

  console.log(`\nDeep SVDD on the sample: AUC ${scene.metrics.auc.toFixed(4)} (RX: ${rx.metrics.auc.toFixed(4)}). ${((performance.now() - started) / 1000).toFixed(1)} s in all.`)
} catch (error) {
  console.error(`demo: ${error.message}`)
  process.exitCode = 1
}
