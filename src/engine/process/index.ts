import type { EngineRole } from '../../shared/engine-contract'
import { CuvetteError } from '../../shared/problem'
import { browseHandlers } from './browse'
import { channelOfThisProcess } from './channel'
import { computeHandlers } from './compute'
import type { HandlerTable } from './serve'
import { serveEngine } from './serve'

// Entry of an engine process: `engine.js browse` or `engine.js compute`, started by a host.

const roles: Record<EngineRole, { handlers: () => HandlerTable; concurrency: number }> = {
  // Reads wait on the disk, so a few overlap; more would only make each of them late.
  browse: { handlers: browseHandlers, concurrency: 4 },
  // The workbench queues the long works one by one; the rest is for short questions beside them.
  compute: { handlers: computeHandlers, concurrency: 4 },
}

const crash: HandlerTable = {
  'test.crash': async () => {
    if (!process.env.CUVETTE_TEST_CRASH) throw new CuvetteError('bad-argument', 'The call test.crash is for tests only.')
    process.exit(86)
  },
}

const MEMORY_EVERY_MS = 3000

const role = process.argv.slice(2).find((word): word is EngineRole => word === 'browse' || word === 'compute')
const channel = channelOfThisProcess()

if (!channel || !role) {
  process.stderr.write('This is an engine process of Cuvette; the workbench starts it with the role browse or compute.\n')
  process.exitCode = 2
} else {
  channel.onClosed(() => process.exit(0))
  // The terminal sends Ctrl+C to every process of the group; the workbench decides when an engine ends.
  process.on('SIGINT', () => undefined)
  const { handlers, concurrency } = roles[role]
  serveEngine(channel, role, { ...handlers(), ...crash }, concurrency)
  setInterval(() => void channel.post({ kind: 'memory', bytes: process.memoryUsage.rss() }).catch(() => undefined), MEMORY_EVERY_MS).unref()
}
