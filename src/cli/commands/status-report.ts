import type { BouncedAlert } from '../../db/bounces.ts';
import type { CanaryState } from '../../db/canaries.ts';
import type { ListedTrigger } from '../../db/progress.ts';
import type { DatabaseStatus, SilenceCounts } from '../../db/status.ts';
import { number } from '../../domain/estimate.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { time } from '../../domain/time.ts';
import type { QueuesStatus } from '../../queue/depth.ts';
import { canaryProblem, canaryRow } from '../canary-text.ts';
import { duration } from '../duration.ts';
import { overdueSeconds } from '../health.ts';
import { aligned } from '../table.ts';

/** The state of each part, or the reason why it is unknown. */
export interface Status {
  readonly queues: QueuesStatus | { readonly error: string };
  readonly database: DatabaseStatus | { readonly error: string };
}

/** Delivery retries with up to an hour between: an alert that waits for longer has failed more than once. */
const OVERDUE_ALERT_SECONDS = 7_200;
const MAX_TEXT = 150;
const MAX_JSON_TEXT = 1_000;
const MAX_NAME = 30;
/** A trigger that nobody has run for so long was probably removed or renamed; but perhaps its watcher is gone. */
const WEEK_SECONDS = 604_800;

/** One sentence for each thing that is overdue or doesn't answer. Empty if all is well. */
export function problemsOf({ queues, database }: Status, watcherDelaySeconds: number): string[] {
  const problems: string[] = [];
  if ('error' in queues) problems.push(`the queue could not be read: ${queues.error}`);
  else if (queues.queue === null)
    problems.push(
      `there is no queue ${queues.name}: check SQS_QUEUE_NAME, or start the processor, which creates it`,
    );
  else if (queues.unread) {
    const { waiting } = queues.queue;
    const [wait, them] = waiting === 1 ? ['waits', 'it'] : ['wait', 'them'];
    problems.push(
      `${some(waiting, 'message')} ${wait} in the queue and nobody reads ${them}; is a processor running?`,
    );
  }
  if ('error' in database) return [...problems, `the database could not be read: ${database.error}`];
  const { lastRun, triggers, alerts, canary } = database;
  const limit = overdueSeconds(watcherDelaySeconds);
  if (lastRun === null) problems.push('no run has ever finished; is a watcher running?');
  else if (lastRun.ageSeconds > limit) {
    problems.push(
      `the last finished run began ${duration(lastRun.ageSeconds)} ago and is overdue after ${duration(limit)}; is a watcher running?`,
    );
  }
  for (const { name, leftOutSince } of triggers) {
    if (leftOutSince === null) continue;
    problems.push(
      `the trigger "${oneLine(name, MAX_NAME)}" has been left out since ${time(leftOutSince)}, because it ended its process in three runs in a row; fix it and restart the watcher`,
    );
  }
  if ((alerts.oldestPendingSeconds ?? 0) > OVERDUE_ALERT_SECONDS) {
    problems.push(
      `an alert has been waiting for ${duration(alerts.oldestPendingSeconds ?? 0)} to be delivered; its last_error in the table alerts says why`,
    );
  }
  const suspect = canaryProblem(canary, queues);
  return suspect === null ? problems : [...problems, suspect];
}

export function toJson({ queues, database }: Status, problems: readonly string[]): string {
  const queuePart =
    'error' in queues
      ? { queue: { error: queues.error }, dead_letters: null }
      : {
          queue: queues.queue === null ? null : depthJson(queues.queue),
          dead_letters: queues.deadLetters === null ? null : depthJson(queues.deadLetters),
        };
  return JSON.stringify({ ...queuePart, ...databaseJson(database), problems }, null, 2);
}

function depthJson({ waiting, inFlight, delayed }: { waiting: number; inFlight: number; delayed: number }) {
  return { waiting, in_flight: inFlight, delayed };
}

function databaseJson(database: Status['database']) {
  if ('error' in database) return { database: { error: database.error } };
  const { lastEventAt, lastRun, triggers, alerts, bounced, failedEvaluations, silences, canary, tables } =
    database;
  return {
    last_event_at: lastEventAt,
    last_run:
      lastRun === null
        ? null
        : {
            id: lastRun.id,
            ran_at: lastRun.ranAt,
            finished_at: lastRun.finishedAt,
            age_seconds: Math.round(lastRun.ageSeconds),
            issues: lastRun.issues,
            alerts: lastRun.alerts,
          },
    triggers: triggers.map(({ name, ranAt, ageSeconds, leftOutSince }) => ({
      name,
      ran_at: ranAt,
      age_seconds: Math.round(ageSeconds),
      not_run_for_a_week: ageSeconds > WEEK_SECONDS,
      left_out_since: leftOutSince,
    })),
    alerts: {
      pending: alerts.pending,
      oldest_pending_seconds:
        alerts.oldestPendingSeconds === null ? null : Math.round(alerts.oldestPendingSeconds),
      failed: alerts.failed,
      bounced: alerts.bounced,
      sent: alerts.sent,
    },
    bounced_alerts: bounced.map(({ email, trigger, bouncedAt, reason }) => ({
      recipient: email,
      trigger,
      bounced_at: bouncedAt,
      reason: oneLine(reason, MAX_JSON_TEXT),
    })),
    failed_evaluations: failedEvaluations,
    silences: { holding: silences.holding, next_ends_at: silences.nextEndsAt },
    canary: canary === null ? null : canaryJson(canary),
    tables: tables.map(({ name, rows, estimated, bytes }) => ({ name, rows, estimated, bytes })),
  };
}

function canaryJson({ counted, waiting }: CanaryState) {
  return {
    counted:
      counted === null
        ? null
        : {
            age_seconds: Math.round(counted.ageSeconds),
            delay_seconds: Math.round(counted.delaySeconds),
            email_refused: counted.emailRefused,
          },
    waiting:
      waiting === null ? null : { age_seconds: Math.round(waiting.ageSeconds), refused: waiting.refused },
  };
}

export function toTable({ queues, database }: Status, problems: readonly string[]): string {
  const rows = [...queueRows(queues), ...databaseRows(database)];
  rows.push(['state', problems.length === 0 ? 'fine' : `${problems.length} to look at, named below`]);
  return aligned(rows).join('\n');
}

type Row = readonly [name: string, value: string];

/** The reason is printed below the table, once. */
const NO_ANSWER = 'no answer';

function queueRows(queues: Status['queues']): Row[] {
  if ('error' in queues) return [['queue', NO_ANSWER]];
  const { queue, deadLetters } = queues;
  const shown =
    queue === null
      ? 'none yet'
      : `${number(queue.waiting)} waiting, ${number(queue.inFlight)} in flight${queue.delayed > 0 ? `, ${number(queue.delayed)} delayed` : ''}`;
  return [
    ['queue', shown],
    [
      'dead letters',
      deadLetters === null ? 'no queue yet' : number(deadLetters.waiting + deadLetters.inFlight),
    ],
  ];
}

function databaseRows(database: Status['database']): Row[] {
  if ('error' in database) return [['database', NO_ANSWER]];
  const { lastEventAt, lastRun, triggers, alerts, bounced, failedEvaluations, silences, canary, tables } =
    database;
  const oldest = alerts.oldestPendingSeconds;
  return [
    ['last event', lastEventAt === null ? 'none yet' : time(lastEventAt)],
    [
      'last run',
      lastRun === null
        ? 'none yet'
        : `${duration(lastRun.ageSeconds)} ago: ${some(lastRun.issues, 'issue')}, ${some(lastRun.alerts, 'alert')}`,
    ],
    ['triggers', number(triggers.length)],
    ...triggers.map((trigger): Row => ['', triggerText(trigger)]),
    [
      'alerts pending',
      `${number(alerts.pending)}${oldest === null ? '' : `, the oldest for ${duration(oldest)}`}`,
    ],
    ['alerts failed', number(alerts.failed)],
    ['alerts bounced', number(alerts.bounced)],
    ...bounced.map((alert): Row => ['', bouncedText(alert)]),
    ['alerts sent', number(alerts.sent)],
    ['evaluations to retry', number(failedEvaluations)],
    ['silences holding', `${number(silences.holding)}${nextEnd(silences)}`],
    ['canary', canaryRow(canary)],
    ...tables.map(
      ({ name, rows, estimated, bytes }): Row => [
        name,
        `${estimated ? 'about ' : ''}${some(rows, 'row')}, ${size(bytes)}`,
      ],
    ),
  ];
}

/** At most 58 columns, so that the table fits 80. */
function triggerText({ name, ageSeconds, leftOutSince }: ListedTrigger): string {
  const age = duration(ageSeconds);
  const state =
    leftOutSince !== null
      ? `left out, ran ${age} ago`
      : ageSeconds > WEEK_SECONDS
        ? `not run for ${age}`
        : `ran ${age} ago`;
  return `${oneLine(name, MAX_NAME)}: ${state}`;
}

/** One line: the reason is written by a mail server, and cut. `--json` has more of it. */
function bouncedText({ email, trigger, bouncedAt, reason }: BouncedAlert): string {
  return `${time(bouncedAt)}  ${email} by ${oneLine(trigger, MAX_TEXT)}: ${oneLine(reason, MAX_TEXT)}`;
}

function nextEnd({ holding, nextEndsAt }: SilenceCounts): string {
  if (holding === 0) return '';
  return nextEndsAt === null ? ', until more users are affected' : `, the next ends ${time(nextEndsAt)}`;
}

function some(value: number, what: string): string {
  return plural(value, what, number(value));
}

function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1_024)));
  const value = bytes / 1_024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
