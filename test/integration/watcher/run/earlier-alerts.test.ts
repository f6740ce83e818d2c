import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import type { Trigger } from '../../../../src/domain/trigger.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';

const { pool } = await createDatabase();
beforeEach(() => emptyTables(pool));

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';
const notifying = (name: string, emails: readonly string[]): Trigger => ({
  name,
  emails,
  evaluate: () => ({ notify: true, because: 'always' }),
});
const happens = (groupId = 'a') => storeEvents(pool, [errorEvent({ groupId, message: groupId })]);

/** The lines of each alert of the last run that say who was notified, by trigger and recipient. */
async function shown(): Promise<Record<string, string[]>> {
  const { rows } = await pool.query<{ trigger: string; email: string; body_text: string }>(
    `SELECT trigger, email, body_text FROM alerts JOIN recipients ON recipients.id = recipient_id
     WHERE run_id = (SELECT max(run_id) FROM alerts)`,
  );
  return Object.fromEntries(
    rows.map(({ trigger, email, body_text }) => [
      `${trigger} ${email}`,
      body_text.split('\n').filter((line) => /^(?:Also told|You were told)/.test(line)),
    ]),
  );
}

async function passHours(hours: number): Promise<void> {
  await pool.query(
    `UPDATE recipient_issues SET last_notified = last_notified - $1 * interval '1 hour',
       last_alerts = (SELECT jsonb_object_agg(key, value || jsonb_build_object('at', (value ->> 'at')::timestamptz - $1 * interval '1 hour'))
                      FROM jsonb_each(last_alerts))`,
    [hours],
  );
}

describe('an alert', () => {
  it('shows the other recipients, and the trigger that notified its recipient earlier in the same run', async () => {
    await happens();
    await runHere(pool, [notifying('First', [ANN, BOB]), notifying('Second', [ANN])]);
    expect(await shown()).toEqual({
      [`First ${ANN}`]: [`Also told: ${BOB}`],
      [`First ${BOB}`]: [`Also told: ${ANN}`],
      [`Second ${ANN}`]: ['You were told of this issue just now by First.'],
    });
  });

  it('shows when its recipient got the last one about the issue, and from which triggers', async () => {
    await happens();
    await happens('another');
    await runHere(pool, [notifying('First', [ANN]), notifying('Second', [ANN])]);
    await passHours(75);
    await happens();
    await runHere(pool, [notifying('Third', [ANN, BOB])]);
    expect(await shown()).toEqual({
      [`Third ${ANN}`]: [`Also told: ${BOB}`, 'You were told of this issue 3 days ago by First, Second.'],
      [`Third ${BOB}`]: [`Also told: ${ANN}`],
    });
  });

  it('names the only trigger that can have sent the last one, where its time was not kept', async () => {
    await happens();
    await runHere(pool, [notifying('First', [ANN])]);
    await pool.query(
      "UPDATE recipient_issues SET last_alerts = '{}', last_notified = now() - interval '2 hours'",
    );
    await happens();
    await runHere(pool, [notifying('Second', [ANN])]);
    expect(await shown()).toEqual({
      [`Second ${ANN}`]: ['You were told of this issue 2 hours ago by First.'],
    });
  });

  it('counts recipients of a digest as notified too', async () => {
    await happens();
    await runHere(pool, [notifying('First', [ANN, BOB])], { bundling: { digest: true, maxPerRun: 50 } });
    await passHours(1);
    await happens();
    await runHere(pool, [notifying('First', [ANN])]);
    expect(await shown()).toEqual({ [`First ${ANN}`]: ['You were told of this issue 1 hour ago by First.'] });
  });
});
