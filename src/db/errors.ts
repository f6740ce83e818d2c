import pg from 'pg';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';

// SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const DATA_CLASSES = new Set(['22', '23', '54']);
const CLASHES = new Set(['40001', '40P01', '55P03', '57014']);
// P0: a RAISE in a trigger that somebody added in Postgres. XX: a corrupt page, among others.
const ROW_CLASSES = new Set(['P0', 'XX']);
/** A wrong password, a role that is missing or may not connect, a missing database. */
const WRONG_URL = new Set(['28P01', '28000', '3D000']);
/**
 * PgBouncer gives nearly all its errors the code 08P01, an unreachable server too. So only the
 * text of the message distinguishes them. RDS Proxy answers 0A000.
 */
const POOLER_STATES = new Set(['08P01', '0A000']);
const POOLER_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/statement pooling/, "; set the pooler's mode to transaction or session"],
  [
    /startup parameter|options/,
    '; remove options and settings from DATABASE_URL, because this pooler refuses them',
  ],
];
/** RDS's answer to a token, in its log and to the client. A wrong password has other words. */
const TOKEN_REFUSED = /^PAM authentication failed/;
/** A right is missing. */
const FORBIDDEN = '42501';
/** A standby, among others. */
const READ_ONLY = '25006';
const NOT_MIGRATED = new Set(['3F000', '42P01', '42703', '42883', '42704']);

/**
 * Wraps an error of Postgres or of the connection to it.
 * - `database_refused`: Postgres refused the data of the statement. The same statement would fail again.
 * - `database_not_migrated`: a table or function is missing.
 * - `database_failed`, retryable: a conflict with another transaction, or a fault in one row. Other rows may succeed.
 * - `database_failed`, not retryable: a fault in our statement.
 * - `database_unavailable`: everything else, such as no connection, starting up, shutting down, read only, no
 *   resources.
 */
export function databaseError(operation: string, thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const error = asError(thrown);
  const state = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  const wrap = (
    code: 'database_refused' | 'database_not_migrated' | 'database_failed' | 'database_unavailable',
    advice: string,
    retryable: boolean,
  ) =>
    // Only Postgres's message is used, because its detail can contain the row.
    new CodedError(
      code,
      `${operation} failed (${state === '' ? '' : `${state} `}${messageOf(error)})${advice}`,
      {
        retryable,
        cause: withoutDetail(error),
      },
    );

  if (DATA_CLASSES.has(state.slice(0, 2))) return wrap('database_refused', '', false);
  if (NOT_MIGRATED.has(state)) return wrap('database_not_migrated', '; run `bec-alerts migrate` first', true);
  if (CLASHES.has(state) || ROW_CLASSES.has(state.slice(0, 2))) return wrap('database_failed', '', true);
  if (state === FORBIDDEN) {
    return wrap('database_unavailable', '; see docs/roles.sql for the rights that each role needs', true);
  }
  if (POOLER_STATES.has(state)) {
    const [, advice = ''] = POOLER_ADVICE.find(([answer]) => answer.test(error.message)) ?? [];
    return wrap('database_unavailable', advice, true);
  }
  if (state.startsWith('42')) return wrap('database_failed', '', false);
  if (state === READ_ONLY) {
    return wrap('database_unavailable', '; set DATABASE_URL to a server that takes writes', true);
  }
  return wrap('database_unavailable', WRONG_URL.has(state) ? loginAdvice(error) : '', true);
}

function loginAdvice({ message }: Error): string {
  return TOKEN_REFUSED.test(message)
    ? '; the role must be granted rds_iam, and the AWS credentials need the right rds-db:connect for it'
    : '; check DATABASE_URL';
}

/** Waits for statements and turns their errors into CodedErrors. Needed only outside of a lock, which does the same. */
export async function orDatabaseError<T>(operation: string, statements: Promise<T>): Promise<T> {
  try {
    return await statements;
  } catch (error) {
    throw databaseError(operation, error);
  }
}

// pg's own errors have no code. These are all its messages for a lost or silent connection (pg 8.23, client.js).
const LOST = [
  'Query read timeout',
  'Client was closed and is not queryable',
  'Client has encountered a connection error and is not queryable',
  'Connection terminated',
  'Connection terminated unexpectedly',
];

/** Whether the error comes from pg, not from Postgres, and means that the connection can't be used any more. */
export function isLostConnection(error: unknown): boolean {
  return error instanceof Error && LOST.includes(error.message);
}

/** Whether Postgres's host stopped answering. The statement may still run, and each further one would wait as long. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === LOST[0];
}

/** Returns Postgres's error without the fields that quote data, because an event's text must not be logged. */
function withoutDetail(error: Error): Error {
  if (!(error instanceof pg.DatabaseError)) return error;
  const bare = new Error(error.message);
  bare.name = 'DatabaseError';
  if (error.stack !== undefined) bare.stack = error.stack;
  return bare;
}
