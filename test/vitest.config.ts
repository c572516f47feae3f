import { defineConfig } from 'vitest/config'

/**
 * unit: pure code and fakes. contract: one suite a port, on real adapters. media: those of them that hear a room, or run whole processes.
 * e2e: real roles. The last two run alone, one file after the other; of several in one run none beside another.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          root: 'test',
          include: ['unit/**/*.test.ts'],
          // for what hangs: the longest takes 7 s on a quiet machine
          testTimeout: 30_000,
          // two cores: nothing here waits for a real clock, and modules that are loaded once a worker save half the time
          maxWorkers: 2,
          isolate: false,
        },
      },
      {
        test: {
          name: 'contract',
          sequence: { groupOrder: 1 },
          root: 'test',
          include: ['contract/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'media',
          sequence: { groupOrder: 2 },
          root: 'test',
          include: ['contract/media/*.test.ts'],
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
          sequence: { groupOrder: 3 },
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
