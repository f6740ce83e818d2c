import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { exception, exceptionEntry, forwarded } from '../../support/events.ts';
import { createLocalSes } from '../../support/local-ses.ts';
import { startOldSentry } from '../../support/old-sentry.ts';
import { drained, startProcessor, startTwoWorkers } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import { runWatcher, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ses = await createLocalSes();

const LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;
const SEVERITY = { CRITICAL: 2, ERROR: 3, WARNING: 4, INFO: 6, DEBUG: 7 };

/** https://wiki.mozilla.org/Firefox/Services/Logging: these fields, of these types, and no other. */
const PUBLISHED: Readonly<Record<string, (value: unknown) => boolean>> = {
  Timestamp: (value) => Number.isInteger(value) && Math.abs(Number(value) / 1e6 - Date.now()) < 600_000,
  Type: (value) => typeof value === 'string' && value !== '',
  Logger: (value) => value === 'bec-alerts',
  Hostname: (value) => value === hostname(),
  EnvVersion: (value) => value === '2.0',
  Severity: (value) => Object.values(SEVERITY).includes(Number(value)),
  Pid: (value) => Number.isInteger(value),
  Fields: (value) => typeof value === 'object' && value !== null && isFlat(value),
};

/** A flat object: texts, numbers and booleans, under plain names. */
function isFlat(fields: object): boolean {
  return Object.entries(fields).every(
    ([name, value]) => /^\w+$/.test(name) && ['string', 'number', 'boolean'].includes(typeof value),
  );
}

interface MozlogRecord {
  readonly Severity: number;
  readonly Type: string;
  readonly Fields: Readonly<Record<string, unknown>>;
}

/** Every line of a daemon's output, each checked against the list. */
function checkedRecords(stdout: string): MozlogRecord[] {
  return stdout
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const record = JSON.parse(line);
      expect(Object.keys(record).sort(), line).toEqual(Object.keys(PUBLISHED).sort());
      for (const [field, fits] of Object.entries(PUBLISHED))
        expect(fits(record[field]), `${field}: ${line}`).toBe(true);
      expect(record.Fields.msg, line).toEqual(expect.any(String));
      return record;
    });
}

/** Everything that the daemons see and that must not be in a log. */
const SECRETS = {
  AWS_ACCESS_KEY_ID: 'AKIDMARKEDKEY',
  AWS_SECRET_ACCESS_KEY: 'marked-aws-secret',
  AWS_SESSION_TOKEN: 'marked-aws-session',
  DATADOG_API_KEY: 'marked-datadog-key',
};
const MARK = 'marked-by-an-unknown-browser';
/** The messages that an unknown browser can cause: good, refused by Postgres, and bad in each way. */
function markedBodies(): string[] {
  const marked = {
    title: `TypeError: ${MARK}`,
    culprit: MARK,
    user: { id: MARK, email: `${MARK}@example.com`, username: MARK, ip_address: '198.51.100.77' },
    tags: [
      { key: 'user', value: `id:${MARK}` },
      { key: MARK, value: MARK },
    ],
    entries: [exceptionEntry([exception(MARK, MARK, { module: MARK })])],
  };
  const events = [
    {},
    { groupID: 'refused', title: `refuse ${MARK}` },
    { groupID: null },
    { eventID: null, id: null },
    { dateReceived: MARK },
    { message: '', title: '', entries: [] },
  ];
  return [
    ...events.map((overrides) => JSON.stringify(forwarded({ ...marked, ...overrides }))),
    `{"eventID": ${MARK}`,
    MARK,
    JSON.stringify([MARK]),
    JSON.stringify({ s3Url: `https://${MARK}.example.com/x`, eventID: MARK }),
  ];
}

function expectNothingMarked(text: string): void {
  for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
  expect(text).not.toContain(MARK);
  expect(text).not.toContain('198.51.100.77');
  expect(text).not.toContain(new URL(database.url).password || 'marked-password');
}

/** Runs the processor over every kind of message, and the watcher over the stored issues. */
async function bothDaemons(
  level: string,
  sentryDsn?: string,
): Promise<{ processor: string; watcher: string }> {
  await emptyTables(pool);
  const queue = await createQueue();
  await sendBodies(queue.client, queue.queueUrl, markedBodies());
  const env = {
    ...SECRETS,
    LOG_LEVEL: level,
    LOG_FORMAT: 'mozlog',
    ...(sentryDsn === undefined ? {} : { SENTRY_DSN: sentryDsn }),
  };
  const processor = startProcessor(queue, database, env);
  await drained(queue);
  processor.child.kill('SIGTERM');
  const finished = await processor.finished;
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  // The mail is refused: SES isn't there.
  const watcher = await runCommand(['watcher', '--once'], {
    ...env,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_CONNECT_TIMEOUT: '1',
    DATABASE_URL: database.url,
    SES_ENDPOINT_URL: 'http://127.0.0.1:1',
    ALERT_EMAILS: 'oncall@example.com',
    SES_MAX_SEND_RATE: '1000',
  });
  expect(watcher.stderr).toBe('');
  return { processor: finished.stdout, watcher: watcher.stdout };
}

/** If Postgres refuses a row, its error's detail contains the row. */
async function withRefusal(work: () => Promise<void>): Promise<void> {
  await pool.query(`ALTER TABLE issues ADD CONSTRAINT refuse CHECK (message NOT LIKE 'refuse%')`);
  try {
    await work();
  } finally {
    await pool.query('ALTER TABLE issues DROP CONSTRAINT refuse');
  }
}

describe('mozlog, as both daemons print it', () => {
  it.each(LEVELS)(
    'has the published fields and no other, nothing below %s, and nobody’s data',
    async (level) => {
      await withRefusal(async () => {
        const { processor, watcher } = await bothDaemons(level);
        const records = [...checkedRecords(processor), ...checkedRecords(watcher)];
        expect(records.filter(({ Severity }) => Severity > SEVERITY[level])).toEqual([]);
        const expected = { CRITICAL: [], ERROR: [], WARNING: [4], INFO: [4, 6], DEBUG: [4, 6, 7] }[level];
        const seen = new Set(records.map(({ Severity }) => Severity));
        for (const severity of expected) expect(seen).toContain(severity);
        expectNothingMarked(processor + watcher);
      });
    },
  );
});

describe('an event’s path', () => {
  it.each([
    { emails: {}, msg: 'alert sent' },
    { emails: { ALERT_DIGEST: 'run' }, msg: 'alert sent in a shared email' },
  ])('can be followed by ids at DEBUG until $msg, and not by the affected user', async ({ emails, msg }) => {
    await emptyTables(pool);
    const queue = await createQueue();
    const event = forwarded({ groupID: 'followed', user: { id: 'user-77', email: 'user-77@example.com' } });
    await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(event), '{']);
    const processor = startProcessor(queue, database, { LOG_LEVEL: 'DEBUG' });
    await drained(queue);
    await processor.printed(/went to the dead-letter queue/);
    processor.child.kill('SIGTERM');
    const records = checkedRecords((await processor.finished).stdout);
    const followed = records.filter(({ Fields }) => Fields.group_id === 'followed');
    expect(followed).toHaveLength(1);
    expect(followed[0]).toMatchObject({
      Severity: 7,
      Type: expect.stringMatching(/^bec-alerts\.worker-\d$/),
      Fields: { event_id: event.eventID, message_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    const rejected = records.find(({ Fields }) => Fields.reason === 'invalid_json');
    expect(rejected?.Fields.message_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(rejected?.Fields.message_id).not.toBe(followed[0]?.Fields.message_id);
    expect(JSON.stringify(records)).not.toContain('user-77');

    const TRIGGERS = await triggerFile(`[
      { name: 'Always', emails: ['ann@example.com'], evaluate: () => ({ notify: true, because: 'it is new' }) },
      { name: 'Never', emails: ['ann@example.com'], evaluate: () => ({ notify: false, because: 'it is calm' }) },
    ]`);
    const { stdout } = await runWatcher(database, ses.endpoint, [], { TRIGGERS, ...emails });
    const alertRecords = checkedRecords(stdout)
      .map(({ Fields }) => Fields)
      .filter(({ group_id }) => group_id === 'followed');
    const ids = { run: expect.stringMatching(/^\d+$/), issue: expect.stringMatching(/^\d+$/) };
    expect(alertRecords).toMatchObject([
      { msg: 'evaluating an issue', ...ids },
      {
        msg: 'a trigger notifies about an issue',
        ...ids,
        trigger: 'Always',
        recipient: expect.stringMatching(/^\d+$/),
        because: 'it is new',
      },
      { msg: 'a trigger declines to notify about an issue', ...ids, trigger: 'Never', because: 'it is calm' },
      { msg, alert: expect.stringMatching(/^\d+$/), trigger: 'Always', ses_message_id: expect.any(String) },
    ]);
    expect(stdout).not.toMatch(/user-77|ann@example/);
  });
});

describe('a report to our own Sentry', () => {
  it('holds no secret, payload or user data either', async () => {
    const sentry = await startOldSentry({ other: 404, store: 200 });
    await withRefusal(async () => {
      await bothDaemons('INFO', sentry.dsn());
    });
    expect(sentry.events().length).toBeGreaterThan(0);
    expectNothingMarked(sentry.requests.map(({ body, path }) => path + body).join('\n'));
  });
});

describe('the command lines in /proc, which everyone on the machine can read', () => {
  it('show no secret of the supervisor or its workers', async () => {
    const queue = await createQueue();
    const processor = startTwoWorkers(queue, database, {
      ...SECRETS,
      SENTRY_DSN: 'http://marked_sentry_key@127.0.0.1:1/1',
      DATABASE_URL: `${database.url}?application_name=marked-parameter`,
    });
    await processor.printed(/a worker polls/, 2);
    const children = readFileSync(`/proc/${processor.pid}/task/${processor.pid}/children`, 'utf8')
      .trim()
      .split(' ');
    expect(children).toHaveLength(2);
    const lines = [processor.pid, ...children].map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    for (const line of lines) {
      expect(line).toContain('node');
      expectNothingMarked(line);
      expect(line).not.toMatch(/marked|postgres:/);
    }
  });
});

describe('errors at start', () => {
  const wrong = {
    DATABASE_URL: 'postgres://someone:marked-password@127.0.0.1:1/nothing',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_CONNECT_TIMEOUT: '1',
    SQS_ENDPOINT_URL: 'http://127.0.0.1:1',
    SENTRY_DSN: 'http://marked_password@127.0.0.1:1/1',
    ...SECRETS,
  };

  it.each([
    ['migrate', {}],
    ['watcher --once', {}],
    ['status', {}],
    ['processor', {}],
    ['processor', { SENTRY_DSN: 'http://marked-password@127.0.0.1:1/1' }],
    [
      'processor',
      {
        DATABASE_URL: 'postgres:/:marked-password@x',
        SENTRY_DSN: 'marked-password',
        SQS_QUEUE_URL: 'marked-password',
      },
    ],
  ])('show no secret: %s', async (command, env) => {
    const { code, stdout, stderr } = await runCommand(command.split(' '), { ...wrong, ...env });
    expect(code).toBeGreaterThan(0);
    expect(stderr).not.toBe('');
    expectNothingMarked(stdout + stderr);
    expect(stdout + stderr).not.toMatch(/marked.password/);
  });
});
