import { describe, expect, it } from 'vitest';
import { records } from '../support/command.ts';
import { createDatabase } from '../support/database.ts';
import { forwarded } from '../support/events.ts';
import { drained, startProcessor } from '../support/processor.ts';
import { createQueue, sendBodies, takeAll } from '../support/queue.ts';

const EVENTS = 4_000;
const BUCKETS = 40;
/** None has a factor in common with the buckets, so that each bucket gets as many events as any other. */
const STEPS = [1, 39, 7, 11, 13, 17, 19, 23, 29, 31, 37, 3];

describe('eight workers on the same issues', () => {
  it.each([1, 20])('neither deadlock nor lose an event: %i', async (issues) => {
    const { pool, name, url } = await createDatabase();
    const queue = await createQueue();
    // Issues and days in a different order in each batch: unless the statement orders them, workers lock crosswise.
    const bodies = Array.from({ length: EVENTS }, (_, index) => {
      const step = STEPS[Math.floor(index / BUCKETS) % STEPS.length] ?? 1;
      const bucket = (index * step) % BUCKETS;
      const day = new Date(Date.UTC(2026, 0, 1 + Math.floor(bucket / issues)));
      return JSON.stringify(
        forwarded({
          groupID: `hot${bucket % issues}`,
          user: { id: String(index) },
          dateReceived: day.toISOString(),
        }),
      );
    });
    await sendBodies(queue.client, queue.queueUrl, bodies);
    const processor = startProcessor(queue, { name, url, pool }, { PROCESSOR_PROCESS_COUNT: '8' });
    await drained(queue);
    const { rows } = await pool.query(
      `SELECT count(DISTINCT issue_id)::int AS issues, sum(hll_cardinality(event_set))::int AS events,
              sum(hll_cardinality(user_set))::int AS users FROM issue_buckets`,
    );
    expect(rows).toEqual([{ issues, events: EVENTS, users: EVENTS }]);
    const { rows: clashes } = await pool.query<{ deadlocks: number }>(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(clashes).toEqual([{ deadlocks: 0 }]);
    processor.child.kill('SIGTERM');
    const { code, stdout } = await processor.finished;
    expect(code).toBe(0);
    expect(records(stdout).filter(({ Severity }) => Number(Severity) <= 4)).toEqual([]);
    expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
  });
});
