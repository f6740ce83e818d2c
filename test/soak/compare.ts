import { query } from '../../dev/postgres/server.ts';
import { takeAll } from '../support/messages.ts';
import type { Life } from './daemon.ts';
import type { ExpectedBucket, Sent } from './sent.ts';
import type { AcceptedEmail } from './services.ts';
import { alertKey } from './services.ts';
import type { Stand } from './stand.ts';
import { MANY_USERS, NEW_ISSUE, RECIPIENTS, TEN_USERS } from './triggers.ts';

export interface Comparison {
  /** Differences between what was sent and its results; empty if all is exact. */
  readonly differences: readonly string[];
  readonly buckets: number;
  readonly deadLetters: number;
  /** Dead letters that SQS has twice, because a message was rejected again before it was deleted. */
  readonly repeatedDeadLetters: number;
  readonly alerts: number;
  readonly emails: Emails;
}

export interface Emails {
  readonly accepted: number;
  readonly sentTwice: number;
  /** Watchers that were killed after SES accepted an email, and before its alert was marked as sent. */
  readonly killedBeforeMark: number;
}

/** Compares the database, the dead letters and the accepted emails with the messages that were sent. */
export async function compare(stand: Stand, sent: Sent): Promise<Comparison> {
  const differences: string[] = [];
  const days = await storedBuckets(stand, 'issue_buckets', `to_char(date, 'YYYY-MM-DD')`);
  const hours = await storedBuckets(
    stand,
    'issue_hours',
    `to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')`,
  );
  differences.push(
    ...differingBuckets('day', sent.days, days),
    ...differingBuckets('hour', sent.hours, hours),
  );

  const letters = await takeAll(stand.client, stand.urls.deadLetterQueueUrl);
  const reasons = new Map(
    letters.map(({ Body = '', MessageAttributes }) => [Body, MessageAttributes?.reason?.StringValue ?? '']),
  );
  differences.push(...differingTexts('dead letter', sent.bad, reasons));

  const alerts = await storedAlerts(stand);
  differences.push(...differingAlerts(sent, alerts));
  const { emails, differences: differingEmails } = compareEmails(stand.ses.accepted, alerts);
  differences.push(...differingEmails, ...(await busyRun(stand)));
  return {
    differences,
    buckets: days.size + hours.size,
    deadLetters: reasons.size,
    repeatedDeadLetters: letters.length - reasons.size,
    alerts: alerts.length,
    emails,
  };
}

/** Long after the last event, a run must find no changed issue. Otherwise runs forget what the last one saw. */
async function busyRun({ databaseUrl }: Stand): Promise<string[]> {
  const rows = await query<{ id: string; issues: number }>(
    databaseUrl,
    `SELECT id, issue_count::int AS issues FROM trigger_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1`,
  );
  return rows
    .filter(({ issues }) => issues > 0)
    .map(({ id, issues }) => `run ${id}: expected no issue to evaluate any more, found ${issues}`);
}

async function storedBuckets(
  { databaseUrl }: Stand,
  table: string,
  time: string,
): Promise<Map<string, string>> {
  const rows = await query<{ key: string; counts: string }>(
    databaseUrl,
    `SELECT group_id || ' ' || ${time} AS key,
            hll_cardinality(event_set)::int || ' events, ' || hll_cardinality(user_set)::int || ' users' AS counts
     FROM ${table} JOIN issues ON issues.id = issue_id`,
  );
  return new Map(rows.map(({ key, counts }) => [key, counts]));
}

function differingBuckets(
  unit: string,
  expected: ReadonlyMap<string, ExpectedBucket>,
  stored: ReadonlyMap<string, string>,
): string[] {
  const texts = new Map(
    [...expected].map(([key, { events, users }]) => [key, `${events} events, ${users.size} users`]),
  );
  return differingTexts(`bucket of the ${unit}`, texts, stored);
}

const MOST_SHOWN = 120;

function differingTexts(
  what: string,
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): string[] {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  return [...keys]
    .filter((key) => expected.get(key) !== found.get(key))
    .map((key) => {
      const shown = key.slice(0, MOST_SHOWN);
      return `${what} ${shown}: expected ${expected.get(key) ?? 'nothing'}, found ${found.get(key) ?? 'nothing'}`;
    });
}

interface StoredAlert {
  readonly key: string;
  readonly status: string;
  readonly sesMessageId: string | null;
}

async function storedAlerts({ databaseUrl }: Stand): Promise<StoredAlert[]> {
  const rows = await query<{
    trigger: string;
    email: string;
    group_id: string;
    status: string;
    ses: string | null;
  }>(
    databaseUrl,
    `SELECT trigger, email, group_id, status, ses_message_id AS ses
     FROM alerts JOIN recipients ON recipients.id = recipient_id JOIN issues ON issues.id = issue_id`,
  );
  return rows.map(({ trigger, email, group_id, status, ses }) => ({
    key: alertKey(trigger, email, group_id),
    status,
    sesMessageId: ses,
  }));
}

/** Each alert must exist once and be sent. */
function differingAlerts(sent: Sent, alerts: readonly StoredAlert[]): string[] {
  const expected = new Map(
    [...sent.users].flatMap(([groupId, users]) => {
      const triggers = users.size >= MANY_USERS ? [NEW_ISSUE, TEN_USERS] : [NEW_ISSUE];
      const keys = triggers.flatMap((trigger) =>
        RECIPIENTS.map((email) => alertKey(trigger, email, groupId)),
      );
      return keys.map((key) => [key, 'sent'] as const);
    }),
  );
  const found = Map.groupBy(alerts, ({ key }) => key);
  const statuses = [...found].map(
    ([key, same]) => [key, same.map(({ status }) => status).join(' and ')] as const,
  );
  return differingTexts('alert', expected, new Map(statuses));
}

/**
 * Each alert must have one email that SES accepted and that is marked. One more is allowed for each watcher that was
 * killed before it could mark its last email.
 */
export function compareEmails(
  accepted: readonly AcceptedEmail[],
  alerts: readonly StoredAlert[],
): { readonly emails: Emails; readonly differences: readonly string[] } {
  const marked = new Map(alerts.map(({ key, sesMessageId }) => [sesMessageId, key]));
  const lastOf = new Map<Life, AcceptedEmail>(accepted.map((email) => [email.life, email]));
  const unmarked = accepted.filter(({ sesMessageId }) => !marked.has(sesMessageId));
  const excused = unmarked.filter((email) => email.life.killed && lastOf.get(email.life) === email);
  const byId = new Map(accepted.map((email) => [email.sesMessageId, email]));
  const differences = [
    ...unmarked
      .filter((email) => !excused.includes(email))
      .map(({ alert }) => `email: SES accepted it and its alert doesn't know: ${alert}`),
    ...alerts
      .filter(({ key, sesMessageId }) => byId.get(sesMessageId ?? '')?.alert !== key)
      .map(({ key }) => `email: SES did not accept the email of the alert ${key}`),
  ];
  const sentTwice = accepted.length - new Set(accepted.map(({ alert }) => alert)).size;
  return {
    emails: { accepted: accepted.length, sentTwice, killedBeforeMark: excused.length },
    differences,
  };
}
