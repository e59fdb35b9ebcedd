/** One thing to measure. */
export interface Contestant {
  name: string
  /** Milliseconds of each repeat. */
  measure(repeats: number): Promise<number[]>
}

export interface RaceLength {
  rounds: number
  /** The first repeats of a round: caches are cold then, and an idle process is slow to wake. */
  uncounted: number
  counted: number
}

/**
 * Median milliseconds by name. Every contestant runs a few times in every round, and the rounds alternate, so that
 * whatever else the machine does falls on all of them alike.
 */
export async function race(contestants: readonly Contestant[], { rounds, uncounted, counted }: RaceLength): Promise<Record<string, number>> {
  const times = contestants.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      times[index].push(...(await contestant.measure(uncounted + counted)).slice(uncounted))
    }
  }
  return Object.fromEntries(contestants.map(({ name }, index) => [name, median(times[index])]))
}

/** Milliseconds of each of so many runs. */
export function timed(name: string, run: () => Promise<void>): Contestant {
  return {
    name,
    async measure(repeats) {
      const times: number[] = []
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const started = performance.now()
        await run()
        times.push(performance.now() - started)
      }
      return times
    },
  }
}

/** Of the middle two the mean. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Milliseconds by the clock, and of the processor over all threads. */
export interface Spent {
  ms: number
  cpu: number
}

/** Tells what was spent since. */
export function stopwatch(): () => Spent {
  const begun = performance.now()
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { ms: performance.now() - begun, cpu: (user + system) / 1000 }
  }
}

/** The least of each. */
export function least(all: readonly Spent[]): Spent {
  return { ms: Math.min(...all.map(({ ms }) => ms)), cpu: Math.min(...all.map(({ cpu }) => cpu)) }
}
