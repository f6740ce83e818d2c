import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../src/db/events.ts';
import { parseEvent } from '../../../src/domain/event.ts';
import type { JsonRecord } from '../../../src/domain/json.ts';
import { builtInTriggers } from '../../../src/triggers/index.ts';
import { daysAgo, happen } from '../../support/alerts.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { exception, exceptionEntry, forwarded } from '../../support/events.ts';
import { decided, runHere } from '../../support/run.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';

/** The recipient and subject of each alert of a run with the built-in triggers. */
async function notified(...emails: string[]): Promise<string[]> {
  const enabled = builtInTriggers(emails).filter((trigger) => trigger.enabled !== false);
  const { failures } = await runHere(pool, enabled);
  expect(failures).toBe(0);
  return (await decided(pool)).map(({ to, subject }) => `${to} ${subject}`);
}

const MARK = 'bec-alerts-healthcheck';

describe('Healthcheck', () => {
  it.each<[string, JsonRecord]>([
    [
      'a log message',
      { message: MARK, title: MARK, entries: [{ type: 'message', data: { formatted: MARK } }] },
    ],
    ['a log message with more around it', { message: `12:00 ${MARK} ok` }],
    ['a title alone', { message: '', title: `Error: ${MARK}`, entries: [] }],
    [
      'an exception alone',
      { message: null, title: null, entries: [exceptionEntry([exception('Error', MARK)])] },
    ],
    [
      'an exception without a type',
      { message: '', title: '', entries: [exceptionEntry([exception('', MARK)])] },
    ],
    ['the group id of an older Sentry', { groupID: 77, title: MARK }],
  ])('finds its mark in %s, each time', async (_, overrides) => {
    const receive = async () => {
      const body = JSON.stringify(forwarded({ dateReceived: new Date().toISOString(), ...overrides }));
      const parsed = parseEvent(body, new Date());
      if (!('event' in parsed)) throw new Error(parsed.rejection.detail);
      await storeEvents(pool, [parsed.event]);
    };
    // If the event has an exception too, the exception is the title.
    const title = 'message' in overrides && !('entries' in overrides) ? 'TypeError: x is undefined' : MARK;
    const expected = [ANN, BOB].map((to) => expect.stringMatching(`^${to} .*${title}.* · Healthcheck \\[`));
    await receive();
    expect(await notified(ANN, BOB)).toEqual(expected);
    await receive();
    expect(await notified(ANN, BOB)).toEqual(expected);
  });

  it('notifies of nothing else, and of nothing twice', async () => {
    await happen(pool, 'a', 3);
    expect(await notified(ANN)).toEqual([]);
    await happen(pool, 'b', 1, { message: MARK });
    expect(await notified(ANN)).toHaveLength(1);
    expect(await notified(ANN)).toEqual([]);
  });
});

describe('New top crasher', () => {
  it('notifies once of the ten most frequent with more than 200 events, extensions left out', async () => {
    // Far apart: counts over 160 are estimates. The twelfth has too few events as well.
    for (let rank = 1; rank <= 11; rank += 1)
      await happen(pool, `rank${rank}`, Math.round(3_000 * 0.8 ** rank));
    await happen(pool, 'extension', 4_000, { module: 'moz-extension://6f1d/content.js' });
    await happen(pool, 'old', 4_000, { receivedAt: daysAgo(9) });
    const first = await notified(ANN);
    expect(first.toSorted()).toEqual(
      Array.from(
        { length: 10 },
        (_, index) => `${ANN} issue rank${index + 1} · New top crasher [test]`,
      ).toSorted(),
    );
    for (let rank = 1; rank <= 11; rank += 1) await happen(pool, `rank${rank}`, 1);
    expect(await notified(ANN)).toEqual([]);
    // Bob is new, so he is notified of all issues that he wasn't notified of.
    for (let rank = 1; rank <= 11; rank += 1) await happen(pool, `rank${rank}`, 1);
    const third = await notified(ANN, BOB);
    expect(third.filter((line) => line.startsWith(BOB))).toHaveLength(10);
    expect(third.filter((line) => line.startsWith(ANN))).toEqual([]);
  });

  it('needs more than 200 events, however few issues there are', async () => {
    await happen(pool, 'few', 150);
    await happen(pool, 'many', 300);
    expect(await notified(ANN)).toEqual([`${ANN} issue many · New top crasher [test]`]);
  });
});
