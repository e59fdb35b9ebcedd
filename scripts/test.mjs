// npm test: installs what is missing, runs every gate, ends with "N passed, N failed".
// A gate that cannot run counts as failed: nothing is skipped silently.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { browserForTests } from './prerequisites/browser.mjs'
import { ensureBuilt } from './prerequisites/build.mjs'
import { ensureInstalled } from './prerequisites/install.mjs'
import { redisForTests } from './prerequisites/redis.mjs'

const root = resolve(import.meta.dirname, '..')
const reports = mkdtempSync(join(tmpdir(), 'cuvette-test-'))
const totals = { passed: 0, failed: 0 }

/** Runs one command in the repository; its output is shown as it comes. */
function run(command, args, environment = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } })
  if (result.error) console.error(`${command} could not be started: ${result.error.message}`)
  return result.status === 0
}

function bin(name) {
  return join(root, 'node_modules', '.bin', name)
}

function title(text) {
  console.log(`\n== ${text}`)
}

function count(passed) {
  if (passed) totals.passed += 1
  else totals.failed += 1
}

/** A gate that is one yes or no. */
function gate(name, command, args) {
  title(name)
  count(run(command, args))
}

/** A gate whose tests are counted from the runner's own JSON report. */
function counted(name, reportFile, start, read) {
  title(name)
  const ok = start()
  try {
    const { passed, failed } = read(JSON.parse(readFileSync(reportFile, 'utf8')))
    totals.passed += passed
    totals.failed += failed
    if (!ok && failed === 0) totals.failed += 1
    if (passed + failed === 0) throw new Error('no test ran')
  } catch (error) {
    console.error(`${name}: no usable report (${error.message}).`)
    totals.failed += 1
  }
}

title('Install')
await ensureInstalled()
title('Build')
try {
  await ensureBuilt({ force: true })
  count(true)
} catch (error) {
  console.error(error.message)
  count(false)
}

gate('Types: engine, workbench, hosts, tests', bin('tsc'), ['-p', 'tsconfig.node.json', '--noEmit'])
gate('Types: renderer', bin('vue-tsc'), ['-p', 'tsconfig.renderer.json', '--noEmit'])
gate('Lint and layering', bin('eslint'), ['.', '--max-warnings', '0'])

const unitReport = join(reports, 'unit.json')
const browser = await browserForTests()
const redis = redisForTests({ install: true })
const environment = { ...(browser.path && { CUVETTE_BROWSER: browser.path }), ...(redis.path && { CUVETTE_REDIS: redis.path }) }
console.log(browser.message)
console.log(redis.message)
// Its tests are skipped without it; that is no pass.
if (!redis.path) totals.failed += 1

counted(
  'Unit, golden, property and bundle tests',
  unitReport,
  () => run(bin('vitest'), ['run', '--reporter=default', '--reporter=./tests/golden/count-cases.ts', '--reporter=./tests/parity/hold-behaviours.ts', '--reporter=json', `--outputFile.json=${unitReport}`], environment),
  (report) => ({ passed: report.numPassedTests, failed: report.numFailedTests + unloadedFiles(report) }),
)

/** Test files that could not even be loaded are failures with no failed test in them. */
function unloadedFiles(report) {
  return report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
}

if (!browser.path) {
  title('End to end')
  console.error(browser.message)
  totals.failed += 1
} else {
  const e2eReport = join(reports, 'e2e.json')
  counted(
    `End to end in ${browser.path}`,
    e2eReport,
    () => run(bin('playwright'), ['test', '--reporter=list,json'], { ...environment, PLAYWRIGHT_JSON_OUTPUT_NAME: e2eReport }),
    (report) => ({ passed: report.stats.expected, failed: report.stats.unexpected + report.stats.flaky }),
  )
}

rmSync(reports, { recursive: true, force: true })
console.log(`\n${totals.passed} passed, ${totals.failed} failed`)
process.exitCode = totals.failed === 0 ? 0 : 1
