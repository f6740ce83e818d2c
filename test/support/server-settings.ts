import type { Pool } from '../../src/db/pool.ts';

/** A setting and a value that isn't its default. */
export type OtherSetting = readonly [name: string, value: string];

/** Settings that no role and no database can have. */
const NOT_OF_A_DATABASE: ReadonlySet<string> = new Set([
  'transaction_deferrable',
  'transaction_isolation',
  'transaction_read_only',
]);
/** Settings whose other values forbid the work, or aren't installed everywhere. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  default_transaction_read_only: 'refused with advice: test/integration/processor/processor.test.ts',
  default_table_access_method: 'only heap is part of Postgres',
  local_preload_libraries: 'needs a library in a folder of the server',
  extension_control_path: 'needs extensions in a folder of the server',
};
/** The values of settings that are neither true or false nor a choice, in the order of the rounds. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  DateStyle: ['German', 'SQL, DMY'],
  TimeZone: ['Asia/Kathmandu', 'America/St_Johns'],
  client_encoding: ['LATIN1', 'SQL_ASCII'],
  createrole_self_grant: ['set', 'set, inherit'],
  default_tablespace: ['pg_default', 'pg_default'],
  default_text_search_config: ['pg_catalog.german', 'pg_catalog.simple'],
  dynamic_library_path: ['$libdir:/nonexistent', '$libdir'],
  extra_float_digits: ['-15', '3'],
  lc_messages: ['POSIX', 'POSIX'],
  lc_monetary: ['POSIX', 'POSIX'],
  lc_numeric: ['POSIX', 'POSIX'],
  lc_time: ['POSIX', 'POSIX'],
  // Its other value hides views, and with them the past from a backtest.
  restrict_nonsystem_relation_kind: ['foreign-table', 'foreign-table'],
  search_path: ['public, pg_catalog', 'nowhere, public'],
  session_preload_libraries: ['auto_explain', 'auto_explain'],
  temp_tablespaces: ['pg_default', 'pg_default'],
  timezone_abbreviations: ['Australia', 'India'],
  vacuum_cleanup_index_scale_factor: ['0.2', '0.3'],
};
/** Longer than a connection takes to get our settings, and shorter than ours. */
const TIMEOUT_SECONDS = [20, 15] as const;

interface Row {
  readonly name: string;
  readonly vartype: string;
  readonly unit: string | null;
  readonly boot_val: string;
  readonly enumvals: readonly string[] | null;
}

/**
 * Every setting by which a role or a database changes how clients' statements and texts are read and written, at another
 * value than its default. The server lists them, so a newer server's settings are among them.
 * @param round 0 or 1: settings with several other values get different ones
 */
export async function otherSettings(pool: Pool, round: 0 | 1): Promise<OtherSetting[]> {
  const { rows } = await pool.query<Row>(
    `SELECT name, vartype, unit, boot_val, enumvals FROM pg_settings
     WHERE (category LIKE 'Client Connection Defaults / %' OR category LIKE 'Version and Platform Compatibility / %')
       AND context IN ('user', 'superuser') ORDER BY name`,
  );
  return rows
    .filter(({ name }) => !NOT_OF_A_DATABASE.has(name) && LEFT_OUT[name] === undefined)
    .map((row) => [row.name, otherValue(row, round)]);
}

function otherValue({ name, vartype, unit, boot_val, enumvals }: Row, round: 0 | 1): string {
  const chosen = VALUES[name]?.[round];
  if (chosen !== undefined) return chosen;
  switch (vartype) {
    case 'bool':
      return boot_val === 'on' ? 'off' : 'on';
    case 'enum': {
      const others = (enumvals ?? []).filter((value) => value !== boot_val);
      return others[round % others.length] ?? boot_val;
    }
    case 'integer':
      return unit === 'ms'
        ? `${TIMEOUT_SECONDS[round]}s`
        : String(Number(boot_val) - 1 + 2 * Number(boot_val === '0'));
    default:
      throw new Error(`no other value is known for the setting ${name} (${vartype}); add one to VALUES`);
  }
}
