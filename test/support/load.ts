import { expect } from 'vitest';
import type { Pool } from '../../src/db/pool.ts';
import { forwarded } from './events.ts';
import type { TestQueue } from './queue.ts';
import { sendBodies, takeAll } from './queue.ts';

/** hll is exact up to 160 elements, so that a count can be asserted to the last event. */
const EVENTS_A_BUCKET = 80;

/** Puts events on the queue, eighty to an issue and each by a user of its own. @param from how many were sent before */
export async function sendEvents(queue: TestQueue, count: number, prefix = 'g', from = 0): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => from + index);
  const bodies = indexes.map((index) =>
    JSON.stringify(
      forwarded({
        groupID: `${prefix}${Math.floor(index / EVENTS_A_BUCKET)}`,
        user: { id: String(index) },
        dateReceived: new Date().toISOString().replace(/T.*/, 'T12:00:00Z'),
      }),
    ),
  );
  await sendBodies(queue.client, queue.queueUrl, bodies);
}

/** Issues whose events or users are not counted exactly once, given how many were sent by `sendEvents`. */
export async function miscounted(pool: Pool, count: number): Promise<{ issues: number; wrong: unknown[] }> {
  const { rows } = await pool.query<{ group_id: string; events: number; users: number }>(
    `SELECT group_id, hll_cardinality(event_set)::int AS events, hll_cardinality(user_set)::int AS users
     FROM issue_buckets JOIN issues ON issues.id = issue_id`,
  );
  const expected = (groupId: string) => {
    const index = Number(groupId.replace(/^\D+/, ''));
    return Math.min(EVENTS_A_BUCKET, count - index * EVENTS_A_BUCKET);
  };
  const wrong = rows.filter(
    ({ group_id, events, users }) => events !== expected(group_id) || users !== expected(group_id),
  );
  return { issues: rows.length, wrong };
}

/** Expects each event that `sendEvents` sent to be counted once, and no dead letter. */
export async function expectExact(pool: Pool, queue: TestQueue, count: number): Promise<void> {
  expect(await miscounted(pool, count)).toEqual({ issues: issuesOf(count), wrong: [] });
  expect(await takeAll(queue.client, queue.deadLetterQueueUrl)).toEqual([]);
}

export const issuesOf = (count: number) => Math.ceil(count / EVENTS_A_BUCKET);
