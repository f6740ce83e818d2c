import { createHash } from 'node:crypto';
import { clearEmails, startSes, storedEmails } from '../../dev/services.ts';
import type { Pool } from '../../src/db/pool.ts';
import { HOUR } from '../../src/domain/time.ts';
import { currentHour, withinAnHour } from './clock.ts';
import type { Finished } from './command.ts';
import { records, runCommand } from './command.ts';
import type { TestDatabase } from './database.ts';
import { createDatabase } from './database.ts';
import { forwarded } from './events.ts';
import { drained, startTwoWorkers } from './processor.ts';
import { createQueue, sendBodies } from './queue.ts';
import { runWatcher, triggerFile } from './watcher.ts';

/** Everything that events became, without what differs from one time to the next. */
export interface Outcome {
  readonly stored: readonly unknown[];
  readonly alerts: readonly unknown[];
  readonly emails: readonly string[];
  /** The answers of `explain` and `backtest`. */
  readonly explained: unknown;
  readonly backtested: unknown;
}

const ISSUES = 9;
const EVENTS = 90;
/** One time for all outcomes of a file, so that they can be compared. */
const NOW = Date.now();

/** Asks every question that a trigger can ask. */
const CURIOUS = `[{ name: 'Curious', emails: ['ann@example.com', 'bob@example.com'], async evaluate(issue, context) {
  const [ann] = context.recipients;
  const answers = [
    issue.firstSeen.toISOString(), issue.lastSeen.toISOString(), issue.stackFrames.length,
    await context.counts(issue, { days: 30 }), await context.counts(issue, { hours: 100 }),
    await context.series(issue, { days: 6 }), await context.series(issue, { hours: 100 }),
    await context.tags(issue, 'browser', { days: 30 }), await context.tags(issue, 'release', { days: 30 }),
    (await context.top({ days: 30, limit: 5 })).map(({ issue, events, users }) => [issue.groupId, events, users]),
    (await context.lastNotified(ann, issue)) === null,
    (await context.neverNotified(issue)).map(({ email }) => email),
    (await context.neverNotified(issue, 'thisTrigger')).map(({ email }) => email),
  ];
  return { notify: true, because: JSON.stringify(answers) };
} }]`;

/** Events with and without a user, of several days and hours; the same ones each time. */
function bodies(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, offset) => {
    const index = from + offset;
    const eventID = createHash('md5').update(String(index)).digest('hex');
    return JSON.stringify(
      forwarded({
        id: eventID,
        eventID,
        groupID: `g${index % ISSUES}`,
        title: `Error: number ${index % ISSUES} with 'quotes', \\backslashes\\ and 日本語`,
        dateReceived: new Date(NOW - (index % 70) * HOUR).toISOString(),
        user: index % 4 === 0 ? null : { id: index % 5 === 0 ? 'NULL' : String(index % 7) },
        tags: [
          { key: 'browser', value: `Firefox ${index % 3}` },
          { key: 'release', value: (index % ISSUES) % 2 === 0 ? 'NULL' : 'a,b"c{}' },
        ],
      }),
    );
  });
}

/** A database, and the URL by which the commands reach it, if it isn't the database's own. */
interface Way {
  readonly database: TestDatabase;
  readonly url?: string;
}

/** By the hour in which they were asked for. */
const usual = new Map<number, Promise<Outcome>>();

/** The outcome with default settings and on a direct connection, once for each hour of the clock. */
export async function usualOutcome(hour = currentHour()): Promise<Outcome> {
  const outcome =
    usual.get(hour.getTime()) ?? createDatabase().then((database) => goTheWholeWay({ database }));
  usual.set(hour.getTime(), outcome);
  return await outcome;
}

/** The outcome of another way, and the usual one of the same hour. */
export async function bothOutcomes<W extends Way>(
  prepare: () => Promise<W>,
): Promise<{ readonly way: W; readonly outcome: Outcome; readonly usual: Outcome }> {
  return await withinAnHour(async (hour) => {
    const expected = await usualOutcome(hour);
    const way = await prepare();
    return { way, outcome: await goTheWholeWay(way), usual: expected };
  });
}

/**
 * Sends events the whole way: two workers store them, each event twice, and two watchers at once evaluate and deliver
 * them. Then more events arrive, and the watchers run again.
 * @throws if a command fails, or logs a warning or an error
 */
async function goTheWholeWay({ database, url = database.url }: Way): Promise<Outcome> {
  const through = { ...database, url };
  const queue = await createQueue();
  const ses = await startSes();
  try {
    // All local SES servers of a process have one inbox.
    await clearEmails(ses.endpoint);
    const TRIGGERS = await triggerFile(CURIOUS);
    const env = { TRIGGERS };
    const processor = startTwoWorkers(queue, through, env);
    for (const [from, to] of [
      [0, EVENTS / 2],
      [EVENTS / 2, EVENTS],
    ] as const) {
      const sent = bodies(from, to);
      await sendBodies(queue.client, queue.queueUrl, [...sent, ...sent]);
      await drained(queue);
      const watch = () => runWatcher(through, ses.endpoint, [], env);
      for (const finished of await Promise.all([watch(), watch()])) requireQuiet(finished);
    }
    processor.child.kill('SIGTERM');
    requireQuiet(await processor.finished);
    const ask = async (...parameters: string[]) => {
      const variables = { ...queue.env, DATABASE_URL: url, TRIGGERS };
      const { code, stdout, stderr } = await runCommand([...parameters, '--json'], variables);
      if (code !== 0 || stderr !== '') throw new Error(`${parameters[0]}: exit ${code}\n${stderr}`);
      return JSON.parse(stdout);
    };
    await ask('status');
    const [explained, backtested] = [await ask('explain', 'g1'), await ask('backtest', '--days', '3')];
    const emails = (await storedEmails(ses.endpoint)).map(({ to, subject, text }) => [to, subject, text]);
    return {
      ...(await contentsOf(database.pool)),
      emails: emails.map((email) => comparable(JSON.stringify(email))).sort(),
      explained: JSON.parse(comparable(JSON.stringify(explained))),
      backtested: JSON.parse(comparable(JSON.stringify(backtested))),
    };
  } finally {
    await ses.close();
  }
}

/** Of the one of two watchers that doesn't send: the other one has an email on its way to SES just then. */
const OTHER_SENDS = 'some alerts could not be sent yet; they stay in the outbox and are sent by a later run';

function requireQuiet({ code, stderr, stdout }: Finished): void {
  const loud = records(stdout).filter(
    ({ Severity, Fields }) => Number(Severity) < 6 && Fields.msg !== OTHER_SENDS,
  );
  if (code === 0 && stderr === '' && loud.length === 0) return;
  throw new Error(`exit ${code}\n${stderr}\n${loud.map((line) => JSON.stringify(line)).join('\n')}`);
}

/** Without the clock, made-up ids and the folder of the trigger file. */
function comparable(text: string): string {
  return text
    .replaceAll(/ses-\d+/g, 'SES-ID')
    .replaceAll(/[^" ]*\/triggers\.mjs/g, 'FILE')
    .replaceAll(/(You were told of this issue) (just now|\d+ minutes? ago)/g, '$1 AGO')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z)?/g, 'TIME');
}

async function contentsOf(pool: Pool): Promise<Pick<Outcome, 'stored' | 'alerts'>> {
  const stored = await pool.query(
    `SELECT group_id, message, module, stack_frames, first_seen, activity.last_seen, first_release,
            ARRAY(SELECT (date, hll_cardinality(event_set), hll_cardinality(user_set))::text FROM issue_buckets
                  WHERE issue_id = issues.id ORDER BY date) AS days,
            ARRAY(SELECT (hour, hll_cardinality(event_set), hll_cardinality(user_set))::text FROM issue_hours
                  WHERE issue_id = issues.id ORDER BY hour) AS hours,
            ARRAY(SELECT (date, received_at, release, environment, browser, os)::text FROM issue_tags
                  WHERE issue_id = issues.id ORDER BY hash) AS tags
     FROM issues JOIN issue_activity AS activity ON activity.issue_id = issues.id ORDER BY group_id`,
  );
  const alerts = await pool.query(
    `SELECT email, group_id, because, status, attempts FROM alerts JOIN recipients ON recipients.id = recipient_id
     JOIN issues ON issues.id = issue_id ORDER BY run_id, group_id, email`,
  );
  return { stored: stored.rows, alerts: alerts.rows };
}
