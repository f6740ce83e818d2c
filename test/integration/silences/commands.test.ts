import { beforeEach, describe, expect, it } from 'vitest';
import { happen } from '../../support/alerts.ts';
import type { Environment } from '../../support/command.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { addSilence, outlastSilences, silence, silenceRows } from '../../support/silences.ts';
import { triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

const silences = (...parameters: string[]) =>
  runCommand(['silences', ...parameters], { DATABASE_URL: database.url });
const EIGHT_HOURS = ['--for', '8h', '--because', 'known'];

describe('bec-alerts silence', () => {
  it('confirms the silence: issue, triggers, end, author, reason, and how to end it', async () => {
    await happen(pool, '4200001', 3);
    const { code, stdout, stderr } = await silence(database, [
      '4200001',
      '--for',
      '90m',
      '--because',
      'the fix is on its way',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \d+ min\)/, 'TIME')).toBe(
      [
        'Issue 4200001 is silenced: issue 4200001',
        '  triggers  all',
        '  until     TIME',
        '  by        ann',
        '  because   the fix is on its way',
        'The first run after the end evaluates the issue again. To end the silence now:',
        '  bec-alerts silence 4200001 --end',
        '',
      ].join('\n'),
    );
    expect(await silenceRows(pool)).toMatchObject([
      { group_id: '4200001', trigger: null, users_over: null, length: 5_400, created_by: 'ann' },
    ]);
  });

  it('confirms the number of users, the trigger, and that an earlier silence holds', async () => {
    await happen(pool, '1', 3);
    await addSilence(pool, '1');
    const TRIGGERS = await triggerFile(
      `[{ name: "Ann's", emails: [], enabled: false, evaluate: () => ({ notify: false }) }]`,
    );
    const parameters = ['1', '--until-users', '1200', '--because', 'x', '--trigger', "Ann's", '--by', 'bot'];
    const { stdout } = await silence(database, [...parameters, '--triggers', TRIGGERS]);
    expect(stdout).toContain(
      `  triggers  Ann's\n  until     1,200 users are affected (now 3)\n  by        bot\n`,
    );
    expect(stdout).toContain('1 earlier silence of this issue also holds.\n');
    expect(stdout).toContain(`  bec-alerts silence 1 --end --trigger 'Ann'\\''s'\n`);
  });

  it.each([
    ['1m', 60],
    ['36h', 129_600],
    ['3d', 259_200],
    ['52w', 31_449_600],
  ])('--for %s lasts as long as it says', async (duration, seconds) => {
    await happen(pool, '1', 1);
    await silence(database, ['1', '--for', duration, '--because', 'x']);
    expect((await silenceRows(pool))[0]?.length).toBe(seconds);
  });

  it('reads every option from a variable too', async () => {
    await happen(pool, '1', 1);
    const env = {
      SILENCE_UNTIL_USERS: '7',
      SILENCE_BECAUSE: 'by variable',
      SILENCE_TRIGGER: 'Healthcheck',
      SILENCE_BY: 'cron',
    };
    expect(await silence(database, ['1'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(await silenceRows(pool)).toMatchObject([
      { users_over: 7, because: 'by variable', trigger: 'Healthcheck', created_by: 'cron' },
    ]);
    expect(await silence(database, ['1'], { SILENCE_END: 'True' })).toMatchObject({ code: 0 });
    expect(await silenceRows(pool)).toMatchObject([{ ended: true }]);
  });

  it.each<[string, Environment]>([
    ['ann', { USER: 'ann', LOGNAME: 'bob', USERNAME: 'cy' }],
    ['bob', { USER: '', LOGNAME: 'bob', USERNAME: 'cy' }],
    ['cy', { USER: undefined, USERNAME: 'cy' }],
    ['dan', { SILENCE_BY: 'dan', USER: 'ann' }],
  ])('is by %s', async (author, env) => {
    await happen(pool, '1', 1);
    await silence(database, ['1', ...EIGHT_HOURS], env);
    expect((await silenceRows(pool))[0]?.created_by).toBe(author);
  });

  it('is by the system’s user if no variable names one', async () => {
    await happen(pool, '1', 1);
    const { userInfo } = await import('node:os');
    await silence(database, ['1', ...EIGHT_HOURS], { USER: undefined });
    expect((await silenceRows(pool))[0]?.created_by).toBe(userInfo().username);
  });

  it.each<[string, readonly string[], readonly RegExp[]]>([
    ['no end', ['--because', 'x'], [/--for +or --until-users is required/]],
    ['both ends', [...EIGHT_HOURS, '--until-users', '5'], [/--for +excludes --until-users/]],
    ['no reason', ['--for', '8h'], [/--because +is required/]],
    ['an empty reason', ['--for', '8h', '--because', ' '], [/--because +is empty/]],
    [
      'an invisible reason',
      ['--for', '8h', '--because', '\u200b\u202e'],
      [/SILENCE_BECAUSE +must have a visible/],
    ],
    [
      'a reason of a page',
      ['--for', '8h', '--because', 'x'.repeat(501)],
      [/SILENCE_BECAUSE +must have at most 500/],
    ],
    ['no unit', ['--for', '8', '--because', 'x'], [/SILENCE_FOR +must be a whole number with m, h, d or w/]],
    ['seconds', ['--for', '90s', '--because', 'x'], [/SILENCE_FOR +must be/]],
    ['a fraction', ['--for', '1.5h', '--because', 'x'], [/SILENCE_FOR +must be/]],
    ['a negative time', ['--for=-8h', '--because', 'x'], [/SILENCE_FOR +must be/]],
    ['no time at all', ['--for', '0h', '--because', 'x'], [/SILENCE_FOR +must be .* from 1m to 52w/]],
    ['more than a year', ['--for', '53w', '--because', 'x'], [/SILENCE_FOR +must be .* from 1m to 52w/]],
    [
      'no number of users',
      ['--until-users', 'many', '--because', 'x'],
      [/SILENCE_UNTIL_USERS +must be a whole number/],
    ],
    ['an end with a time', ['--end', '--for', '8h'], [/--end +excludes --for, --until-users and --because/]],
    ['an end with a reason', ['--end', '--because', 'x'], [/--end +excludes/]],
    ['several mistakes', ['--for', 'x'], [/SILENCE_FOR +must be/, /--because +is required/]],
  ])('refuses %s, and stores nothing', async (_, parameters, messages) => {
    await happen(pool, '1', 1);
    const { code, stderr, stdout } = await silence(database, ['1', ...parameters]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const message of messages) expect(stderr).toMatch(message);
    expect(await silenceRows(pool)).toEqual([]);
  });

  it('refuses an empty issue, and a command without an issue', async () => {
    expect(await silence(database, [' ', ...EIGHT_HOURS])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/ISSUE +is empty/),
    });
    expect(await silence(database, EIGHT_HOURS)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("missing required argument 'issue'"),
    });
  });

  it('refuses an issue that isn’t stored, and names similar ones', async () => {
    await happen(pool, '4200001', 1);
    for (const parameters of [EIGHT_HOURS, ['--end']]) {
      const { code, stderr } = await silence(database, ['4200002', ...parameters]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr:
          'bec-alerts: there is no issue 4200002; issues with similar ids are\n  4200001  issue 4200001\n',
      });
    }
  });

  it('refuses a number of users that is reached already, with the number', async () => {
    await happen(pool, '1', 5, { receivedAt: new Date(Date.now() - 40 * 86_400_000) });
    const { code, stderr } = await silence(database, ['1', '--until-users', '5', '--because', 'x']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'bec-alerts: --until-users must be above the number of affected users, and it is 5 already; nothing was silenced\n',
    });
    expect(await silenceRows(pool)).toEqual([]);
  });
});

describe('--trigger', () => {
  it('refuses a misspelled name with the one that is meant', async () => {
    await happen(pool, '1', 1);
    const parameters = ['1', ...EIGHT_HOURS, '--trigger', 'healthchek'];
    const { code, stderr } = await silence(database, parameters);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--trigger +must be the name .* no trigger has the name "healthchek"; is "Healthcheck" meant\?/,
    );
    expect(await silenceRows(pool)).toEqual([]);
  });

  it('refuses a name that resembles no other, and says where the names are', async () => {
    await happen(pool, '1', 1);
    const { code, stderr } = await silence(database, ['1', ...EIGHT_HOURS, '--trigger', 'Something']);
    expect(code).toBe(2);
    expect(stderr).toContain('no trigger has the name "Something"; bec-alerts triggers lists the names');
  });

  it('accepts a name that only the database knows', async () => {
    await happen(pool, '1', 1);
    await pool.query(`
      INSERT INTO recipients (email) VALUES ('ann@example.com');
      INSERT INTO recipient_issues (recipient_id, issue_id, last_notified, triggers) VALUES (1, 1, now(), '{Old rule}')`);
    const parameters = ['1', ...EIGHT_HOURS, '--trigger', 'Old rule'];
    expect(await silence(database, parameters)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('--end', () => {
  it('ends every silence of the issue that holds, and no other issue’s', async () => {
    await happen(pool, '1', 1);
    await happen(pool, '2', 1);
    await addSilence(pool, '1', { ended_at: `'2026-05-06'` });
    await addSilence(pool, '1');
    await addSilence(pool, '1', { trigger: `'Spike'`, users_over: '500' });
    await addSilence(pool, '2');
    expect((await silence(database, ['1', '--end'])).stdout).toMatch(/^Ended 2 silences of issue 1\. /);
    expect((await silenceRows(pool)).map(({ ended }) => ended)).toEqual([true, true, true, false]);
  });

  it('with --trigger ends only those of the trigger, and names the others', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1');
    await addSilence(pool, '1', { trigger: `'Spike'` });
    const { stdout } = await silence(database, ['1', '--end', '--trigger', 'Spike']);
    expect(stdout).toMatch(/^Ended 1 silence .*\nOther silences of it still hold, for all triggers\.\n$/);
    expect((await silenceRows(pool)).map(({ ended }) => ended)).toEqual([false, true]);
  });

  it('fails if none holds, also when it is repeated', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1');
    await outlastSilences(pool);
    const none = { code: 1, stdout: '', stderr: 'bec-alerts: no silence of issue 1 holds\n' };
    expect(await silence(database, ['1', '--end'])).toMatchObject(none);
    await addSilence(pool, '1');
    await silence(database, ['1', '--end']);
    expect(await silence(database, ['1', '--end'])).toMatchObject(none);
    await addSilence(pool, '1');
    expect((await silence(database, ['1', '--end', '--trigger', 'Spike'])).stderr).toBe(
      'bec-alerts: no silence of issue 1 for trigger Spike holds; others hold, for all triggers\n',
    );
  });
});

describe('bec-alerts silences', () => {
  it('says so if nothing is silenced', async () => {
    await happen(pool, '1', 1);
    await addSilence(pool, '1');
    await outlastSilences(pool);
    expect(await silences()).toMatchObject({ code: 0, stdout: 'Nothing is silenced.\n', stderr: '' });
    expect(JSON.parse((await silences('--json')).stdout)).toEqual({ silences: [] });
  });

  it('lists the silences that hold, with the time or the users that are left', async () => {
    await happen(pool, '4200001', 1);
    await happen(pool, '42', 12);
    const threeHours = `now() + interval '3 hours 30 seconds'`;
    await addSilence(pool, '4200001', { until: threeHours, because: `'the fix is on its way'` });
    await addSilence(pool, '42', { users_over: '500', trigger: `'Spike'`, created_by: `'bob'` });
    const { code, stdout, stderr } = await silences();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/));
    const until = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in 3 h$/);
    expect(lines).toEqual([
      ['ISSUE', 'TITLE', 'TRIGGER', 'UNTIL', 'BY', 'BECAUSE'],
      ['4200001', 'issue 4200001', 'all', until, 'ann', 'the fix is on its way'],
      ['42', 'issue 42', 'Spike', '500 users, now 12', 'bob', 'known'],
      [''],
    ]);
  });

  it('prints the same as JSON', async () => {
    await happen(pool, '42', 12);
    await addSilence(pool, '42', { users_over: '500', trigger: `'Spike'` });
    await addSilence(pool, '42', { until: `'2999-01-01T00:00:00Z'` });
    const { stdout } = await silences('--json');
    const common = { group_id: '42', message: 'issue 42', by: 'ann', because: 'known', ended_at: null };
    const created = { created_at: expect.stringMatching(/^\d{4}-.*Z$/) };
    expect(JSON.parse(stdout)).toEqual({
      silences: [
        { ...common, ...created, id: '1', trigger: 'Spike', until: null, until_users: 500, users: 12 },
        {
          ...common,
          ...created,
          id: '2',
          trigger: null,
          until: '2999-01-01T00:00:00.000Z',
          until_users: null,
          users: null,
        },
      ],
    });
  });
});
