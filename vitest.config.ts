import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Two cores: sessions of onnxruntime and engine children want them.
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: ['default', './tests/golden/count-cases.ts', './tests/parity/hold-behaviours.ts'],
  },
})
