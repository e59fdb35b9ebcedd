import type { Reporter, TestModule } from 'vitest/node'
import type { Subject } from './peer-behaviours'
import { subjects } from './peer-behaviours'

/** A test that ran or was skipped: its file, "tests/...", and its full name, as the runner prints it. */
export interface RanTest {
  file: string
  name: string
}

/** Behaviours whose test is not among those of its file, in sentences. Files without any test are not judged: they were not asked for. */
export function missingTests(list: readonly Subject[], ran: readonly RanTest[]): string[] {
  const names = new Map<string, string[]>()
  for (const { file, name } of ran) names.set(file, [...names.get(file) ?? [], name])
  return list.flatMap(({ subject, behaviours }) => behaviours.flatMap((one) => {
    if (!('file' in one)) return []
    const found = names.get(one.file)
    if (!found || found.some((name) => name === one.test || name.endsWith(` > ${one.test}`))) return []
    return [`"${subject}: ${one.says}" names the test "${one.test}" of ${one.file}, which is not there`]
  }))
}

/** Fails a run in which a test is gone that the list of the peer's behaviours names; a run of everything says how many there are. */
export default class BehaviourHolder implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    // Other vectors need not have every case of our own copy.
    if (process.env.CUVETTE_GOLDEN_DIR !== undefined) return
    const ran = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ file: fileOf(module), name: test.fullName })))
    const missing = missingTests(subjects, ran)
    for (const sentence of missing) console.error(`peer list: ${sentence}`)
    if (missing.length > 0) process.exitCode = 1
    const files = new Set(ran.map(({ file }) => file))
    const all = subjects.flatMap(({ behaviours }) => behaviours)
    const tested = all.filter((one) => 'file' in one)
    if (tested.every(({ file }) => files.has(file))) console.log(`peer list: ${all.length} behaviours, ${tested.length} with a test, ${all.length - tested.length} that do not apply, each with its reason`)
  }
}

function fileOf({ moduleId }: TestModule): string {
  return moduleId.slice(moduleId.lastIndexOf('/tests/') + 1)
}
