import { describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { createConsoleMailer } from '../../../../src/mail/console.ts';
import { createLogger } from '../../../../src/runtime/logger.ts';
import { createMetrics } from '../../../../src/runtime/metrics.ts';
import { createReporter } from '../../../../src/runtime/report.ts';
import { createDelivery } from '../../../../src/watcher/delivery/deliver.ts';
import { createSendRate } from '../../../../src/watcher/delivery/send-rate.ts';
import { createDatabase } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { ON_CALL, outbox } from '../../../support/watcher.ts';

const { pool } = await createDatabase();

describe('a digest that can’t be written', () => {
  it('fails with its reason, reported once, and delays no other alert', async () => {
    const notifying = {
      name: 'Notifies',
      emails: [ON_CALL],
      evaluate: () => ({ notify: true as const, because: 'always' }),
    };
    const store = (groups: readonly string[]) =>
      storeEvents(
        pool,
        groups.map((groupId) => errorEvent({ groupId, message: groupId })),
      );
    await store(['a', 'b']);
    await runHere(pool, [notifying], { bundling: { digest: true, maxPerRun: 50 } });
    await store(['c']);
    await runHere(pool, [notifying]);

    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const logger = createLogger({ format: 'compose', level: 'ERROR', name: 'test', destination });
    const mails: string[] = [];
    const renderDigest = () => {
      throw new Error('the template is broken');
    };
    const settings = { subjectPrefix: '', issueUrl: undefined, maxPerRun: 50, renderDigest };
    const delivery = createDelivery({
      mailer: createConsoleMailer((mail) => mails.push(mail)),
      settings,
      sendRate: createSendRate(async () => Number.POSITIVE_INFINITY),
      logger,
      metrics: createMetrics(logger, { host: undefined, port: 8125 }),
      reporter: await createReporter(logger, undefined, 'test'),
      leaseMilliseconds: 60_000,
    });
    const never = new AbortController().signal;
    expect(await delivery.deliver(pool, never)).toEqual({ sent: 1, deferred: 0, failed: 2 });
    expect((await outbox(pool)).map(({ status, last_error }) => [status, last_error])).toEqual([
      ['failed', 'rendering the email failed: the template is broken'],
      ['failed', 'rendering the email failed: the template is broken'],
      ['sent', null],
    ]);
    expect(mails).toEqual([expect.stringContaining('c · Notifies')]);
    expect(lines.filter((line) => line.includes('was given up'))).toHaveLength(1);
  });
});
