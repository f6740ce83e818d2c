import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // A process for each file: workers, signals and the local SES's one inbox stay apart.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    typecheck: { enabled: true, checker: 'tsc', include: ['test/types/**/*.test-d.ts'] },
  },
});
