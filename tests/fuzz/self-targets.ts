import { CuvetteError } from '../../src/shared/problem'
import type { FuzzTarget } from './targets'

// Parsers with every defect that the fuzz job looks for: it must find them.

const seeds = async (): Promise<Record<string, Uint8Array>[]> => [{ file: new Uint8Array(16) }]

export const selfTargets: Readonly<Record<string, FuzzTarget>> = {
  'self-throws': { seeds, run: async () => { throw new TypeError('Cannot read properties of undefined') } },
  'self-internal': { seeds, run: async () => { throw new CuvetteError('internal', 'Something is wrong.') } },
  'self-wordless': { seeds, run: async () => { throw new CuvetteError('bad-data', 'no end') } },
  'self-hangs': { seeds, run: async () => { for (;;) if (Date.now() < 0) return } },
  'self-waits': { seeds, run: () => new Promise(() => undefined) },
  'self-crashes': { seeds, run: async () => process.abort() },
  'self-swells': { seeds, run: async () => new Uint8Array(1000 * 2 ** 20).fill(1) },
  'self-sound': { seeds, run: async () => { throw new CuvetteError('bad-data', 'The file is damaged; restore it.') } },
}
