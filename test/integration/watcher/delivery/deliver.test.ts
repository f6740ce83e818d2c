import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../../dev/poll.ts';
import { storeEvents } from '../../../../src/db/events.ts';
import { records } from '../../../support/command.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import type { SesReply, SesRequest, SesStandIn } from '../../../support/ses.ts';
import { BROKEN, quota, REJECTED, startSesStandIn, THROTTLED, verification } from '../../../support/ses.ts';
import {
  everyEventFile,
  outbox,
  runs,
  runWatcher,
  settled,
  startWatcher,
  triggerFile,
} from '../../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
const ISSUES = ['a', 'b', 'c', 'd'];
let ses: SesStandIn;
let TRIGGERS: string;

beforeEach(async () => {
  await emptyTables(pool);
  ses = await startSesStandIn();
  TRIGGERS = await everyEventFile();
  await storeEvents(
    pool,
    ISSUES.map((groupId) => errorEvent({ groupId, message: groupId })),
  );
});

/** A daemon whose second run is an hour away, so everything after the first run happens between runs. */
const start = (env: Record<string, string | undefined> = {}) =>
  startWatcher(database, ses.endpoint, [], {
    TRIGGERS,
    WATCHER_SLEEP_DELAY: '300',
    ...env,
  });

const issueOf = ({ subject }: SesRequest) => subject.split(' · ')[0] ?? '';
const taken = () => ses.taken.map(issueOf);
const sends = (issue?: string) =>
  ses.requests.filter(
    (request) => request.action === 'SendRawEmail' && (issue === undefined || issueOf(request) === issue),
  );

async function breakConnections(): Promise<void> {
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'bec-alerts watcher'`,
  );
}

/** Answers the first emails with these replies, one after the other, and then accepts. */
function atFirst(...replies: readonly SesReply[]): void {
  const left = [...replies];
  ses.answer(({ action }) => (action === 'SendRawEmail' ? (left.shift() ?? {}) : {}));
}

/** Answers the first email about each of these issues with its reply, and accepts all others. */
function firstOf(replies: Readonly<Record<string, SesReply>>): void {
  ses.answer((request) => {
    const issue = issueOf(request);
    return sends(issue).length === 1 ? (replies[issue] ?? {}) : {};
  });
}

describe('when SES throttles', () => {
  it('all alerts wait a moment, then leave in the order decided, and none has used up an attempt', async () => {
    atFirst({}, THROTTLED, THROTTLED);
    const watcher = start();
    const alerts = await settled(pool, 4);
    expect(taken()).toEqual(ISSUES);
    expect(sends().map(issueOf)).toEqual(['a', 'b', 'b', 'b', 'c', 'd']);
    expect(alerts.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
    expect(watcher.output()).toContain('SES throttles our emails; all alerts wait');
    expect(await runs(pool)).toHaveLength(1);
  });

  it('the throttled one leaves first, even if Postgres is slow to store that it waits', async () => {
    await pool.query(`
      CREATE FUNCTION answer_late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
      CREATE TRIGGER slow BEFORE UPDATE OF last_error ON alerts EXECUTE FUNCTION answer_late()`);
    onTestFinished(async () => void (await pool.query('DROP FUNCTION answer_late CASCADE')));
    atFirst(THROTTLED);
    start();
    await settled(pool, 4);
    expect(sends().map(issueOf)).toEqual(['a', 'a', 'b', 'c', 'd']);
  });
});

describe.each<[string, SesReply]>([
  ['answers 500', BROKEN],
  ['ends the connection', 'hang up'],
  ['doesn’t answer in time', 'silence'],
  ['stalls in the middle of its answer', 'half an answer'],
])('when SES %s to one alert', (_, reply) => {
  it('the others leave, and it is sent between runs', async () => {
    firstOf({ b: reply });
    // Short for the answer that never ends, and long enough for the others on a busy machine.
    const watcher = start({ AWS_READ_TIMEOUT: '5' });
    const alerts = await settled(pool, 4);
    expect(taken()).toEqual(['a', 'c', 'd', 'b']);
    expect(alerts.map(({ attempts }) => attempts)).toEqual([1, 2, 1, 1]);
    expect(alerts.map(({ last_error }) => last_error)).toEqual([null, null, null, null]);
    expect(watcher.output()).toContain('an alert could not be delivered yet');
    expect(await runs(pool)).toHaveLength(1);
  });
});

describe('while the endpoint answers 200 with something other than SES’s answer', () => {
  const PAGES = {
    a: { page: '<!DOCTYPE html><html><body><h1>Welcome to the\u0007 hotel</h1></body></html>' },
    b: { page: '' },
    c: { page: 'It works!' },
    d: { page: '<SendRawEmailResponse><OtherId>1</OtherId></SendRawEmailResponse>' },
  };
  const SHOWN = ['hotel', 'an empty body', 'It works!', 'OtherId'];

  it('the alert stays pending, the log shows what came, and the alert is sent later', async () => {
    await storeEvents(pool, [errorEvent({ groupId: 'e', message: 'e' })]);
    firstOf(PAGES);
    const watcher = start();
    const alerts = await settled(pool, 5);
    expect(taken().toSorted()).toEqual([...ISSUES, 'e']);
    expect(alerts.map(({ group_id, status, attempts }) => ({ group_id, status, attempts }))).toEqual([
      ...ISSUES.map((group_id) => ({ group_id, status: 'sent', attempts: 2 })),
      { group_id: 'e', status: 'sent', attempts: 1 },
    ]);
    const output = watcher.output();
    for (const shown of SHOWN) expect(output).toContain(shown);
    expect(output).not.toContain('\u0007');
  });
});

it('sends each email with the configuration set, if there is one', async () => {
  start({ SES_CONFIGURATION_SET: 'alerts' });
  await settled(pool, 4);
  expect(sends().map(({ fields }) => fields.get('ConfigurationSetName'))).toEqual(Array(4).fill('alerts'));
});

describe('while SES’s answer stalls', () => {
  it('the watcher ends at SIGTERM, and the alert waits', async () => {
    ses.answer(({ action }) => (action === 'SendRawEmail' ? 'half an answer' : {}));
    const watcher = start({ AWS_READ_TIMEOUT: '1' });
    await poll('the first email', async () => (sends().length > 0 ? true : undefined));
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
    expect((await outbox(pool))[0]).toMatchObject({
      status: 'pending',
      last_error: expect.stringContaining('TimeoutError'),
    });
  });
});

describe('an email that SES doesn’t accept at first', () => {
  it('is sent within the same run by --once, which waits for the retry', async () => {
    firstOf({ b: BROKEN });
    const { code } = await runWatcher(database, ses.endpoint, [], { TRIGGERS });
    expect(code).toBe(0);
    expect(taken()).toEqual(['a', 'c', 'd', 'b']);
  });

  it('is sent by a later run where --once has waited long enough', async () => {
    ses.answer(() => BROKEN);
    const { code, stdout } = await runWatcher(database, ses.endpoint, [], { TRIGGERS });
    expect(code).toBe(0);
    expect(stdout).toContain('they stay in the outbox and are sent by a later run');
    const waiting = await outbox(pool);
    expect(waiting.every(({ status, attempts }) => status === 'pending' && attempts >= 1)).toBe(true);
    expect(waiting[0]?.last_error).toContain('InternalFailure');
    ses.answer(() => ({}));
    await pool.query(`UPDATE alerts SET next_attempt_at = now() - interval '1 second'`);
    await runWatcher(database, ses.endpoint, [], { TRIGGERS });
    expect(taken()).toEqual(ISSUES);
  });
});

describe('when SES rejects an alert permanently', () => {
  it('it is marked failed with the error, reported once, and holds up nobody else', async () => {
    ses.answer((request) => (issueOf(request) === 'b' ? REJECTED : {}));
    const watcher = start({ WATCHER_SLEEP_DELAY: '0.3' });
    const alerts = await settled(pool, 4);
    expect(alerts[1]).toMatchObject({
      status: 'failed',
      attempts: 1,
      last_error: expect.stringContaining('MessageRejected: Address blacklisted.'),
      ses_message_id: null,
    });
    expect(taken()).toEqual(['a', 'c', 'd']);
    const three = async () => ((await runs(pool)).length >= 3 ? true : undefined);
    await poll('two more runs', three);
    expect(sends('b')).toHaveLength(1);
    const reported = records(watcher.output()).filter(
      ({ Fields }) => Fields.msg === 'an alert was given up, because sending it again cannot help',
    );
    expect(reported).toHaveLength(1);
  });

  it.each([
    [
      'AWS paused the account',
      'Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.',
      /AWS paused the account's sending; .*MessageRejected: Sending paused/,
    ],
    [
      'the sandbox requires verified recipients',
      'Email address is not verified. The following identities failed the check in region US-EAST-1: oncall@example.com',
      /requires verified recipients: .*MessageRejected: Email address is not verified/,
    ],
  ])('but only because %s, it waits and is sent once that is fixed', async (_, message, advice) => {
    let fixed = false;
    ses.answer(({ action }) => (action === 'SendRawEmail' && !fixed ? { ...REJECTED, message } : {}));
    start();
    const failing = async () => (await outbox(pool)).find(({ last_error }) => last_error !== null);
    const waiting = await poll('an alert that waits', failing);
    expect(waiting).toMatchObject({ status: 'pending', last_error: expect.stringMatching(advice) });
    fixed = true;
    await settled(pool, 4);
    expect(taken().sort()).toEqual(ISSUES);
  });

  it('but only because the sandbox wants them verified, recipients that are not hold up nobody else', async () => {
    await storeEvents(
      pool,
      Array.from({ length: 8 }, (_, index) => errorEvent({ groupId: `more ${index}` })),
    );
    const message =
      'Email address is not verified. The following identities failed the check: bob@example.com';
    ses.answer(({ action, to }) =>
      action === 'SendRawEmail' && to === 'bob@example.com' ? { ...REJECTED, message } : {},
    );
    const both = await triggerFile(`['bob', 'ann'].map((name) => (
      { name, emails: [name + '@example.com'], evaluate: () => ({ notify: true, because: 'it is new' }) }))`);
    start({ TRIGGERS: both });
    // SES has an email before its alert is marked.
    const twelve = async () => {
      const sent = (await outbox(pool)).filter(({ status }) => status === 'sent');
      return sent.length === 12 ? sent : undefined;
    };
    const sent = await poll('all emails to ann', twelve);
    expect(new Set(sent.map(({ email }) => email))).toEqual(new Set(['ann@example.com']));
    expect(ses.taken).toHaveLength(12);
    const pending = (await outbox(pool)).filter(({ status }) => status === 'pending');
    expect(pending.map(({ email }) => email)).toEqual(Array.from({ length: 12 }, () => 'bob@example.com'));
  });

  it('but only because the From address waits for its click, it is sent once that is done', async () => {
    let status: 'Pending' | 'Success' = 'Pending';
    ses.answer(({ action }) => {
      if (action === 'GetIdentityVerificationAttributes') {
        return { result: verification('bec-alerts@example.com', status) };
      }
      return action === 'SendRawEmail' && status === 'Pending' ? REJECTED : {};
    });
    start();
    const reported = async () => {
      const errors = (await outbox(pool)).map(({ last_error }) => last_error);
      return errors.some((error) => error?.includes('bec-alerts@example.com is not verified with SES yet'))
        ? true
        : undefined;
    };
    await poll('an alert that waits for the verification', reported);
    status = 'Success';
    await settled(pool, 4);
    expect(taken().sort()).toEqual(ISSUES);
  });
});

describe('while SES is too busy to say whether the From address is verified', () => {
  it('a rejection is not permanent', async () => {
    let busy = true;
    ses.answer(({ action }) => {
      if (action === 'GetIdentityVerificationAttributes') return THROTTLED;
      return action === 'SendRawEmail' && busy ? REJECTED : {};
    });
    start();
    const failing = async () => (await outbox(pool)).find(({ last_error }) => last_error !== null);
    const rejected = await poll('a rejected alert', failing);
    expect(rejected).toMatchObject({
      status: 'pending',
      last_error: expect.stringContaining('SES did not say whether bec-alerts@example.com is verified'),
    });
    busy = false;
    await settled(pool, 4);
    expect(taken().sort()).toEqual(ISSUES);
  });
});

describe('the send rate', () => {
  it('is the account’s, asked once', async () => {
    ses.answer(({ action }) => (action === 'GetSendQuota' ? quota(500) : {}));
    start({ SES_MAX_SEND_RATE: undefined, WATCHER_SLEEP_DELAY: '0.3' });
    await settled(pool, 4);
    await storeEvents(pool, [errorEvent({ groupId: 'e', message: 'e' })]);
    await settled(pool, 5);
    expect(taken()).toEqual([...ISSUES, 'e']);
    expect(ses.requests.filter(({ action }) => action === 'GetSendQuota')).toHaveLength(1);
  });

  it('is one a second where SES doesn’t say, and the wait for its answer is bounded', async () => {
    ses.answer(({ action }) => (action === 'GetSendQuota' ? 'silence' : {}));
    const watcher = start({ SES_MAX_SEND_RATE: undefined });
    await settled(pool, 4);
    expect(watcher.output()).toContain("asking SES for the account's send rate failed");
    expect(taken()).toEqual(ISSUES);
  });

  it('is kept: the last of four emails leaves three turns after the run, or later', async () => {
    start({ SES_MAX_SEND_RATE: '2' });
    await settled(pool, 4);
    const { rows } = await pool.query<{ turns: number }>(
      `SELECT extract(epoch FROM max(sent_at) - max(finished_at))::float8 * 2 AS turns
       FROM alerts JOIN trigger_runs ON trigger_runs.id = run_id`,
    );
    expect(rows[0]?.turns).toBeGreaterThanOrEqual(3);
  });
});

describe('an email that SES accepted', () => {
  it('is not sent again where its mark fails because the connection to Postgres breaks', async () => {
    let broken = false;
    ses.answer(async (request) => {
      if (issueOf(request) === 'b' && !broken) {
        broken = true;
        await breakConnections();
      }
      return {};
    });
    start({ WATCHER_SLEEP_DELAY: '0.5' });
    await settled(pool, 4);
    expect(taken()).toEqual(ISSUES);
  });

  it('is not sent again by the next process where the connection of a single run breaks', async () => {
    ses.answer(async (request) => {
      if (issueOf(request) === 'b') await breakConnections();
      return {};
    });
    const first = await runWatcher(database, ses.endpoint, [], { TRIGGERS });
    expect(first.code).toBe(1);
    expect((await outbox(pool)).map(({ status }) => status)).toEqual(['sent', 'sent', 'pending', 'pending']);
    const sentAlerts = records(first.stdout).filter(({ Fields }) => Fields.msg === 'alert sent');
    expect(sentAlerts.map(({ Fields }) => Fields.group_id)).toEqual(['a', 'b']);
    expect((await runWatcher(database, ses.endpoint, [], { TRIGGERS })).code).toBe(0);
    expect(taken()).toEqual(ISSUES);
  });

  it('is not sent by another watcher, which takes over when the connection breaks before SES answers', async () => {
    let answer = () => {};
    const others = new Promise<void>((resolve) => {
      answer = resolve;
    });
    ses.answer(async (request) => {
      if (issueOf(request) === 'a') await others;
      return {};
    });
    start({ WATCHER_SLEEP_DELAY: '0.5' });
    await poll('the first email', async () => (sends('a').length > 0 ? true : undefined));
    const second = start({ WATCHER_SLEEP_DELAY: '0.5' });
    await second.printed(/the next run is due|evaluated/);
    await breakConnections();
    await poll('the other emails', async () => (taken().length >= 3 ? true : undefined));
    answer();
    await settled(pool, 4);
    expect(taken().sort()).toEqual(ISSUES);
  });
});
