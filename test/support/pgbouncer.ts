import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { guard } from '../../dev/guard.ts';
import { lastLines } from '../../dev/output.ts';
import { poll } from '../../dev/poll.ts';
import { freePort } from '../../dev/ports.ts';
import { unprivilegedAccount } from '../../dev/postgres/cluster.ts';
import { query } from '../../dev/postgres/server.ts';

export interface PgBouncer {
  /** The database's URL through PgBouncer. */
  readonly url: string;
  log(): string;
}

/**
 * Starts a PgBouncer of the test's own before a database. Only the pool's mode and its size differ from
 * the defaults. With few connections to the server, clients often get sessions that other clients used.
 */
export async function startPgBouncer(
  databaseUrl: string,
  mode: 'session' | 'transaction' | 'statement',
  serverConnections: number,
): Promise<PgBouncer> {
  const { pgbouncer, missing } = inject('programs');
  if (pgbouncer === null) throw new Error(missing ?? 'PgBouncer is missing');
  const target = new URL(databaseUrl);
  const port = await freePort();
  const account = await unprivilegedAccount();
  const folder = await mkdtemp('/tmp/bec-alerts-pgbouncer-');
  const userList = `"${decodeURIComponent(target.username)}" "${decodeURIComponent(target.password)}"\n`;
  const settings = `[databases]
* = host=${target.hostname} port=${target.port === '' ? 5432 : target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users.txt')}
pool_mode = ${mode}
default_pool_size = ${serverConnections}
`;
  await writeFile(join(folder, 'users.txt'), userList, { mode: 0o600 });
  await writeFile(join(folder, 'pgbouncer.ini'), settings, { mode: 0o600 });
  if (account !== undefined) {
    for (const path of ['users.txt', 'pgbouncer.ini', '']) {
      await chown(join(folder, path), account.uid, account.gid);
    }
  }
  const child = spawn(pgbouncer, [join(folder, 'pgbouncer.ini')], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += String(chunk);
  });
  const guarded = guard('kill -9 "$1"; rm -rf "$2"', [String(child.pid), folder]);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    guarded.release();
    await rm(folder, { recursive: true });
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  const ready = async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended at its start:\n${lastLines(log)}`);
    return (await query(url.href, 'SELECT 1').catch(() => undefined)) === undefined ? undefined : true;
  };
  await poll('PgBouncer to take connections', ready);
  return { url: url.href, log: () => log };
}
