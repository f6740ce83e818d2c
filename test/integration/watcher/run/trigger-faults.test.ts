import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { records } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { createLocalSes } from '../../../support/local-ses.ts';
import { everyEventFile, ON_CALL, outbox, runWatcher, triggerFile } from '../../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();
beforeEach(() => emptyTables(pool));

const run = (parameters: readonly string[] = [], env: Record<string, string | undefined> = {}) =>
  runWatcher(database, ses.endpoint, parameters, env);
const said = (output: string) => records(output).map(({ Fields }) => String(Fields.msg));

describe('a trigger that throws', () => {
  it('fails only its own evaluation, and a query that fails in it doesn’t end the run', async () => {
    const TRIGGERS = await triggerFile(`[
      { name: 'Throws', emails: ['${ON_CALL}'], evaluate: (issue) => {
        if (issue.groupId === 'b') throw new Error('boom');
        return { notify: true, because: 'fine' };
      } },
      { name: 'Asks wrongly', emails: ['${ON_CALL}'], evaluate: async (issue, context) => {
        await context.lastNotified({ id: 'not a number', email: 'x' }, issue);
        return { notify: false };
      } },
      { name: 'Good', emails: ['${ON_CALL}'], evaluate: () => ({ notify: true, because: 'fine too' }) },
    ]`);
    await storeEvents(
      pool,
      ['a', 'b', 'c'].map((groupId) => errorEvent({ groupId })),
    );
    const { code, stdout } = await run([], { TRIGGERS });
    expect(code).toBe(1);
    const alerts = (await outbox(pool)).map(({ trigger, group_id }) => `${trigger} ${group_id}`);
    expect(alerts.sort()).toEqual(['Good a', 'Good b', 'Good c', 'Throws a', 'Throws c']);
    const { rows } = await pool.query(
      'SELECT trigger, group_id, attempts FROM failed_evaluations JOIN issues ON id = issue_id ORDER BY 1, 2',
    );
    expect(rows).toEqual([
      { trigger: 'Asks wrongly', group_id: 'a', attempts: 1 },
      { trigger: 'Asks wrongly', group_id: 'b', attempts: 1 },
      { trigger: 'Asks wrongly', group_id: 'c', attempts: 1 },
      { trigger: 'Throws', group_id: 'b', attempts: 1 },
    ]);
    expect(stdout).toContain('trigger \\"Throws\\" failed on issue');
  });

  it.each([
    ['text that Postgres can’t store', `new Error('a\\0b\\ud800')`, 'a\uFFFDb\uFFFD'],
    ['what has no text', `Object.create(null)`, '[object Object]'],
    ['nothing', 'undefined', 'undefined'],
  ])('fails only its own evaluation where it throws %s', async (_, thrown, last_error) => {
    const TRIGGERS = await triggerFile(`[
      { name: 'Throws', emails: ['${ON_CALL}'], evaluate: () => { throw ${thrown}; } },
      { name: 'Good', emails: ['${ON_CALL}'], evaluate: () => ({ notify: true, because: 'fine' }) },
    ]`);
    await storeEvents(pool, [errorEvent()]);
    expect((await run([], { TRIGGERS })).code).toBe(1);
    expect((await outbox(pool)).map(({ trigger }) => trigger)).toEqual(['Good']);
    const { rows } = await pool.query('SELECT trigger, last_error FROM failed_evaluations');
    expect(rows).toEqual([{ trigger: 'Throws', last_error }]);
  });

  it('on every issue hides no other that throws: each error is logged once, with the number of its issues', async () => {
    const TRIGGERS = await triggerFile(`['Bad', 'Worse'].map((name) => (
      { name, emails: ['${ON_CALL}'], evaluate: () => { throw new Error('boom'); } }))`);
    await storeEvents(
      pool,
      ['a', 'b', 'c', 'd', 'e', 'f'].map((groupId) => errorEvent({ groupId })),
    );
    const { code, stdout } = await run([], { TRIGGERS });
    expect(code).toBe(1);
    const logOf = (trigger: string, msg: string) =>
      records(stdout).filter(({ Fields }) => Fields.trigger === trigger && Fields.msg === msg);
    expect(said(stdout)).toContain('evaluated 6 issues with 2 triggers: 0 alerts, and 12 evaluations failed');
    for (const trigger of ['Bad', 'Worse']) {
      const logged = logOf(
        trigger,
        'a trigger failed; the next runs evaluate these issues again, ten times at most',
      );
      expect(logged).toMatchObject([
        { Fields: { issues: 6, error: expect.stringContaining('failed on 6 issues, first on issue') } },
      ]);
      const each = logOf(trigger, 'a trigger failed on an issue').map(({ Fields }) => Fields.group_id);
      expect(each.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    }
  });

  it('keeps its failures while runs without it finish, and retries them when it is back', async () => {
    const throwing = await triggerFile(
      `[{ name: 'Back', emails: ['${ON_CALL}'], evaluate: () => { throw new Error('boom'); } }]`,
    );
    const others = await everyEventFile();
    await storeEvents(pool, [errorEvent()]);
    await run([], { TRIGGERS: throwing });
    const failed = async () => (await pool.query('SELECT trigger, attempts FROM failed_evaluations')).rows;
    await run([], { TRIGGERS: others });
    await run([], { TRIGGERS: others });
    expect(await failed()).toEqual([{ trigger: 'Back', attempts: 1 }]);
    await run([], { TRIGGERS: throwing });
    expect(await failed()).toEqual([{ trigger: 'Back', attempts: 2 }]);
  });

  it('by changing its arguments changes neither the run nor the arguments of others', async () => {
    const meddle = (name: string, code: string) =>
      `{ name: '${name}', emails: ['${ON_CALL}'], evaluate: async (issue, context) => { ${code}; return { notify: false }; } }`;
    const TRIGGERS = await triggerFile(`[
      ${meddle('Moves now', 'context.now.setUTCFullYear(2001); issue.lastSeen.setUTCFullYear(2001)')},
      ${meddle('Renames', `issue.message = 'another'`)},
      ${meddle('Empties', '(await context.top({ days: 1, limit: 10 })).splice(0)')},
      ${meddle('Counts', '(await context.counts(issue, { days: 1 })).events = 99')},
      ${meddle('Unframes', 'issue.stackFrames.splice(0)')},
      ${meddle('Redirects', `context.recipients[0].email = 'eve@example.com'`)},
      { name: 'Sees', emails: ['${ON_CALL}'], evaluate: async (issue, context) => {
        const { events } = await context.counts(issue, { days: 1 });
        const top = await context.top({ days: 1, limit: 10 });
        return { notify: true, because: [issue.message, events, top.length, issue.stackFrames.length,
          context.recipients[0].email, context.now.getUTCFullYear(), issue.lastSeen.getUTCFullYear()].join() };
      } },
    ]`);
    const year = new Date().getUTCFullYear();
    await storeEvents(pool, [errorEvent({ groupId: 'a', message: 'first' })]);
    expect((await run([], { TRIGGERS })).code).toBe(1);
    const [alert, ...more] = await outbox(pool);
    const { rows } = await pool.query(`SELECT jsonb_array_length(stack_frames) AS frames FROM issues`);
    expect(alert?.because).toBe(`first,1,1,${rows[0].frames},${ON_CALL},${year},${year}`);
    expect(more).toEqual([]);
    const failed = await pool.query<{ trigger: string }>('SELECT trigger FROM failed_evaluations ORDER BY 1');
    expect(failed.rows.map(({ trigger }) => trigger)).toEqual([
      'Counts',
      'Empties',
      'Redirects',
      'Renames',
      'Unframes',
    ]);
    const notified = await pool.query(
      'SELECT last_notified = ran_at AS at_the_run FROM recipient_issues, trigger_runs',
    );
    expect(notified.rows).toEqual([{ at_the_run: true }]);
  });

  it('in a promise that is not awaited is reported, and costs no alert', async () => {
    const TRIGGERS = await triggerFile(`[
      { name: 'Careless', emails: ['${ON_CALL}'], evaluate: () => {
        Promise.reject(new Error('nobody looks'));
        return { notify: true, because: 'fine' };
      } },
    ]`);
    await storeEvents(pool, [errorEvent()]);
    const { code, stdout } = await run([], { TRIGGERS });
    expect(code).toBe(0);
    expect(await outbox(pool)).toMatchObject([{ status: 'sent' }]);
    expect(said(stdout)).toContain(
      'a rejected promise was not awaited, probably by a trigger; the watcher continues',
    );
  });

  it('evaluates again in the next runs without a new event, until it succeeds', async () => {
    const wrong = await triggerFile(
      `[{ name: 'Fixed', emails: ['${ON_CALL}'], evaluate: () => { throw new Error('boom'); } }]`,
    );
    const right = await triggerFile(
      `[{ name: 'Fixed', emails: ['${ON_CALL}'], evaluate: () => ({ notify: true, because: 'fixed' }) }]`,
    );
    await storeEvents(pool, [errorEvent()]);
    await run([], { TRIGGERS: wrong });
    await run([], { TRIGGERS: right });
    await run([], { TRIGGERS: right });
    expect((await outbox(pool)).map(({ because }) => because)).toEqual(['fixed']);
    expect((await pool.query('SELECT FROM failed_evaluations')).rowCount).toBe(0);
  });
});
