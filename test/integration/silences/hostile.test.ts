import { beforeEach, describe, expect, it } from 'vitest';
import { happen, watchOnce } from '../../support/alerts.ts';
import { records, runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { addSilence, silence, silenceRows } from '../../support/silences.ts';
import { everyEventFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
beforeEach(() => emptyTables(pool));

/** A colour, a line break, an override of the direction of text, and an invisible character. */
const HOSTILE = 'a\u001b[31mb\r\nc\u202ed\u200be';
const UNSEEN = /[\p{Cc}--\n]|\p{Cf}/v;
const run = (...parameters: string[]) => runCommand(parameters, { DATABASE_URL: database.url });

describe('untrusted text', () => {
  it('of the reason and the author is stored on one line without invisible characters', async () => {
    await happen(pool, '1', 1);
    const { code, stdout } = await silence(database, ['1', '--for', '8h', '--because', HOSTILE], {
      USER: `${HOSTILE} ${'x'.repeat(1_000)}`,
    });
    expect(code).toBe(0);
    expect(stdout).not.toMatch(UNSEEN);
    const [row] = await silenceRows(pool);
    expect(row?.because).toBe('a [31mb c d e');
    expect(row?.created_by).toMatch(/^a \[31mb c d e x+…$/);
    expect(row?.created_by).toHaveLength(100);
  });

  it('of the issue and the trigger is cleaned and cut in the message that refuses it', async () => {
    await happen(pool, '1', 1);
    const long = `${HOSTILE}${'9'.repeat(100_000)}`;
    const rest = ['--for', '8h', '--because', 'x'];
    const parameters = [
      [long, ...rest],
      [long, '--end'],
      ['1', '--end', '--trigger', long],
      ['1', ...rest, '--trigger', long],
    ];
    for (const given of parameters) {
      const { code, stderr } = await silence(database, given);
      expect(code).toBeGreaterThan(0);
      expect(stderr).not.toMatch(UNSEEN);
      expect(stderr.length).toBeLessThan(400);
    }
    expect(await silenceRows(pool)).toEqual([]);
  });

  it('of an issue’s id can’t run anything when the printed command is pasted', async () => {
    const id = `'; touch owned #$(touch owned)`;
    await happen(pool, id, 1);
    const { stdout } = await silence(database, [id, '--for', '8h', '--because', 'x']);
    expect(stdout).toContain(`  bec-alerts silence ''\\''; touch owned #$(touch owned)' --end\n`);
  });

  it('from the database is cleaned in every place that shows silences', async () => {
    await happen(pool, HOSTILE, 1, { message: HOSTILE });
    await happen(pool, '2', 1);
    const columns = { because: `$$${HOSTILE}$$`, created_by: `$$${HOSTILE}$$` };
    await addSilence(pool, HOSTILE, { ...columns, trigger: `$$${HOSTILE}$$` });
    await addSilence(pool, HOSTILE, columns);
    await addSilence(pool, HOSTILE, { ...columns, ended_at: 'now()', reevaluated_at: 'now()' });
    const shown = [await run('silences'), await run('silences', '--json'), await run('explain', HOSTILE)];
    for (const { code, stdout, stderr } of shown) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('[31mb c d e');
      expect(stdout).not.toMatch(UNSEEN);
    }
    const { stdout } = await run('explain', HOSTILE, '--json');
    const { silences } = JSON.parse(stdout);
    expect(silences).toHaveLength(3);
    for (const one of silences) expect(Object.values(one).join()).not.toMatch(UNSEEN);
    const TRIGGERS = await everyEventFile();
    const { finished, emails } = await watchOnce(
      database,
      { TRIGGERS, ALERT_DIGEST: 'run', LOG_FORMAT: 'mozlog' },
      ['--console-alerts'],
    );
    expect(emails).toEqual([]);
    expect(finished.stdout).toMatch(/Silenced at the time of the run:\n +a \[31mb c d e/);
    expect(finished.stdout).toMatch(/dropped because of a silence:\n {2}a \[31mb c d e/);
    const forPeople = finished.stdout.split('\n').filter((line) => !line.startsWith('{'));
    expect(forPeople.join('\n')).not.toMatch(UNSEEN);
    const dropped = records(finished.stdout).find(({ Fields }) => 'silence' in Fields);
    expect(dropped?.Fields.by).toBe('a [31mb c d e');
  });
});
