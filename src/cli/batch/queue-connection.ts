import { Redis } from 'ioredis'
import { CuvetteError } from '../../shared/problem'

/** Name of the queue in Redis. */
export const QUEUE_NAME = 'cuvette'
/** Milliseconds within which a queue must answer at first. */
const FIRST_ANSWER_MS = 5000
/** Between attempts to find a queue again that went away. */
const RETRY_MS = 500
/** How long connections may take to say goodbye. */
const CLOSING_MS = 2000

/** A queue that answered. Connections look for it again when it goes away. */
export interface QueueConnection {
  /** Without user and password, for messages. */
  url: string
  /** A connection of its own, as BullMQ wants them: commands wait for a queue that is away. */
  connect(): Redis
  /** Rejects with a sentence when the queue stayed away for too long. Never resolves. */
  lost: Promise<never>
  /** Ends what was built on its connections, then the connections; a queue that is away cannot hold this up. */
  close(...users: { close(): Promise<unknown> }[]): Promise<void>
}

/**
 * Connects to the Redis at a URL. Throws CuvetteError: 'bad-argument' for a URL of another kind, 'queue-unavailable' when
 * nothing answers like Redis within five seconds. `patienceSeconds`: how long a queue that answered may then be away.
 */
export async function openQueue(address: string, patienceSeconds: number): Promise<QueueConnection> {
  const url = parsed(address)
  const shown = `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
  const connections: Redis[] = []
  let established = false
  const connect = (): Redis => {
    const redis = new Redis(address, {
      lazyConnect: true, connectTimeout: FIRST_ANSWER_MS, maxRetriesPerRequest: null,
      retryStrategy: () => (established ? RETRY_MS : null),
    })
    // Whoever waits for a command learns of the error; without a listener it would end the process.
    redis.on('error', () => undefined)
    connections.push(redis)
    return redis
  }
  const disconnect = (): void => {
    for (const redis of connections) redis.disconnect()
  }

  const watch = connect()
  let reason = 'it does not answer'
  watch.on('error', (error: Error) => (reason = reasonOf(error)))
  try {
    await within(FIRST_ANSWER_MS, watch.connect().then(() => watch.ping()))
  } catch (error) {
    disconnect()
    throw new CuvetteError('queue-unavailable', `There is no queue at ${shown}: ${error instanceof TooLate ? 'nothing there answers like Redis' : reasonOf(error, reason)}; start Redis there, correct the address, or leave --queue out to use this machine alone.`, { cause: error })
  }
  established = true

  let away: NodeJS.Timeout | null = null
  const lost = new Promise<never>((_, reject) => {
    watch.on('close', () => {
      if (!established) return
      away ??= setTimeout(() => {
        reject(new CuvetteError('queue-unavailable', `The queue at ${shown} went away and did not come back within ${patienceSeconds} s; results that were finished are there, and the same command continues when the queue is back.`))
      }, patienceSeconds * 1000)
    })
    watch.on('ready', () => {
      if (away) clearTimeout(away)
      away = null
    })
  })
  // Not everybody waits for it all the time.
  lost.catch(() => undefined)
  return {
    url: shown, connect, lost,
    async close(...users) {
      if (away) clearTimeout(away)
      // Nobody looks for a queue any more that went away: not the copies of connections either that BullMQ makes.
      established = false
      await within(CLOSING_MS, Promise.all(users.map((user) => user.close()))).catch(() => undefined)
      disconnect()
    },
  }
}

function parsed(address: string): URL {
  let url: URL | null = null
  try {
    url = new URL(address)
  } catch {
    // Said below.
  }
  if (url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== '') return url
  throw new CuvetteError('bad-argument', `The queue must be named by a URL such as redis://127.0.0.1:6379, with rediss: for TLS; this is none.`)
}

class TooLate extends Error {}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  work.catch(() => undefined)
  try {
    return await Promise.race([work, new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new TooLate()), milliseconds)))])
  } finally {
    clearTimeout(timer)
  }
}

function reasonOf(error: unknown, fallback = 'it cannot be reached'): string {
  const { code, message = '' } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return 'no program listens there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name of the machine is not known'
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH') return 'the machine cannot be reached'
  if (/NOAUTH|WRONGPASS|invalid password/i.test(message)) return 'it wants another user or password (redis://user:password@host:port)'
  if (/^Connection is closed/.test(message)) return fallback
  return code ?? (message.split('\n')[0] || fallback)
}
