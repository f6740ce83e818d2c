import { describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { startPgBouncer } from '../../support/pgbouncer.ts';
import { startStrictProxy } from '../../support/strict-proxy.ts';
import type { Outcome } from '../../support/whole-way.ts';
import { goTheWholeWay } from '../../support/whole-way.ts';

/** For two watchers, each with a run and the two connections of a delivery, and a few more. */
const SERVER_CONNECTIONS = 8;
let known: Promise<Outcome> | undefined;
/** The outcome on a direct connection. */
const direct = (): Promise<Outcome> => {
  known ??= createDatabase().then((database) => goTheWholeWay(database));
  return known;
};

describe('on a direct connection', () => {
  it('every event is counted, and every issue mailed once to each recipient in each of the two runs', async () => {
    const { stored, alerts, emails } = await direct();
    expect(stored).toHaveLength(9);
    expect(alerts).toHaveLength(36);
    expect(emails).toHaveLength(36);
  });
});

describe.each(['session', 'transaction'] as const)('behind PgBouncer in %s mode', (mode) => {
  it('events, runs, emails and answers are those of a direct connection', async () => {
    const database = await createDatabase();
    const { url, log } = await startPgBouncer(database.url, mode, SERVER_CONNECTIONS);
    expect(await goTheWholeWay(database, url)).toEqual(await direct());
    expect(log()).not.toMatch(/ERROR|WARNING.*(unsupported|prepared)/);
    const { rows } = await database.pool.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(rows).toEqual([]);
  });

  it('migrate makes the schema, also from two places at once, and undoes it', async () => {
    const database = await createDatabase({ migrated: false });
    const { url } = await startPgBouncer(database.url, mode, 4);
    const migrate = (...parameters: string[]) =>
      runCommand(['migrate', ...parameters], { DATABASE_URL: url });
    for (const { code, stderr } of await Promise.all([migrate(), migrate()])) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    expect((await migrate()).stdout).toContain('nothing to do');
    expect(await migrate('--down', '1')).toMatchObject({ code: 0, stderr: '' });
    expect(await migrate()).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('behind a proxy that refuses options', () => {
  it('events, runs, emails and answers are those of a direct connection', async () => {
    const database = await createDatabase();
    const { url, refused } = await startStrictProxy(database.url);
    expect(await goTheWholeWay(database, url)).toEqual(await direct());
    expect(refused).toEqual([]);
  });
});
