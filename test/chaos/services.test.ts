import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../dev/browser-errors/random.ts';
import { poll } from '../../dev/poll.ts';
import type { LocalPostgres } from '../../dev/postgres/local-postgres.ts';
import { startPostgres } from '../../dev/postgres/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { Pool } from '../../src/db/pool.ts';
import { createPool } from '../../src/db/pool.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { createDatabase } from '../support/database.ts';
import type { Fate } from '../support/faulty-queue.ts';
import { startFaultyQueue } from '../support/faulty-queue.ts';
import { issuesOf, miscounted, sendEvents } from '../support/load.ts';
import { drained, startTwoWorkers } from '../support/processor.ts';
import { createQueue, depth, endVisibilityTimeouts, takeAll } from '../support/queue.ts';

describe('Postgres crashing under load', () => {
  let server: LocalPostgres;
  let url: string;
  let pool: Pool;
  beforeAll(async () => {
    // A server of its own: this test stops it. Durable, or a crash would lose what was committed.
    server = await startPostgres({ say: () => undefined, durable: true });
    url = await server.createDatabase('crashing');
    await migrate(
      { connectionString: url },
      0,
      createLogger({ format: 'compose', level: 'WARNING', name: 'test' }),
    );
    pool = createPool({
      connectionString: url,
      applicationName: 'bec-alerts test',
      max: 2,
      statementTimeoutMilliseconds: 30_000,
      onIdleError: () => undefined,
    });
  });
  afterAll(async () => {
    await pool.end();
    await server.close();
  });

  it('loses no event, burns no receive count, and needs nobody to go on', async () => {
    const queue = await createQueue();
    const way = await startFaultyQueue(queue.endpoint);
    const database = { name: 'crashing', url, pool };
    const env = { SQS_ENDPOINT_URL: way.endpoint, LOG_LEVEL: 'INFO' };
    const count = 8_000;
    await sendEvents(queue, count / 2);
    const processor = startTwoWorkers(queue, database, env);
    await processor.printed(/stored \d+ events/);
    await server.stop('immediate');
    await sendEvents(queue, count / 2, 'h');
    // By then each worker has failed, has given up its poll, and only asks whether Postgres is back.
    await processor.printed(/tries again/, 12);
    const before = { depth: await depth(queue.client, queue.queueUrl), deliveries: new Map(way.deliveries) };
    await processor.printed(/tries again/, 20);
    const after = await depth(queue.client, queue.queueUrl);
    expect(after.visible + after.inFlight).toBe(before.depth.visible + before.depth.inFlight);
    expect(new Map(way.deliveries)).toEqual(before.deliveries);
    await endVisibilityTimeouts(queue.client, queue.queueUrl, way.receipts.keys());
    await server.start();
    await drained(queue);
    const { issues, wrong } = await miscounted(pool, count / 2);
    expect({ issues, wrong }).toEqual({ issues: 2 * issuesOf(count / 2), wrong: [] });
    expect(Math.max(...way.deliveries.values())).toBeLessThanOrEqual(3);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);
  });
});

describe('a queue that fails', () => {
  it('answering 500, dropping connections and losing answers costs no event', async () => {
    const database = await createDatabase();
    const queue = await createQueue({ visibilitySeconds: 10 });
    const way = await startFaultyQueue(queue.endpoint);
    const random = seededRandom(500);
    const fates: readonly Fate[] = ['error', 'drop', 'drop_answer'];
    let hurt = 0;
    way.fate = () => {
      if (hurt >= 300 || random() > 0.4) return 'pass';
      hurt += 1;
      return fates[Math.floor(random() * fates.length)] ?? 'pass';
    };
    const count = 8_000;
    await sendEvents(queue, count);
    // The processor finds its queue on the same way, so that its start is hurt too: it ends, and is started again.
    const processor = await poll('a processor that starts', async () => {
      const started = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
      const polls = await started.printed(/a worker polls/).catch(() => null);
      return polls === null ? undefined : started;
    });
    await drained(queue);
    expect(hurt).toBe(300);
    expect(await miscounted(database.pool, count)).toEqual({ issues: issuesOf(count), wrong: [] });
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);
  });

  it('deleting only parts of a batch still has the rest counted once', async () => {
    const database = await createDatabase();
    const queue = await createQueue({ visibilitySeconds: 5 });
    const way = await startFaultyQueue(queue.endpoint);
    const random = seededRandom(10);
    let failed = 0;
    way.failsToDelete = () => {
      if (failed >= 500 || random() > 0.3) return false;
      failed += 1;
      return true;
    };
    const count = 4_000;
    await sendEvents(queue, count);
    const processor = startTwoWorkers(queue, database, { SQS_ENDPOINT_URL: way.endpoint });
    await drained(queue);
    expect(failed).toBe(500);
    expect(await miscounted(database.pool, count)).toEqual({ issues: issuesOf(count), wrong: [] });
    const redelivered = [...way.deliveries.values()].filter((times) => times > 1).length;
    expect(redelivered).toBeGreaterThan(0);
    expect(processor.output()).toMatch(/deleting messages failed.*InternalError/);
  });
});
