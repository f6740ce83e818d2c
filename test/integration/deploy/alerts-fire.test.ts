import { beforeEach, describe, expect, inject, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { query } from '../../../dev/postgres/server.ts';
import { CANARY, claimCanary } from '../../../src/db/canaries.ts';
import { storeEvents } from '../../../src/db/events.ts';
import type { AlertOptions, Page, Scrape, Timeline } from '../../support/alert-rules.ts';
import { alertsOf, pageAfter, pageWith, readPage, rules } from '../../support/alert-rules.ts';
import { bounce, complaint } from '../../support/bounces.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { errorEvent, forwarded } from '../../support/events.ts';
import { startFaultyQueue } from '../../support/faulty-queue.ts';
import { startOldSentry } from '../../support/old-sentry.ts';
import { drained, startProcessor, startTwoWorkers, workerPids } from '../../support/processor.ts';
import { createQueue, depth, sendBodies } from '../../support/queue.ts';
import { BROKEN, REJECTED, startSesStandIn } from '../../support/ses.ts';
import { everyEventFile, settled, startWatcher, triggerFile } from '../../support/watcher.ts';

// Each scene starts real daemons, breaks what rules watch, and reads /metrics. Then Prometheus's own engine evaluates the
// rules on these pages, as if the daemon had shown each of them for some minutes. The other daemon is healthy.

const database = await createDatabase();
const { pool } = database;

const EVENTS = 'bec_alerts_processor_events_total';
const WAITING = 'bec_alerts_processor_queue_messages{state="waiting"}';
const RUNS = 'bec_alerts_watcher_health_total';
const rejected = (reason: string) => `bec_alerts_processor_rejected_total{reason="${reason}"}`;
const errors = (what: string) => `bec_alerts_watcher_errors_total{what="${what}"}`;

/** A busy machine can make these fire at any time. So only the tests that make something slow look at them. */
const ABOUT_SPEED = new Set(['BecAlertsLag', 'BecAlertsSlowBatches', 'BecAlertsSlowRun']);
const seen = new Set<string>();

async function alerts(timeline: Timeline, options?: AlertOptions): Promise<string[]> {
  const found = (await alertsOf(timeline, options)).filter((name) => !ABOUT_SPEED.has(name));
  for (const name of found) seen.add(name);
  return found;
}

const messages = (count: number) => Array.from({ length: count }, () => JSON.stringify(forwarded()));
/** Two pages of a daemon that works, with work done in between. */
type Working = readonly [string, string];
const working = ([since, page]: Working, steps: number): Scrape[] => [{ page, steps, since }];

async function workingProcessor(): Promise<Working> {
  const queue = await createQueue();
  const daemon = startTwoWorkers(queue, database, { PORT: '0' });
  // The queue is read for this page, and then not for 30 s.
  await pageWith(daemon, { [WAITING]: 0, bec_alerts_processor_workers: 2 });
  const pages: string[] = [];
  for (const events of [3, 6]) {
    await sendBodies(queue.client, queue.queueUrl, messages(3));
    pages.push(await pageWith(daemon, { [EVENTS]: events }));
  }
  return [pages[0] ?? '', pages[1] ?? ''];
}

async function workingWatcher(): Promise<Working> {
  const ses = await startSesStandIn();
  const daemon = startWatcher(database, ses.endpoint, [], { PORT: '0', TRIGGERS: await everyEventFile() });
  const first = await pageWith(daemon, { [RUNS]: 1 });
  return [first, await pageAfter(daemon, first, RUNS)];
}

let both: Promise<{ processor: Working; watcher: Working }> | undefined;
/** Pages of healthy daemons, which one test starts. */
async function healthy() {
  both ??= Promise.all([workingProcessor(), workingWatcher()]).then(([processor, watcher]) => ({
    processor,
    watcher,
  }));
  return await both;
}

/** A clock for the daemon and its processes. */
const clock = (script: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
});

const backdate = (table: string, column: string, seconds: number) =>
  pool.query(`UPDATE ${table} SET ${column} = ${column} - $1 * interval '1 s'`, [seconds]);

beforeEach(() => emptyTables(pool));

/** Checks that an alert fires with the later page of a daemon, and doesn't with the earlier one. */
async function firesFrom(
  name: string,
  daemon: 'processor' | 'watcher',
  earlier: string,
  page: string,
): Promise<void> {
  const { processor, watcher } = await healthy();
  const both = { processor: working(processor, 40), watcher: working(watcher, 40) };
  const before = [{ page: earlier, steps: 10 }];
  expect(await alertsOf({ ...both, [daemon]: before })).not.toContain(name);
  expect(await alertsOf({ ...both, [daemon]: [...before, { page, since: earlier, steps: 30 }] })).toContain(
    name,
  );
  seen.add(name);
}

describe('no alert fires', () => {
  it('while events are stored and runs finish', async () => {
    const { processor, watcher } = await healthy();
    expect(await alerts({ processor: working(processor, 100), watcher: working(watcher, 100) })).toEqual([]);
  });
});

describe('alerts about both daemons fire', () => {
  it('if Postgres goes away', async () => {
    const lost = await createDatabase();
    const queue = await createQueue();
    const ses = await startSesStandIn();
    await sendBodies(queue.client, queue.queueUrl, messages(5));
    const processor = startProcessor(queue, lost, { PORT: '0' });
    const watcher = startWatcher(lost, ses.endpoint, [], { PORT: '0' });
    await drained(queue);
    await watcher.printed(/evaluated \d+ issues? with/);

    await query(inject('adminUrl'), `ALTER DATABASE ${lost.name} ALLOW_CONNECTIONS false`);
    await query(
      inject('adminUrl'),
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [lost.name],
    );
    await sendBodies(queue.client, queue.queueUrl, messages(1));
    await processor.printed(/asking the database to store failed/);
    await sendBodies(queue.client, queue.queueUrl, messages(20));
    const waits = await pageWith(processor, { [EVENTS]: 5, [WAITING]: 1 });
    const first = await pageWith(watcher, { [errors('run')]: 1, [errors('delivery')]: 1 });
    const second = await pageAfter(watcher, first, errors('run'), errors('delivery'));

    const { processor: storing, watcher: running } = await healthy();
    expect(
      await alerts({
        processor: [...working(storing, 30), { page: waits, steps: 70 }],
        watcher: [...working(running, 30), { page: second, since: first, steps: 70 }],
      }),
    ).toEqual(['BecAlertsNoEvents', 'BecAlertsNoRun', 'BecAlertsQueueGrows', 'BecAlertsWatcherErrors']);
  });

  it('if the processes are killed', async () => {
    const processor = startTwoWorkers(await createQueue(), database, { PORT: '0' });
    const watcher = startWatcher(database, 'http://127.0.0.1:1', [], { PORT: '0' });
    const there: Page[] = [await readPage(processor), await readPage(watcher)];
    expect(there).not.toContain(null);
    for (const { child, finished } of [processor, watcher]) {
      child.kill('SIGKILL');
      await finished;
    }
    const [withoutProcessor, withoutWatcher] = [await readPage(processor), await readPage(watcher)];
    const { processor: storing, watcher: running } = await healthy();
    expect(
      await alerts({
        processor: [...working(storing, 20), { page: withoutProcessor, steps: 20 }],
        watcher: working(running, 40),
      }),
    ).toEqual(['BecAlertsNoProcessor', 'BecAlertsTargetDown']);
    expect(
      await alerts({
        processor: working(storing, 40),
        watcher: [...working(running, 20), { page: withoutWatcher, steps: 20 }],
      }),
    ).toEqual(['BecAlertsNoRun', 'BecAlertsTargetDown']);
  });
});

describe('alerts about the processor fire', () => {
  /** The alerts of a processor that was healthy before it showed these pages. */
  async function alertsOfProcessor(...after: Scrape[]): Promise<string[]> {
    const { processor, watcher } = await healthy();
    return await alerts({
      processor: [...working(processor, 20), ...after],
      watcher: working(watcher, 20 + after.reduce((sum, { steps }) => sum + steps, 0)),
    });
  }

  it('if no more events arrive', async () => {
    const { processor } = await healthy();
    expect(await alertsOfProcessor({ page: processor[1], steps: 30 })).toEqual([]);
    expect(await alertsOfProcessor({ page: processor[1], steps: 70 })).toEqual(['BecAlertsNoEvents']);
  });

  it('if nothing reads the queue', async () => {
    const queue = await createQueue();
    const way = await startFaultyQueue(queue.endpoint);
    way.fate = (action) => (action === 'ReceiveMessage' ? 'deny' : 'pass');
    await sendBodies(queue.client, queue.queueUrl, messages(4));
    const processor = startProcessor(queue, database, { PORT: '0', SQS_ENDPOINT_URL: way.endpoint });
    await processor.printed(/receiving messages failed/);
    const page = await pageWith(processor, { [WAITING]: 4 });
    expect(await alertsOfProcessor({ page, steps: 30 })).toEqual(['BecAlertsQueueGrows']);
  });

  it('if messages are rejected', async () => {
    const queue = await createQueue();
    const processor = startProcessor(queue, database, { PORT: '0' });
    await sendBodies(queue.client, queue.queueUrl, [...messages(3), ...Array(12).fill('{')]);
    await poll('the dead letters', async () =>
      (await depth(queue.client, queue.deadLetterQueueUrl)).visible === 12 ? true : undefined,
    );
    const page = await pageWith(processor, { [EVENTS]: 3, [rejected('invalid_json')]: 12 });
    expect(await alertsOfProcessor({ page, steps: 20 })).toEqual([
      'BecAlertsDeadLetters',
      'BecAlertsManyRejected',
      'BecAlertsRejected',
    ]);
  });

  it('if Postgres stores slowly', async () => {
    const queue = await createQueue();
    const processor = startProcessor(queue, database, { PORT: '0' });
    // An issue that is known, because a new one takes a second statement.
    await sendBodies(queue.client, queue.queueUrl, messages(1));
    const fine = await pageWith(processor, { [EVENTS]: 1 });
    await pool.query(`
      CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5.1); RETURN NULL; END';
      CREATE TRIGGER be_slow BEFORE INSERT ON issue_buckets FOR EACH STATEMENT EXECUTE FUNCTION be_slow()`);
    try {
      await sendBodies(queue.client, queue.queueUrl, messages(1));
      const page = await pageWith(processor, { [EVENTS]: 2 });
      await firesFrom('BecAlertsSlowBatches', 'processor', fine, page);
    } finally {
      await pool.query('DROP FUNCTION be_slow CASCADE');
    }
  });

  it('if messages are old when they are stored', async () => {
    const queue = await createQueue();
    // For this processor, messages that were sent now are 90 s old.
    const late = clock('const now = Date.now; Date.now = () => now() + 90_000');
    const processor = startProcessor(queue, database, { PORT: '0', ...late });
    const fine = await pageWith(processor, { bec_alerts_processor_workers: 1 });
    await sendBodies(queue.client, queue.queueUrl, messages(1));
    const page = await pageWith(processor, { [EVENTS]: 1 });
    await firesFrom('BecAlertsLag', 'processor', fine, page);
  });

  it('if the role may not count the messages', async () => {
    const queue = await createQueue();
    const way = await startFaultyQueue(queue.endpoint);
    const processor = startProcessor(queue, database, { PORT: '0', SQS_ENDPOINT_URL: way.endpoint });
    await processor.printed(/serving/);
    way.fate = (action) => (action === 'GetQueueAttributes' ? 'deny' : 'pass');
    const page = await pageWith(processor, { bec_alerts_processor_workers: 1 });
    expect(page).not.toMatch(/^bec_alerts_processor_(queue_messages|dead_letters)\b.* \d/m);
    expect(await alertsOfProcessor({ page, steps: 30 })).toEqual(['BecAlertsQueueUnknown']);
  });

  it('if workers die', async () => {
    const processor = startTwoWorkers(await createQueue(), database, { PORT: '0' });
    await processor.printed(/a worker polls the queue/);
    const page = await poll('a page with too few workers', async () => {
      for (const pid of workerPids(processor.pid)) process.kill(pid, 'SIGKILL');
      const now = await readPage(processor);
      return /^bec_alerts_processor_workers [01]$/m.test(now ?? '') ? now : undefined;
    });
    expect(await alertsOfProcessor({ page, steps: 20 })).toEqual(['BecAlertsFewWorkers']);
  });
});

describe('alerts about the watcher fire', () => {
  const canaryTo = (SIMULATE_SENTRY_DSN: string) => ({ CANARY_INTERVAL: '3600', SIMULATE_SENTRY_DSN });

  /** The alerts of a watcher that shows these pages. */
  async function alertsOfWatcher(scrapes: Scrape[], options?: AlertOptions): Promise<string[]> {
    const { processor } = await healthy();
    const steps = scrapes.reduce((sum, scrape) => sum + scrape.steps, 0);
    return await alerts({ processor: working(processor, steps), watcher: scrapes }, options);
  }

  it('if SES fails and a canary is lost', async () => {
    const ses = await startSesStandIn();
    ses.answer(() => BROKEN);
    await storeEvents(pool, [errorEvent()]);
    const env = { PORT: '0', TRIGGERS: await everyEventFile() };
    const before = startWatcher(database, ses.endpoint, [], env);
    await pageWith(before, { [RUNS]: 1, [errors('attempt')]: 1 });
    before.child.kill('SIGTERM');
    await before.finished;

    await backdate('alerts', 'created_at', 2 * 3_600);
    await claimCanary(pool, 'a'.repeat(32), 3_600);
    await backdate('canaries', 'sent_at', 600);
    const sentry = await startOldSentry({ other: 404, store: 200 });
    const watcher = startWatcher(database, ses.endpoint, [], { ...env, ...canaryTo(sentry.dsn()) });
    const stuck = { bec_alerts_watcher_pending_seconds: 7_200, bec_alerts_canary_waiting_seconds: 600 };
    const page = await pageWith(watcher, { [RUNS]: 1, ...stuck });
    const { watcher: running } = await healthy();
    expect(await alertsOfWatcher([...working(running, 20), { page, steps: 10 }])).toEqual([
      'BecAlertsDeliveryStuck',
      'BecAlertsNoCanary',
    ]);
  });

  it('if emails bounce, alerts are many, a trigger ends its process and a canary is late', async () => {
    const ses = await startSesStandIn();
    const queue = await createQueue();
    let first = true;
    ses.answer(({ action }) => {
      if (action !== 'SendRawEmail' || !first) return {};
      first = false;
      return REJECTED;
    });
    const TRIGGERS = await triggerFile(`[
      { name: 'Every event', emails: ['ann@example.com'], evaluate: () => ({ notify: true, because: 'it changed' }) },
      { name: 'Exits', emails: ['ann@example.com'],
        evaluate: ({ groupId }) => (groupId === 'group-0' ? process.exit(3) : { notify: false }) },
    ]`);
    // It accepts the canary, and forwards nothing.
    const sentry = await startOldSentry({ other: 404, store: 200 });
    const watcher = startWatcher(database, ses.endpoint, [], {
      PORT: '0',
      TRIGGERS,
      SQS_ENDPOINT_URL: queue.endpoint,
      SES_EVENTS_QUEUE_NAME: queue.env.SQS_QUEUE_NAME,
      ...canaryTo(sentry.dsn()),
    });
    await watcher.printed(/sent a canary to Sentry/);
    const fine = await pageWith(watcher, { [RUNS]: 1, bec_alerts_canary_waiting_seconds: 0 });
    const since = await pageAfter(watcher, fine, RUNS);
    await storeEvents(
      pool,
      Array.from({ length: 25 }, (_, index) => errorEvent({ groupId: `group-${index}` })),
    );
    const rows = await settled(pool, 25);
    const ids = rows.flatMap(({ ses_message_id }) => (ses_message_id === null ? [] : [ses_message_id]));
    await sendBodies(queue.client, queue.queueUrl, [bounce(ids[0] ?? ''), complaint(ids[1] ?? '')]);
    await backdate('canaries', 'sent_at', 200);
    const { rows: sent } = await pool.query<{ event_id: string }>('SELECT event_id FROM canaries');
    const counted = { groupId: 'canary', eventId: sent[0]?.event_id ?? '', receivedAt: new Date() };
    await storeEvents(pool, [errorEvent({ ...counted, message: `CanaryError: ${CANARY}: x` })]);
    const page = await pageWith(watcher, {
      bec_alerts_watcher_alerts_total: 25,
      [errors('alert')]: 1,
      [errors('bounce')]: 1,
      [errors('complaint')]: 1,
      bec_alerts_watcher_triggers_left_out: 1,
      bec_alerts_canary_delay_seconds_count: 1,
    });
    const scrapes = [
      { page: since, since: fine, steps: 310 },
      { page, steps: 2 },
    ];
    expect(await alertsOfWatcher(scrapes.slice(0, 1), { minutes: 5 })).toEqual([]);
    expect(await alertsOfWatcher(scrapes, { minutes: 5 })).toEqual([
      'BecAlertsComplaint',
      'BecAlertsManyAlerts',
      'BecAlertsRecipientNotNotified',
      'BecAlertsSlowCanary',
      'BecAlertsTriggerLeftOut',
    ]);
    // It is left out until the next start.
    const hours = [
      { page: fine, steps: 5 },
      { page, steps: 12 * 5 },
    ];
    const still = await alertsOfWatcher(hours, { minutes: 5, atEnd: true });
    expect(still).toContain('BecAlertsTriggerLeftOut');
    expect(still).not.toContain('BecAlertsRecipientNotNotified');
  });

  it('if a run is slow', async () => {
    const ses = await startSesStandIn();
    // A fifth of a second is 200 s for this watcher.
    const fast = clock(
      'const now = performance.now.bind(performance); performance.now = () => 1_000 * now()',
    );
    const TRIGGERS = await triggerFile(`[
      { name: 'Slow', emails: ['ann@example.com'],
        evaluate: async () => { await new Promise((done) => setTimeout(done, 200)); return { notify: false }; } },
    ]`);
    const watcher = startWatcher(database, ses.endpoint, [], { PORT: '0', TRIGGERS, ...fast });
    const fine = await pageWith(watcher, {});
    await storeEvents(pool, [errorEvent()]);
    await watcher.printed(/evaluated 1 issue with/);
    const page = await pageAfter(watcher, await pageWith(watcher, {}), RUNS);
    await firesFrom('BecAlertsSlowRun', 'watcher', fine, page);
  });
});

describe('every rule', () => {
  it('was seen to fire above', () => {
    expect(rules.map(({ alert }) => alert).filter((name) => !seen.has(name))).toEqual([]);
  });
});
