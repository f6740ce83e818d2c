import { expect, it, onTestFinished, vi } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { DELIVERY_LOCK } from '../../../../src/db/locks.ts';
import { loadDigest } from '../../../../src/mail/digest.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { createMetrics } from '../../../../src/runtime/metrics.ts';
import { createReporter } from '../../../../src/runtime/report.ts';
import { createDelivery } from '../../../../src/watcher/delivery/deliver.ts';
import { createSendRate } from '../../../../src/watcher/delivery/send-rate.ts';
import type { RunDependencies } from '../../../../src/watcher/run/run-state.ts';
import type { Steps } from '../../../../src/watcher/steps.ts';
import { createSteps } from '../../../../src/watcher/steps.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { hold } from '../../../support/locks.ts';
import { runHere } from '../../../support/run.ts';
import { outbox } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
const never = new AbortController().signal;
const rename = (from: string, to: string) => pool.query(`ALTER TABLE ${from} RENAME TO ${to}`);

/** The steps of a watcher whose first email SES accepts just before the database begins to fail. */
async function unmarked(): Promise<{ steps: Steps; emails: string[] }> {
  await emptyTables(pool);
  await storeEvents(pool, [errorEvent({})]);
  const evaluate = () => ({ notify: true, because: 'it changed' }) as const;
  await runHere(pool, [{ name: 'Every event', emails: ['ann@example.com'], evaluate }]);

  const destination = { write: () => undefined };
  const logger = createLogger({ format: 'compose', level: 'ERROR', name: 'test', destination });
  const metrics = createMetrics(logger, { host: undefined, port: 8125 });
  const emails: string[] = [];
  const delivery = createDelivery({
    mailer: {
      async send({ to }) {
        emails.push(to);
        await rename('alerts', 'away');
        return `ses-${emails.length}`;
      },
      maxSendRate: async () => 1,
      close: () => undefined,
    },
    settings: { subjectPrefix: '', issueUrl: undefined, maxPerRun: 50, renderDigest: await loadDigest() },
    sendRate: createSendRate(async () => Number.POSITIVE_INFINITY),
    logger,
    metrics,
    reporter: await createReporter(logger, undefined, 'test'),
    leaseMilliseconds: 1,
  });
  const run = { logger } as RunDependencies;
  const steps = createSteps(
    { pool, run, delivery, bounces: null, canary: null, metrics, preview: async () => {} },
    { dryRun: false, delaySeconds: 300, retentionDays: 90 },
  );
  await expect(steps.deliver(never)).rejects.toMatchObject({ code: 'database_not_migrated' });
  expect(steps.hasUnmarked()).toBe(true);
  return { steps, emails };
}

it('an email that SES accepted is marked as sent while another watcher delivers', async () => {
  const { steps, emails } = await unmarked();
  await rename('away', 'alerts');
  await hold(pool, `SELECT pg_advisory_xact_lock(${DELIVERY_LOCK})`);
  await steps.deliver(never);
  expect(await outbox(pool)).toMatchObject([{ status: 'sent', ses_message_id: 'ses-1' }]);
  expect(steps.hasUnmarked()).toBe(false);
  expect(emails).toEqual(['ann@example.com']);
});

it('marking it is tried each second, and reported once a minute', async () => {
  const { steps, emails } = await unmarked();
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  const at = async (seconds: number) => {
    clock.mockReturnValue(seconds * 1_000);
    return await steps.deliver(never);
  };
  expect(await at(0)).toBe(1_000);
  expect(await at(59)).toBe(1_000);
  await expect(at(60)).rejects.toMatchObject({
    code: 'database_not_migrated',
    message: expect.stringMatching(
      /^marking emails as sent, which another watcher may now send again, failed \(42P01/,
    ),
  });
  expect(await at(119)).toBe(1_000);
  await expect(at(120)).rejects.toThrow(/^marking emails as sent/);
  clock.mockRestore();
  await rename('away', 'alerts');
  expect(await steps.deliver(never)).toBe(30_000);
  expect(await outbox(pool)).toMatchObject([{ status: 'sent' }]);
  expect(emails).toEqual(['ann@example.com']);
});
