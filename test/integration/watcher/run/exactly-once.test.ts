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

/** The committed state of each issue, as counts of events: exact, as there are fewer than 160. */
class History {
  readonly committed = new Map<string, number>();
}

/** A trigger that remembers the states of each issue that it evaluated. */
class Witness {
  readonly name: string;
  readonly evaluated = new Map<string, number[]>();
  readonly trigger: Trigger;

  constructor(name = 'Witness') {
    this.name = name;
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

  /** Its alerts that the outbox must hold. */
  alerts(): string[] {
    return [...this.evaluated].flatMap(([group, states]) =>
      states.map((state) => `${this.name} ${group} ${state}`),
    );
  }
}

/** Stores events in transactions that stay open for a while and end in whatever order, some by a rollback. */
async function write(history: History, groups: readonly string[], random: Random): Promise<void> {
  const client = await pool.connect();
  try {
    for (let transaction = 0; transaction < 12; transaction += 1) {
      const some = groups.filter(() => random() < 0.3);
      const unknown = some.filter((groupId) => !history.committed.has(groupId));
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
      if (kept) for (const one of touched) history.committed.set(one, (history.committed.get(one) ?? 0) + 1);
      await pause(random() * 4, never);
    }
  } finally {
    client.release();
  }
}

/** One run of a file. Each of its triggers must have evaluated the events that were committed before the run began. */
async function runAndCheck(history: History, file: readonly Witness[]): Promise<void> {
  const before = new Map(history.committed);
  await runHere(
    pool,
    file.map(({ trigger }) => trigger),
  );
  for (const witness of file) {
    const missed = [...before].filter(([groupId, events]) => witness.lastEvaluated(groupId) < events);
    expect(missed, witness.name).toEqual([]);
  }
}

describe('runs while events are stored', () => {
  it('evaluate each issue’s last state with each trigger of each file: none missed, none twice without a new event', async () => {
    const history = fc.record({
      seed: fc.integer(),
      writers: fc.integer({ min: 2, max: 6 }),
      issues: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ seed, writers, issues }) => {
        await emptyTables(pool);
        const seen = new History();
        const groups = Array.from({ length: issues }, (_, index) => `g${index}`);
        // Half of them are new to the writers. A new issue needs a second statement, and two statements in one
        // transaction would lock rows in another order than workers do. So these issues have their own transaction.
        const known = groups.slice(issues >> 1);
        await storeEvents(
          pool,
          known.map((groupId) => errorEvent({ groupId })),
        );
        for (const groupId of known) seen.committed.set(groupId, 1);
        const [ours, theirs, added] = [new Witness('Ours'), new Witness('Theirs'), new Witness('Added')];
        // Two teams with a file each. One of the files is changed: old and new watchers run side by side for a while.
        const files = [[ours], [theirs], [ours, added]];
        const random = seededRandom(seed);
        let writing = true;
        const all = Promise.all(
          Array.from({ length: writers }, (_, index) => write(seen, groups, seededRandom(seed + index))),
        ).finally(() => {
          writing = false;
        });
        while (writing) await runAndCheck(seen, files[Math.floor(random() * files.length)] ?? []);
        await all;
        for (const file of files) await runAndCheck(seen, file);
        for (const witness of [ours, theirs, added]) {
          for (const [groupId, states] of witness.evaluated) {
            // Strictly rising: each evaluation saw an event that the one before had not.
            expect(states).toEqual([...new Set(states)].sort((one, other) => one - other));
            expect(states.at(-1)).toBe(seen.committed.get(groupId));
          }
        }
        const alerts = (await outbox(pool)).map((row) => `${row.trigger} ${row.group_id} ${row.because}`);
        const evaluated = [ours, theirs, added].flatMap((witness) => witness.alerts());
        expect(alerts.sort()).toEqual(evaluated.sort());
      }),
      { numRuns: 25, seed: 20261124 },
    );
  });

  it('evaluate an event that commits during a run in the next one, not in both', async () => {
    const history = new Witness();
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
    const first = await runHere(pool, [commits, history.trigger]);
    during.release();
    const second = await runHere(pool, [history.trigger]);
    const third = await runHere(pool, [history.trigger]);
    expect([first.issues, second.issues, third.issues]).toEqual([1, 1, 0]);
    expect(Object.fromEntries(history.evaluated)).toEqual({ a: [1], late: [1] });
  });

  it('neither wait for the processor nor make it wait', async () => {
    const history = new Witness();
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
    const outcome = await runHere(pool, [writes, afterwards, history.trigger]);
    expect(outcome).toMatchObject({ issues: 2, alerts: 6, failures: 0 });
    await writer.query('COMMIT');
    writer.release();
    await runHere(pool, [history.trigger]);
    expect(Object.fromEntries(history.evaluated)).toEqual({ a: [1, 2], b: [1, 2] });
  });

  it('evaluate more issues than fit a page, each once', async () => {
    const groups = Array.from({ length: 2_345 }, (_, index) => `g${index}`);
    await storeEvents(
      pool,
      groups.map((groupId) => errorEvent({ groupId })),
    );
    const history = new Witness();
    await runHere(pool, [history.trigger]);
    expect(history.evaluated.size).toBe(2_345);
    expect([...history.evaluated.values()].every((states) => states.length === 1)).toBe(true);
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
