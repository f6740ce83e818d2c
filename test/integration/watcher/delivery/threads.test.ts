import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { markSent } from '../../../../src/db/outbox.ts';
import { createDatabase, emptyTables } from '../../../support/database.ts';
import { errorEvent } from '../../../support/events.ts';
import { runHere } from '../../../support/run.ts';
import type { SesRequest, SesStandIn } from '../../../support/ses.ts';
import { BROKEN, REJECTED, startSesStandIn } from '../../../support/ses.ts';
import { outbox, runWatcher, settled, startWatcher, triggerFile } from '../../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
let ses: SesStandIn;

beforeEach(async () => {
  await emptyTables(pool);
  ses = await startSesStandIn();
});

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';

const notifying = (name: string, emails: readonly string[]) =>
  `{ name: '${name}', emails: ${JSON.stringify(emails)}, evaluate: () => ({ notify: true, because: 'always' }) }`;

const happens = (groupId: string) =>
  storeEvents(pool, [errorEvent({ groupId, message: `issue ${groupId}` })]);

async function run(TRIGGERS: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const finished = await runWatcher(database, ses.endpoint, ['--once'], { TRIGGERS, ...env });
  expect(finished).toMatchObject({ code: 0, stderr: '' });
}

/** The parts of an email by which mail programs build threads. */
function threading({ subject, email }: SesRequest) {
  const ids = (text: string | undefined) => text?.split(' ') ?? [];
  return {
    subject,
    id: email?.messageId ?? '',
    references: ids(email?.references),
    inReplyTo: email?.inReplyTo,
  };
}

const sentTo = (recipient: string) => ses.taken.filter(({ to }) => to === recipient).map(threading);

describe('the emails about one issue to one recipient', () => {
  it.each([
    ['us-west-2', 'us-west-2.amazonses.com'],
    ['us-east-1', 'email.amazonses.com'],
  ])('are one thread over triggers and runs in %s, with the subject of the first', async (region, domain) => {
    const env = { AWS_DEFAULT_REGION: region };
    const file = await triggerFile(`[${notifying('First', [ANN, BOB])}, ${notifying('Second', [ANN])}]`);
    await happens('a');
    await run(file, env);
    await happens('a');
    await run(file, env);
    const [first, ...more] = sentTo(ANN);
    expect(more).toHaveLength(3);
    expect(first).toMatchObject({
      subject: 'issue a · First [Firefox Browser Errors]',
      inReplyTo: undefined,
    });
    expect(first?.references).toEqual([expect.stringMatching(/^<thread\.[0-9a-f-]{36}@example\.com>$/)]);
    const ids = (await outbox(pool)).map(({ ses_message_id }) => ses_message_id);
    const bySes = `<${ids[0]}@${domain}>`;
    for (const email of more) {
      expect(email.subject).toBe(first?.subject);
      expect(email.references).toEqual([first?.references[0], first?.id, bySes]);
      expect(email.inReplyTo).toBe(bySes);
    }
    expect(new Set([first, ...more].map((email) => email?.id)).size).toBe(4);
  });

  it('share no thread with those to another recipient, or about another issue', async () => {
    const file = await triggerFile(`[${notifying('First', [ANN, BOB])}]`);
    await happens('a');
    await happens('b');
    await run(file);
    const threads = ses.taken.map((request) => threading(request).references.join());
    expect(new Set(threads).size).toBe(4);
  });

  it('don’t begin a thread with an email that several alerts share, but with the first single email', async () => {
    const file = await triggerFile(`[${notifying('First', [ANN])}]`);
    await happens('a');
    await run(file, { ALERT_DIGEST: 'run' });
    await happens('a');
    await run(file);
    const [digest, own] = sentTo(ANN);
    expect(digest).toMatchObject({ references: [], inReplyTo: undefined });
    expect(own?.references).toEqual([expect.stringContaining('thread.')]);
    expect(own?.inReplyTo).toBeUndefined();
  });

  it('begin a thread with the first that SES accepts', async () => {
    const file = await triggerFile(`[${notifying('First', [ANN])}, ${notifying('Second', [ANN])}]`);
    await happens('a');
    ses.answer(({ subject }) => (subject.includes('First') ? REJECTED : {}));
    await run(file);
    expect(sentTo(ANN)).toMatchObject([{ subject: expect.stringContaining('Second'), inReplyTo: undefined }]);
    expect((await outbox(pool)).map(({ status }) => status)).toEqual(['failed', 'sent']);
  });
});

describe('a delivery during a run', () => {
  it('marks the email as sent while the run holds what it wrote, and neither fails the other', async () => {
    const file = await triggerFile(`[${notifying('First', [ANN])}]`);
    await happens('a');
    ses.answer(() => BROKEN);
    await runWatcher(database, ses.endpoint, ['--once'], { TRIGGERS: file });
    await happens('a');
    const { rows } = await pool.query<{ id: string }>("SELECT id FROM alerts WHERE status = 'pending'");
    const marked: string[] = [];
    await runHere(
      pool,
      [{ name: 'Second', emails: [ANN], evaluate: () => ({ notify: true, because: 'so' }) }],
      {
        inspect: async () => {
          // The run has recorded its notification of the same pair, and is not committed yet.
          await markSent(
            pool,
            rows.map(({ id }) => id),
            'ses-1',
            'the subject',
          );
          marked.push(...rows.map(({ id }) => id));
        },
      },
    );
    expect(marked).toHaveLength(1);
    expect((await outbox(pool)).map(({ status }) => status)).toEqual(['sent', 'pending']);
  });

  it('lets a run notify of a pair whose email was marked after the run’s snapshot', async () => {
    const file = await triggerFile(`[${notifying('First', [ANN])}]`);
    await happens('a');
    ses.answer(() => BROKEN);
    await runWatcher(database, ses.endpoint, ['--once'], { TRIGGERS: file });
    await happens('a');
    await runHere(pool, [
      {
        name: 'Second',
        emails: [ANN],
        evaluate: async () => {
          const { rows } = await pool.query<{ id: string }>("SELECT id FROM alerts WHERE status = 'pending'");
          await markSent(
            pool,
            rows.map(({ id }) => id),
            'ses-1',
            'the subject',
          );
          return { notify: true, because: 'so' };
        },
      },
    ]);
    expect((await outbox(pool)).map(({ status }) => status)).toEqual(['sent', 'pending']);
  });
});

describe('the Message-ID of an email', () => {
  it('is the same in each attempt', async () => {
    await happens('a');
    const answers = [BROKEN, 'hang up'] as const;
    let attempt = 0;
    ses.answer(({ action }) => (action === 'SendRawEmail' ? (answers[attempt++] ?? {}) : {}));
    startWatcher(database, ses.endpoint, [], {
      TRIGGERS: await triggerFile(`[${notifying('First', [ANN])}]`),
    });
    await settled(pool, 1);
    const emails = ses.requests.filter(({ action }) => action === 'SendRawEmail').map(threading);
    expect(emails).toHaveLength(3);
    expect(new Set(emails.map(({ id }) => id)).size).toBe(1);
    expect(new Set(emails.map(({ references }) => references.join())).size).toBe(1);
  });
});

describe('an alert from before an update', () => {
  it('that is sent again has a Message-ID of its own, the same in each attempt', async () => {
    await happens('a');
    await happens('b');
    ses.answer(({ action }) => (action === 'SendRawEmail' ? REJECTED : {}));
    const file = await triggerFile(`[${notifying('First', [ANN])}]`);
    await run(file);
    await pool.query("UPDATE alerts SET message_id = NULL, status = 'pending', next_attempt_at = now()");
    ses.answer(() => ({}));
    await run(file);
    const ids = sentTo(ANN).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^<[0-9a-f-]{36}@example\.com>$/);
  });
});

describe('the sender', () => {
  it('has the name of SES_FROM_EMAIL, encoded, and its address is the identity that SES checks', async () => {
    await happens('a');
    await run(await triggerFile(`[${notifying('First', [ANN])}]`), {
      SES_FROM_EMAIL: 'Störungen, Firefox <alerts@mail.example.com>',
    });
    const [request] = ses.taken;
    expect(request?.email?.from).toEqual({ name: 'Störungen, Firefox', address: 'alerts@mail.example.com' });
    expect(request?.fields.get('Source')).toBe('alerts@mail.example.com');
    expect(request?.raw).toMatch(/^From: =\?UTF-8\?Q\?[\x21-\x7e]*\?= <alerts@mail\.example\.com>\r$/m);
  });
});
