import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { storeEvents } from '../../src/db/events.ts';
import { startCommand } from '../support/command.ts';
import type { TestDatabase } from '../support/database.ts';
import { createDatabase } from '../support/database.ts';
import { errorEvent } from '../support/events.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});

function startWatcher(env: Record<string, string> = {}) {
  return startCommand(['watcher'], {
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    DATABASE_URL: database.url,
    ALERT_EMAILS: 'oncall@example.com',
    WATCHER_SLEEP_DELAY: '3600',
    // Set, so that the first thing asked of SES is to send.
    SES_MAX_SEND_RATE: '100',
    LOG_FORMAT: 'compose',
    ...env,
  });
}

/** An SES that holds back its answer until the test releases it. */
async function holdingSes() {
  let arrived = () => {};
  let give = () => {};
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer((request, response) => {
    request.resume();
    give = () =>
      void response
        .writeHead(200, { 'content-type': 'text/xml' })
        .end(
          '<SendRawEmailResponse><SendRawEmailResult><MessageId>held-1</MessageId></SendRawEmailResult></SendRawEmailResponse>',
        );
    request.on('end', arrived);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, asked, answer: () => give() };
}

describe('a watcher', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'that sleeps until the next run ends at %s, exit 0',
    async (name) => {
      await database.pool.query('TRUNCATE trigger_runs, trigger_progress CASCADE');
      const watcher = startWatcher();
      await watcher.printed(/evaluated \d+ issues? with 2 triggers/);
      watcher.child.kill(name);
      expect(await watcher.finished).toMatchObject({
        code: 0,
        signal: null,
        stderr: '',
        stdout: expect.stringContaining('watcher | INFO | stopped'),
      });
    },
  );

  it('that can’t reach the database goes on trying, and ends at SIGTERM, exit 0', async () => {
    const watcher = startWatcher({
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere',
      WATCHER_SLEEP_DELAY: '0.1',
    });
    await watcher.printed(/the run failed(.|\n)*the run failed/);
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, signal: null });
  });

  it('that waits for SES’s answer receives it first: the accepted email is recorded as sent', async () => {
    await database.pool.query('TRUNCATE trigger_runs, trigger_progress CASCADE');
    await storeEvents(database.pool, [errorEvent({ message: 'bec-alerts-healthcheck: hold on' })]);
    const ses = await holdingSes();
    const watcher = startWatcher({ SES_ENDPOINT_URL: ses.endpoint });
    await ses.asked;
    watcher.child.kill('SIGTERM');
    ses.answer();
    expect(await watcher.finished).toMatchObject({ code: 0, signal: null });
    const { rows } = await database.pool.query('SELECT status, ses_message_id FROM alerts');
    expect(rows).toEqual([{ status: 'sent', ses_message_id: 'held-1' }]);
  });

  it('ends at once at the second signal', async () => {
    await database.pool.query('TRUNCATE trigger_runs, trigger_progress CASCADE');
    await storeEvents(database.pool, [errorEvent({ message: 'bec-alerts-healthcheck: never mind' })]);
    const ses = await holdingSes();
    const watcher = startWatcher({ SES_ENDPOINT_URL: ses.endpoint });
    await ses.asked;
    watcher.child.kill('SIGTERM');
    // Twice the same signal can arrive as one: the other kind is another signal, until one ends it.
    const again = setInterval(() => watcher.child.kill('SIGTERM'), 20);
    onTestFinished(() => clearInterval(again));
    expect(await watcher.finished).toMatchObject({ code: null, signal: 'SIGTERM' });
  });
});
