// npm run fuzz -- --seconds 60 [--seed N] [--only target,target] [--replay target:number]: damaged files for every parser.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildWorker, fuzz } from './fuzz/supervise.mjs'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, only: { type: 'string' }, replay: { type: 'string' } } })
await ensureInstalled()
const worker = await buildWorker(root)
const { targetNames } = await import('./fuzz/targets.mjs')
const targets = values.only ? values.only.split(',') : targetNames
const unknown = targets.filter((name) => !targetNames.includes(name))
if (unknown.length > 0) {
  console.error(`There is no fuzz target ${unknown.join(', ')}; there are ${targetNames.join(', ')}.`)
  process.exit(2)
}
const orders = values.replay?.split(',').map((word) => {
  const at = word.lastIndexOf(':')
  return { target: word.slice(0, at), number: Number(word.slice(at + 1)) }
})
const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
console.log(orders ? `Trying ${orders.length} again.` : `${targets.length} targets, ${values.seconds} s, seed ${seed}.`)
const { tried, findings } = await fuzz({ root, worker, targets, seconds: Number(values.seconds), seed, orders })
for (const [target, { refused, accepted, skipped }] of Object.entries(tried)) {
  console.log(`  ${target.padEnd(20)} ${String(refused).padStart(7)} refused ${String(accepted).padStart(7)} accepted${skipped > 0 ? ` ${skipped} skipped: no sample file here` : ''}`)
}
for (const { target, number, what } of findings) console.log(`\n${target}:${number} ${what}`)
if (findings.length > 0) {
  mkdirSync(join(root, '.cache', 'fuzz'), { recursive: true })
  writeFileSync(join(root, '.cache', 'fuzz', 'findings.json'), JSON.stringify(findings, null, 2))
  console.log(`\n${findings.length} findings; try one again with npm run fuzz -- --replay ${findings[0].target}:${findings[0].number}`)
}
process.exit(findings.length > 0 ? 1 : 0)
