import pg from 'pg';
import { messageOf } from '../../src/runtime/errors.ts';
import { poll } from '../poll.ts';

export type StopMode = 'fast' | 'immediate';

/** A running server, wherever it comes from. */
export interface PostgresServer {
  /** For a person: which server this is, without a password. */
  readonly description: string;
  /** A superuser's URL, or that of the user in `DATABASE_URL`. */
  readonly adminUrl: string;
  /** Where its `pg_dump` is; undefined if it isn't on this machine. */
  readonly binDir: string | undefined;
  /** Whether we started it. Someone else's server is neither stopped nor started. */
  readonly owned: boolean;
  stop(mode: StopMode): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly durable: boolean;
  readonly port: number | undefined;
}

/** As `-c` parameters of `postgres`. Temporary data need not survive a power cut. */
export function serverSettings(durable: boolean): string[] {
  const settings = ['max_connections=200', ...(durable ? [] : ['fsync=off', 'full_page_writes=off'])];
  return settings.flatMap((setting) => ['-c', setting]);
}

export async function query<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A connection that breaks while it is idle must not end the process; the query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Row>(sql, [...values]);
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Waits until the server accepts connections.
 * @param gone answers with the reason why it never will, or undefined
 */
export async function untilReady(
  url: string,
  seconds: number,
  gone: () => string | undefined,
): Promise<void> {
  let last: unknown;
  const ask = async () => {
    const reason = gone();
    if (reason !== undefined) throw new Error(reason);
    try {
      await query(url, 'SELECT 1');
      return true;
    } catch (error) {
      last = error;
      return undefined;
    }
  };
  await poll('Postgres to take connections', ask, { seconds }).catch((error: unknown) => {
    throw new Error(messageOf(error), { cause: last });
  });
}
