import type { Silence, SilenceEnd } from '../domain/silence.ts';
import { holdsAt } from '../domain/silence.ts';
import { EVER } from './buckets.ts';
import { countsOf } from './counts.ts';
import type { Db } from './pool.ts';
import type { OpenRun } from './runs.ts';

/** A silence with its issue. */
export interface StoredSilence extends Silence {
  /** Our own key of the issue. */
  readonly issueId: string;
  /** Sentry's id of the issue. */
  readonly groupId: string;
  readonly message: string;
  /** The run that found that it is over; null if none has, or if that run was of a version that didn't store it. */
  readonly settledBy: string | null;
}

/** A silence that no run has settled: it may hold, or be over. */
export interface UnsettledSilence extends StoredSilence {
  /** Affected users over all stored days; null if the silence doesn't end by users. */
  readonly users: number | null;
}

interface SilenceRow {
  readonly id: string;
  readonly issueId: string;
  readonly groupId: string;
  readonly message: string;
  readonly trigger: string | null;
  readonly until: Date | null;
  readonly usersOver: number | null;
  readonly because: string;
  readonly by: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly settledBy: string | null;
}

const SILENCES = `
  SELECT silences.id, issue_id AS "issueId", group_id AS "groupId", message, trigger, until,
         users_over::float8 AS "usersOver", because, created_by AS by, created_at AS "createdAt", ended_at AS "endedAt",
         settled_by AS "settledBy"
  FROM silences JOIN issues ON issues.id = issue_id`;

function toSilence({ until, usersOver, ...row }: SilenceRow): StoredSilence {
  return { ...row, end: endOf(until, usersOver) };
}

function endOf(until: Date | null, usersOver: number | null): SilenceEnd {
  if (until !== null) return { until };
  if (usersOver !== null) return { usersOver };
  throw new Error('a silence ends neither by time nor by users');
}

/**
 * The silences that no run has settled, and those that a later run than the given one has settled, by issue and age.
 * @param afterRun null leaves the latter out
 */
export async function openSilences(
  db: Db,
  afterRun: string | null,
  issueId: string | null = null,
): Promise<UnsettledSilence[]> {
  const { rows } = await db.query<SilenceRow>({
    text: `${SILENCES} WHERE (reevaluated_at IS NULL OR settled_by > $2) AND ($1::bigint IS NULL OR issue_id = $1)
           ORDER BY issue_id, silences.id`,
    values: [issueId, afterRun],
  });
  const silences = rows.map(toSilence);
  const byUsers = silences.filter(({ end }) => 'usersOver' in end).map((silence) => silence.issueId);
  const users = await usersEver(db, [...new Set(byUsers)]);
  return silences.map((silence) => ({
    ...silence,
    users: 'usersOver' in silence.end ? (users.get(silence.issueId) ?? 0) : null,
  }));
}

/** The unsettled silences that hold at a time. */
export async function holdingSilences(
  db: Db,
  at: Date,
  issueId: string | null = null,
): Promise<UnsettledSilence[]> {
  const silences = await openSilences(db, null, issueId);
  return silences.filter((silence) => holdsAt(silence, at, silence.users));
}

/** Affected users of each issue over all stored days. */
export async function usersEver(db: Db, issueIds: readonly string[]): Promise<Map<string, number>> {
  if (issueIds.length === 0) return new Map();
  const counts = await countsOf(db, issueIds, EVER);
  return new Map([...counts].map(([issueId, { users }]) => [issueId, users]));
}

/** Marks silences as settled by a run. One that nobody ended by hand ended now, or at its own time. */
export async function settleSilences(db: Db, ids: readonly string[], run: OpenRun): Promise<void> {
  if (ids.length === 0) return;
  await db.query({
    text: `UPDATE silences SET ended_at = coalesce(ended_at, least(until, $2)), reevaluated_at = $2, settled_by = $3
           WHERE id = ANY($1::bigint[])`,
    values: [ids, run.ranAt, run.id],
  });
}

export interface NewSilence {
  readonly issueId: string;
  readonly trigger: string | null;
  /** `milliseconds`: from now on, by the database's clock. */
  readonly end: { readonly milliseconds: number } | { readonly usersOver: number };
  readonly because: string;
  readonly by: string;
}

/** Stores a silence. @returns the time at which it ends; null if it ends by users */
export async function addSilence(db: Db, silence: NewSilence): Promise<Date | null> {
  const { issueId, trigger, end, because, by } = silence;
  const { rows } = await db.query<{ until: Date | null }>({
    text: `INSERT INTO silences (issue_id, trigger, until, users_over, because, created_by)
           VALUES ($1, $2, date_trunc('second', now() + $3::float8 * interval '1 millisecond'), $4, $5, $6)
           RETURNING until`,
    values: [
      issueId,
      trigger,
      'milliseconds' in end ? end.milliseconds : null,
      'usersOver' in end ? end.usersOver : null,
      because,
      by,
    ],
  });
  return rows[0]?.until ?? null;
}

/** Ends silences by hand. @returns how many; one that ended in the meantime isn't counted */
export async function endSilences(db: Db, ids: readonly string[]): Promise<number> {
  const { rowCount } = await db.query({
    text: 'UPDATE silences SET ended_at = now() WHERE id = ANY($1::bigint[]) AND ended_at IS NULL',
    values: [ids],
  });
  return rowCount ?? 0;
}

/** The names of all triggers that ever notified, or that a silence names. */
export async function knownTriggers(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>({
    text: `SELECT trigger AS name FROM alerts UNION SELECT unnest(triggers) FROM recipient_issues
           UNION SELECT trigger FROM silences WHERE trigger IS NOT NULL ORDER BY name`,
  });
  return rows.map(({ name }) => name);
}

/** The issue's silences that are settled, those that ended last first. */
export async function endedSilences(db: Db, issueId: string, limit: number): Promise<StoredSilence[]> {
  const { rows } = await db.query<SilenceRow>({
    text: `${SILENCES} WHERE issue_id = $1 AND reevaluated_at IS NOT NULL
           ORDER BY ended_at DESC, silences.id DESC LIMIT $2`,
    values: [issueId, limit],
  });
  return rows.map(toSilence);
}

/** The silences that held during the run of that time, by issue. A run settles those that are over. */
export async function silencesDuring(
  db: Db,
  ranAt: Date,
  limit: number,
): Promise<{ readonly listed: readonly StoredSilence[]; readonly more: number }> {
  const { rows } = await db.query<SilenceRow & { total: number }>({
    text: `SELECT *, count(*) OVER ()::float8 AS total FROM (${SILENCES}) AS silence
           WHERE "createdAt" <= $1 AND coalesce("endedAt" > $1, true) AND coalesce(until > $1, true)
           ORDER BY "groupId", id LIMIT $2`,
    values: [ranAt, limit],
  });
  const total = rows[0]?.total ?? 0;
  return { listed: rows.map(({ total: _, ...row }) => toSilence(row)), more: total - rows.length };
}
