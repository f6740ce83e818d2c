import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Random } from '../../../../dev/browser-errors/random.ts';
import { seededRandom } from '../../../../dev/browser-errors/random.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import { defineTrigger } from '../../../../src/domain/trigger.ts';
import { pause } from '../../../../src/runtime/loop.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import { ON_CALL, outbox, runs } from '../../../support/watcher.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const never = new AbortController().signal;

/** The committed state of each issue, as the count of its events: exact, as there are fewer than 160. */
type Committed = Map<string, number>;

/** A trigger that remembers which states of each issue it evaluated. */
class Witness {
  readonly evaluated = new Map<string, number[]>();
  readonly trigger: Trigger;

  constructor(name = 'Witness') {
    this.trigger = defineTrigger({
      name,
      emails: [ON_CALL],
      evaluate: async (issue, context) => {
        const { events } = await context.counts(issue, { days: 7 });
        this.evaluated.set(issue.groupId, [...(this.evaluated.get(issue.groupId) ?? []), events]);
        return { notify: true, because: String(events) };
      },
    });
  }

  lastEvaluated(groupId: string): number {
    return this.evaluated.get(groupId)?.at(-1) ?? 0;
  }
}

/** Stores events in transactions that stay open for a while and end in whatever order, some by a rollback. */
async function write(committed: Committed, groups: readonly string[], random: Random): Promise<void> {
  const client = await pool.connect();
  try {
    for (let transaction = 0; transaction < 12; transaction += 1) {
      const some = groups.filter(() => random() < 0.3);
      const unknown = some.filter((groupId) => !committed.has(groupId));
      const touched = unknown.length === 0 ? some : unknown.slice(0, 1);
      if (touched.length === 0) continue;
      const late = random() < 0.5 ? 3_600_000 : 0;
      const receivedAt = new Date(Date.now() - late);
      await client.query('BEGIN');
      await storeEvents(
        client,
        touched.map((groupId) => errorEvent({ groupId, receivedAt })),
      );
      await pause(random() * 12, never);
      const kept = random() < 0.8;
      await client.query(kept ? 'COMMIT' : 'ROLLBACK');
      if (kept) for (const one of touched) committed.set(one, (committed.get(one) ?? 0) + 1);
      await pause(random() * 4, never);
    }
  } finally {
    client.release();
  }
}

/** One run of a trigger file. Its triggers must have evaluated events by its end that were committed before it began. */
async function runAndCheck(committed: Committed, file: readonly Witness[]): Promise<void> {
  const before = [...committed];
  await runHere(
    pool,
    file.map(({ trigger }) => trigger),
  );
  for (const witness of file) {
    expect(before.filter(([groupId, events]) => witness.lastEvaluated(groupId) < events)).toEqual([]);
  }
}

describe('runs while events are stored', () => {
  it('evaluate each issue’s last state once with each trigger, of two files and during a change of one of them', async () => {
    const history = fc.record({
      seed: fc.integer(),
      writers: fc.integer({ min: 2, max: 6 }),
      issues: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ seed, writers, issues }) => {
        await emptyTables(pool);
        const committed: Committed = new Map();
        const groups = Array.from({ length: issues }, (_, index) => `g${index}`);
        // Half of them are new to the writers. A new issue needs a second statement, and two statements in one
        // transaction would lock rows in another order than workers do. So these issues have their own transaction.
        const known = groups.slice(issues >> 1);
        await storeEvents(
          pool,
          known.map((groupId) => errorEvent({ groupId })),
        );
        for (const groupId of known) committed.set(groupId, 1);
        const random = seededRandom(seed);
        const [kept, added, other] = [new Witness('Kept'), new Witness('Added'), new Witness('Other')];
        let writing = true;
        const all = Promise.all(
          Array.from({ length: writers }, (_, index) => write(committed, groups, seededRandom(seed + index))),
        ).finally(() => {
          writing = false;
        });
        // Watchers with the old and the new file run side by side, in any order.
        const oneFile = async () => {
          while (writing) await runAndCheck(committed, random() < 0.5 ? [kept] : [kept, added]);
        };
        const otherFile = async () => {
          while (writing) {
            await runAndCheck(committed, [other]);
            await pause(random() * 20, never);
          }
        };
        await Promise.all([oneFile(), otherFile(), all]);
        await runAndCheck(committed, [kept, added]);
        await runAndCheck(committed, [other]);
        for (const { evaluated } of [kept, added, other]) {
          for (const [groupId, states] of evaluated) {
            // Strictly rising: each evaluation saw an event that the one before had not.
            expect(states).toEqual([...new Set(states)].sort((one, next) => one - next));
            expect(states.at(-1)).toBe(committed.get(groupId));
          }
        }
        const alerts = (await outbox(pool)).map(
          (alert) => `${alert.trigger} ${alert.group_id} ${alert.because}`,
        );
        const expected = [kept, added, other].flatMap(({ trigger, evaluated }) =>
          [...evaluated].flatMap(([group, states]) =>
            states.map((state) => `${trigger.name} ${group} ${state}`),
          ),
        );
        expect(alerts.sort()).toEqual(expected.sort());
      }),
      { numRuns: 25, seed: 20261124 },
    );
  });

  it('evaluate an event that commits during a run in the next one, not in both', async () => {
    const witness = new Witness();
    await storeEvents(pool, [errorEvent({ groupId: 'a' })]);
    const during = await pool.connect();
    await during.query('BEGIN');
    await storeEvents(during, [
      errorEvent({ groupId: 'late', receivedAt: new Date(Date.now() - 3_600_000) }),
    ]);
    const commits = defineTrigger({
      name: 'Commits',
      emails: [],
      evaluate: async () => {
        await during.query('COMMIT');
        return { notify: false };
      },
    });
    const first = await runHere(pool, [commits, witness.trigger]);
    during.release();
    const second = await runHere(pool, [witness.trigger]);
    const third = await runHere(pool, [witness.trigger]);
    expect([first.issues, second.issues, third.issues]).toEqual([1, 1, 0]);
    expect(Object.fromEntries(witness.evaluated)).toEqual({ a: [1], late: [1] });
  });

  it('neither wait for the processor nor make it wait', async () => {
    const witness = new Witness();
    await storeEvents(pool, [errorEvent({ groupId: 'a' }), errorEvent({ groupId: 'b' })]);
    const writer = await pool.connect();
    await writer.query('BEGIN');
    await storeEvents(writer, [errorEvent({ groupId: 'a' })]);
    // The run notifies of both issues while one of them is being written, and the writer goes on in the midst of it.
    const writes = defineTrigger({
      name: 'Writes',
      emails: [ON_CALL],
      evaluate: () => ({ notify: true, because: 'always' }),
    });
    const afterwards = defineTrigger({
      name: 'Afterwards',
      emails: [ON_CALL],
      evaluate: async (issue) => {
        if (issue.groupId === 'b') {
          // Should the run's locks be in the way, the wait would be without an end: each waits for the other.
          await writer.query(`SET LOCAL lock_timeout = '5s'`);
          await storeEvents(writer, [errorEvent({ groupId: 'b' })]);
        }
        return { notify: true, because: 'always' };
      },
    });
    const outcome = await runHere(pool, [writes, afterwards, witness.trigger]);
    expect(outcome).toMatchObject({ issues: 2, alerts: 6, failures: 0 });
    await writer.query('COMMIT');
    writer.release();
    await runHere(pool, [witness.trigger]);
    expect(Object.fromEntries(witness.evaluated)).toEqual({ a: [1, 2], b: [1, 2] });
  });

  it('evaluate more issues than fit a page, each once', async () => {
    const groups = Array.from({ length: 2_345 }, (_, index) => `g${index}`);
    await storeEvents(
      pool,
      groups.map((groupId) => errorEvent({ groupId })),
    );
    const witness = new Witness();
    await runHere(pool, [witness.trigger]);
    expect(witness.evaluated.size).toBe(2_345);
    expect([...witness.evaluated.values()].every((states) => states.length === 1)).toBe(true);
    expect(await runs(pool)).toEqual([{ finished: true, issue_count: 2_345, alert_count: 2_345 }]);
  });

  it('leave all to the next run when a signal ends them in the middle', async () => {
    await storeEvents(
      pool,
      Array.from({ length: 1_500 }, (_, index) => errorEvent({ groupId: `g${index}` })),
    );
    const stop = new AbortController();
    const stopper = defineTrigger({
      name: 'Stops',
      emails: [ON_CALL],
      evaluate: () => {
        stop.abort(new Error('stopped'));
        return { notify: true, because: 'always' };
      },
    });
    await expect(runHere(pool, [stopper], { signal: stop.signal })).rejects.toThrow('stopped');
    expect(await runs(pool)).toEqual([]);
    expect(await outbox(pool)).toEqual([]);
    expect((await runHere(pool, [new Witness().trigger])).issues).toBe(1_500);
  });
});
