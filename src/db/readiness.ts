import pg from 'pg';
import { CodedError } from '../runtime/errors.ts';
import { databaseError } from './errors.ts';
import type { Db } from './pool.ts';

const LEAST_VERSION = 130_000;

interface Server {
  readonly version: number;
  readonly shown: string;
  readonly encoding: string;
  readonly hll: boolean;
  /** The database has our tables already. */
  readonly begun: boolean;
  /** Where new tables go; null if no schema of the search path exists. */
  readonly schema: string | null;
  readonly may_create: boolean | null;
  readonly role: string;
}

/**
 * Checks what the migrations need. Postgres 13 introduced xid8 and pg_snapshot. The sets need the extension hll. Messages
 * have every script, which only UTF8 can store.
 * @throws CodedError that says what to do
 */
export async function checkServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<Server>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
            current_setting('server_encoding') AS encoding,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hll') AS hll,
            to_regclass('pgmigrations') IS NOT NULL AS begun, current_schema() AS schema,
            has_schema_privilege(current_schema(), 'CREATE') AS may_create, current_user AS role`,
  );
  const [server] = rows;
  if (server === undefined) throw new Error('the server did not report its version');
  const problem = problemOf(server);
  if (problem !== null) throw new CodedError('database_failed', problem, { retryable: false });
  const hidden = await hiddenFromRole({ query: (query) => client.query(query) });
  if (hidden !== null) throw new CodedError('database_failed', hidden, { retryable: false });
}

function problemOf({
  version,
  shown,
  encoding,
  hll,
  begun,
  schema,
  may_create,
  role,
}: Server): string | null {
  if (version < LEAST_VERSION) return `this server is Postgres ${shown}, but bec-alerts needs 13 or newer`;
  if (encoding !== 'UTF8') {
    return (
      `this database has the encoding ${encoding}, which can't store every message: create one with ` +
      "`CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'`"
    );
  }
  if (!hll) {
    return (
      `this server (Postgres ${shown}) has no hll extension: install postgresql-hll on it ` +
      `(Debian: postgresql-${Math.floor(version / 10_000)}-hll; RDS has it)`
    );
  }
  if (begun) return null;
  if (schema === null) return "no schema of this role's search_path exists: create one, or set search_path";
  if (may_create !== true) {
    return (
      `the role ${role} may not create tables in the schema ${schema}, as since Postgres 15 no role may by default: ` +
      `\`GRANT CREATE ON SCHEMA "${schema}" TO "${role}"\``
    );
  }
  return null;
}

/**
 * Creates the extension hll unless the database has it. The extension isn't trusted, so most roles may not.
 * @throws CodedError
 */
export async function ensureExtension(client: pg.ClientBase): Promise<void> {
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS hll');
  } catch (error) {
    const forbidden = error instanceof pg.DatabaseError && error.code === '42501';
    if (!forbidden) throw databaseError('creating the extension hll', error);
    const advice =
      'this role may not create the extension hll: a superuser must run `CREATE EXTENSION hll` in this database';
    throw new CodedError('database_failed', advice, { retryable: false });
  }
}

/**
 * Our tables or the extension are in the database, but in a schema where this role doesn't look.
 * @returns what to do; null if nothing is hidden
 */
async function hiddenFromRole(db: Db): Promise<string | null> {
  const { rows } = await db.query<{ kind: string; schema: string; role: string }>({
    text: `SELECT 'extension' AS kind, nspname AS schema, current_user AS role
           FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
           WHERE extname = 'hll' AND to_regtype('hll') IS NULL
           UNION ALL
           SELECT 'tables', nspname, current_user
           FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
           WHERE relname = 'issue_buckets' AND relkind = 'r' AND to_regclass('issue_buckets') IS NULL
           LIMIT 1`,
  });
  const [hidden] = rows;
  if (hidden === undefined) return null;
  const { kind, schema, role } = hidden;
  const found =
    kind === 'extension'
      ? `the extension hll is in the schema ${schema}`
      : `the tables of bec-alerts are in the schema ${schema}`;
  return (
    `${found}, where the role ${role} doesn't look or which it may not use: ` +
    `\`GRANT USAGE ON SCHEMA "${schema}" TO "${role}"\` and add it to the role's search_path, such as ` +
    `\`ALTER ROLE "${role}" SET search_path = public, "${schema}"\``
  );
}

/**
 * Checks that Postgres answers, that `bec-alerts migrate` has run, and that this role sees the tables and the extension.
 * It waits for no table lock.
 * @throws CodedError
 */
export async function checkDatabase(db: Db): Promise<void> {
  try {
    await db.query({ text: `SELECT 'issue_buckets'::regclass, 'hll'::regtype` });
  } catch (error) {
    throw await withAdvice(db, databaseError('reaching the database', error));
  }
}

/** The same error, or a better one if tables or extension are not missing but hidden. Only then it asks the database. */
export async function withAdvice(db: Db, error: CodedError): Promise<CodedError> {
  if (error.code !== 'database_not_migrated') return error;
  const hidden = await hiddenFromRole(db).catch(() => null);
  return hidden === null ? error : new CodedError(error.code, hidden, { retryable: true, cause: error });
}
