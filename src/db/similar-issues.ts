import type { Db } from './pool.ts';

/** An issue, as a list of issues names it. */
export interface NamedIssue {
  /** Sentry's id. */
  readonly groupId: string;
  readonly message: string;
}

/** A shorter id would be part of nearly any text. */
const SHORTEST_CONTAINED = 3;

/**
 * Issues whose id begins with the text, then those whose id contains it. Then those whose whole id is part of the text,
 * which may be the address of the issue's page.
 */
export async function issuesContaining(db: Db, text: string, limit: number): Promise<NamedIssue[]> {
  const { rows } = await db.query<NamedIssue>({
    text: `SELECT group_id AS "groupId", message FROM issues
           WHERE strpos(group_id, $1) > 0 OR (length(group_id) >= $3 AND strpos($1, group_id) > 0)
           ORDER BY strpos(group_id, $1) = 1 DESC, strpos(group_id, $1) > 0 DESC, abs(length(group_id) - length($1)),
                    group_id
           LIMIT $2`,
    values: [text, limit, SHORTEST_CONTAINED],
  });
  return rows;
}

/** The ids of the newest issues whose ids have about this length. */
export async function idsOfLength(
  db: Db,
  length: { from: number; to: number },
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ group_id: string }>({
    text: 'SELECT group_id FROM issues WHERE length(group_id) BETWEEN $1 AND $2 ORDER BY id DESC LIMIT $3',
    values: [length.from, length.to, limit],
  });
  return rows.map((row) => row.group_id);
}

/** The issues with these ids, in the order of the ids. */
export async function namedIssues(db: Db, groupIds: readonly string[]): Promise<NamedIssue[]> {
  const { rows } = await db.query<NamedIssue>({
    text: `SELECT group_id AS "groupId", message
           FROM unnest($1::text[]) WITH ORDINALITY AS asked (group_id, place) JOIN issues USING (group_id)
           ORDER BY place`,
    values: [groupIds],
  });
  return rows;
}
