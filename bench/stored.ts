import pg from 'pg';
import { browserIssue } from '../dev/browser-errors/issues.ts';

const DAYS = 7;

/** Group ids of the made-up issues are this far apart. */
export function groupIds(): { readonly first: number; readonly step: number } {
  const first = Number(browserIssue(0, 'small').groupId);
  return { first, step: Number(browserIssue(1, 'small').groupId) - first };
}

/** Fills a database with issues, the made-up ones first, and a bucket for each of the last seven days. */
export async function storeIssues(databaseUrl: string, issues: number): Promise<void> {
  const { first, step } = groupIds();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
       SELECT ($1::bigint + $2::bigint * n)::text, '7', 'TypeError: made up ' || n, 'resource:///modules/x.sys.mjs',
              jsonb_build_array(jsonb_build_object('function', 'f' || n, 'module', 'm', 'line', n % 1000, 'column', 7)),
              now() - interval '30 days', now() - interval '1 hour', pg_current_xact_id()
       FROM generate_series(0, $3::int - 1) AS n`,
      [first, step, issues],
    );
    for (let day = 0; day < DAYS; day += 1) {
      await client.query(
        `INSERT INTO issue_buckets (issue_id, date, event_set, user_set)
         SELECT id, (now() AT TIME ZONE 'UTC')::date - $1::int,
                hll_add(hll_add(hll_empty(11, 5, -1, 1), hll_hash_bigint(id)), hll_hash_bigint(-id)),
                hll_add(hll_empty(11, 5, -1, 1), hll_hash_bigint(id))
         FROM issues`,
        [day],
      );
    }
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}
