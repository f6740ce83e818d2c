import { expect, it } from 'vitest';
import { databaseError } from '../../../../src/db/errors.ts';
import type { Db } from '../../../../src/db/pool.ts';
import { markAtEnd } from '../../../../src/watcher/delivery/mark-at-end.ts';

const db = {} as Db;
const failing = (failures: number) => {
  let calls = 0;
  const markAccepted = async () => {
    calls += 1;
    const operation = 'marking emails as sent, which another watcher may now send again,';
    if (calls <= failures) throw databaseError(operation, new Error('connect ECONNREFUSED'));
  };
  return { delivery: { markAccepted }, calls: () => calls };
};

it('is tried again while Postgres restarts', async () => {
  const { delivery, calls } = failing(2);
  await markAtEnd(delivery, db, 600_000);
  expect(calls()).toBe(3);
});

it('fails with what is at stake if Postgres doesn’t come back in time', async () => {
  const { delivery } = failing(Number.POSITIVE_INFINITY);
  await expect(markAtEnd(delivery, db, 1)).rejects.toMatchObject({
    code: 'database_unavailable',
    message:
      'marking emails as sent, which another watcher may now send again, failed (connect ECONNREFUSED)',
  });
});
