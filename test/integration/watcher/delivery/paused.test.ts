import { expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import type { RunDependencies } from '../../../../src/watcher/run/run-state.ts';
import { createSteps } from '../../../../src/watcher/steps.ts';
import { createDatabase } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';

const { pool } = await createDatabase();

it('while sending is paused, the age of the oldest alert is measured every 30 s', async () => {
  const destination = { write: () => undefined };
  const logger = createLogger({ format: 'compose', level: 'ERROR', name: 'test', destination });
  const measured: [string, number][] = [];
  const metrics = {
    increment: () => {},
    distribution: () => {},
    close: async () => {},
    gauge: (name: string, value: number) => measured.push([name, value]),
  };
  const delivery = {
    pausedFor: () => 300_000,
    hasUnmarked: () => false,
    markAccepted: async () => {},
    deliver: () => Promise.reject(new Error('it is paused')),
  };
  const run = { logger } as RunDependencies;
  const steps = createSteps(
    { pool, run, delivery, bounces: null, canary: null, metrics, preview: async () => {} },
    { dryRun: false, delaySeconds: 300, retentionDays: 90 },
  );
  const { signal } = new AbortController();

  expect(await steps.deliver(signal)).toBe(30_000);
  await storeEvents(pool, [errorEvent({ receivedAt: new Date() })]);
  const evaluate = () => ({ notify: true, because: 'it changed' }) as const;
  await runHere(pool, [{ name: 'Every event', emails: ['ann@example.com'], evaluate }]);
  await pool.query(`UPDATE alerts SET created_at = now() - interval '2 hours'`);
  expect(await steps.deliver(signal)).toBe(30_000);
  const age = expect.closeTo(7_200, -3);
  expect(measured).toEqual([
    ['bec-alerts.watcher.pending.seconds', 0],
    ['bec-alerts.watcher.pending.seconds', age],
  ]);
});
