import type { TagCount, TagValues } from '../domain/issue.ts';
import type { Tag } from '../domain/tags.ts';
import { OTHER } from '../domain/tags.ts';
import type { Db } from './pool.ts';

/** Events of each issue and day whose tags are counted: those with the lowest hashes. More are stored. */
const SAMPLE = 64;
/** Values of a tag that are listed one by one. The others are one value, `(other)`. */
const MOST_VALUES = 20;

interface TagRow {
  readonly issue_id: string;
  readonly tag: Tag;
  readonly value: string;
  readonly events: number;
  readonly share: number;
  readonly first_seen: Date;
}

/**
 * The values of tags for each issue over the samples of `date >= since`; none of a tag that isn't asked for. A day's shares are those of its sample, weighted
 * by the day's number of events.
 */
export async function tagsOf(
  db: Db,
  issueIds: readonly string[],
  tags: readonly Tag[],
  since: string,
): Promise<(issueId: string) => TagValues> {
  const { rows } = await db.query<TagRow>({
    text: `WITH day AS MATERIALIZED (
             SELECT issue_id, date, hll_cardinality(event_set) AS events
             FROM issue_buckets WHERE issue_id = ANY($1::bigint[]) AND date >= $2::date
           ), sample AS (
             SELECT day.issue_id, release, environment, browser, os, received_at,
                    events / count(*) OVER (PARTITION BY day.issue_id, date) AS weight
             FROM day CROSS JOIN LATERAL (
               SELECT release, environment, browser, os, received_at FROM issue_tags
               WHERE issue_tags.issue_id = day.issue_id AND issue_tags.date = day.date ORDER BY hash LIMIT ${SAMPLE}
             ) AS sampled
           ), total AS (
             SELECT issue_id, sum(weight) AS events FROM sample GROUP BY issue_id
           ), ranked AS (
             SELECT issue_id, tag, value, sum(weight) AS weight, min(received_at) AS first_seen,
                    row_number() OVER (PARTITION BY issue_id, tag ORDER BY sum(weight) DESC, value) > $4 AS is_other
             FROM sample CROSS JOIN LATERAL (
               VALUES ('release', release), ('environment', environment), ('browser', browser), ('os', os)
             ) AS tags (tag, value)
             WHERE value IS NOT NULL AND tag = ANY($3::text[])
             GROUP BY issue_id, tag, value
           )
           SELECT issue_id, tag, CASE WHEN is_other THEN $5 ELSE value END AS value, sum(weight) AS events,
                  sum(weight) / total.events AS share, min(first_seen) AS first_seen
           FROM ranked JOIN total USING (issue_id) GROUP BY issue_id, tag, is_other, 3, total.events
           ORDER BY issue_id, is_other, sum(weight) DESC, value`,
    values: [issueIds, since, tags, MOST_VALUES, OTHER],
  });
  const byIssue = Map.groupBy(rows, (row) => row.issue_id);
  const none: TagValues = { release: [], environment: [], browser: [], os: [] };
  return (issueId) => {
    const byTag = Map.groupBy(byIssue.get(issueId) ?? [], (row) => row.tag);
    const values = [...byTag].map(([tag, found]) => [tag, found.map(toCount)]);
    return { ...none, ...Object.fromEntries(values) };
  };
}

function toCount({ value, events, share, first_seen }: TagRow): TagCount {
  return { value, events: Math.round(events), share, firstSeen: first_seen };
}
