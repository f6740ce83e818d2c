import { describe, expect, it } from 'vitest';
import { createPool } from '../../../src/db/pool.ts';
import { runCommand } from '../../support/command.ts';
import type { TestDatabase } from '../../support/database.ts';
import { createDatabase } from '../../support/database.ts';
import { startPgBouncer } from '../../support/pgbouncer.ts';
import type { OtherSetting } from '../../support/server-settings.ts';
import { otherSettings } from '../../support/server-settings.ts';
import { bothOutcomes } from '../../support/whole-way.ts';

/** A database with these settings, in which the schema was then made. */
async function databaseWith(settings: readonly OtherSetting[]): Promise<TestDatabase> {
  const database = await createDatabase({ migrated: false });
  for (const [name, value] of settings) {
    // Of a list each member is a text of its own.
    const list = name === 'search_path' ? value : `'${value}'`;
    await database.pool.query(`ALTER DATABASE ${database.name} SET ${name} = ${list}`);
  }
  const { code, stderr } = await runCommand(['migrate'], { DATABASE_URL: database.url });
  if (code !== 0) throw new Error(stderr);
  return database;
}

/** Settings that change the outcome: found by halves, so that a failure names them. */
async function culprits(settings: readonly OtherSetting[]): Promise<unknown[]> {
  const error = await bothOutcomes(async () => ({ database: await databaseWith(settings) }))
    .then(({ outcome, usual }) => {
      expect(outcome).toEqual(usual);
    })
    .catch((difference: unknown) => difference);
  if (error === undefined) return [];
  if (settings.length === 1) return [settings[0], String(error)];
  const middle = settings.length >> 1;
  const found = [...(await culprits(settings.slice(0, middle))), ...(await culprits(settings.slice(middle)))];
  return found.length > 0 ? found : [settings, String(error)];
}

describe('a database that has every setting of clients at another value', () => {
  it.each([0, 1] as const)('counts and mails the same as at the defaults (round %i)', async (round) => {
    const { pool } = await createDatabase();
    const settings = await otherSettings(pool, round);
    expect(settings.length).toBeGreaterThan(40);
    expect(await culprits(settings)).toEqual([]);
  });

  it('counts and mails the same behind PgBouncer in transaction mode', async () => {
    const { pool } = await createDatabase();
    const settings = await otherSettings(pool, 0);
    const { outcome, usual } = await bothOutcomes(async () => {
      const database = await databaseWith(settings);
      return { database, ...(await startPgBouncer(database.url, 'transaction', 8)) };
    });
    expect(outcome).toEqual(usual);
  });
});

describe('the settings of a connection', () => {
  const TIMEOUTS = { statement_timeout: '12s', lock_timeout: '3s', idle_in_transaction_session_timeout: '0' };
  const open = (connectionString: string) =>
    createPool({
      connectionString,
      applicationName: 'bec-alerts test',
      max: 1,
      statementTimeoutMilliseconds: 12_000,
      lockTimeoutMilliseconds: 3_000,
      onIdleError: () => undefined,
    });
  const shown = `SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name`;

  it('are ours, whatever the database and the options of DATABASE_URL say', async () => {
    const database = await databaseWith(await otherSettings((await createDatabase()).pool, 0));
    const pool = open(`${database.url}?options=-c%20search_path%3Dpublic%20-c%20statement_timeout%3D1h`);
    try {
      const expected = {
        ...TIMEOUTS,
        TimeZone: 'UTC',
        DateStyle: 'ISO, MDY',
        tcp_keepalives_idle: '30',
        search_path: 'public',
      };
      const { rows } = await pool.query(shown, [Object.keys(expected)]);
      expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual(expected);
    } finally {
      await pool.end();
    }
  });

  it('are ours in each transaction of a pooler, and stay with nobody else', async () => {
    const database = await databaseWith([['TimeZone', 'Asia/Kathmandu']]);
    const { url } = await startPgBouncer(database.url, 'transaction', 1);
    const pool = open(url);
    try {
      const expected = { ...TIMEOUTS, TimeZone: 'UTC', DateStyle: 'ISO, MDY' };
      const { rows } = await pool.query(shown, [Object.keys(expected)]);
      expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual(expected);
      const client = await pool.connect();
      const { rows: left } = await client.query(shown, [['statement_timeout', 'TimeZone']]);
      client.release();
      expect(left).toEqual([
        { name: 'statement_timeout', value: '0' },
        { name: 'TimeZone', value: 'Asia/Kathmandu' },
      ]);
    } finally {
      await pool.end();
    }
  });
});
