import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

const CORES = availableParallelism();
/** Files that talk to servers and processes mostly wait for them, so more of them run side by side than there are cores. */
const SERVER_FILES = Math.min(3 * CORES, 8);
/** Of a test or a hook. No wait of ours comes near it: it ends what hangs, however busy the machine is. */
const LIMIT_MILLISECONDS = 900_000;

/**
 * The longest files start first, so that the run doesn't end with one of them alone. Delivery's file mostly waits, and
 * the others use the cores meanwhile.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) =>
      /\/test\/(chaos\/|integration\/deploy\/|integration\/watcher\/delivery\/deliver\.)/.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  // A trigger file gets the sources, as it does from the watcher, and not the last build.
  resolve: { alias: { 'bec-alerts': fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    testTimeout: LIMIT_MILLISECONDS,
    hookTimeout: LIMIT_MILLISECONDS,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          // Needs neither Postgres nor any other server: `npm run test:unit`.
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'],
          // Some files wait for timers, and others use the cores meanwhile.
          maxWorkers: 2 * CORES,
          // They leave nothing behind in their process, so each process loads our code once for many files.
          isolate: false,
          sequence: { groupOrder: 1 },
          typecheck: { enabled: true, checker: 'tsc', include: ['test/types/**/*.test-d.ts'] },
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/{integration,e2e,chaos}/**/*.test.ts'],
          maxWorkers: SERVER_FILES,
          sequence: { groupOrder: 2 },
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: [
            'test/support/clean-environment.ts',
            'test/support/compile-cache.ts',
            'test/support/close-after-file.ts',
          ],
          // A process for some files, one after the other. What a file leaves behind is closed after it (`afterFile`).
          isolate: false,
          pool: 'forks',
        },
      },
    ],
  },
});
