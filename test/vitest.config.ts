import { defineConfig } from 'vitest/config'

/** unit: pure code and fakes. contract: one suite a port, on real adapters. e2e: real roles, alone and one file after the other. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          root: 'test',
          include: ['unit/**/*.test.ts'],
          testTimeout: 10_000,
          // two cores: nothing here waits for a real clock, and modules that are loaded once a worker save half the time
          maxWorkers: 2,
          isolate: false,
        },
      },
      {
        test: {
          name: 'contract',
          root: 'test',
          include: ['contract/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          fileParallelism: false,
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'e2e',
          root: 'test',
          include: ['e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          maxWorkers: 1,
          fileParallelism: false,
          pool: 'forks',
        },
      },
    ],
  },
})
