import { beforeEach, describe, expect, it } from 'vitest';
import { poll } from '../../dev/poll.ts';
import { clearEmails, storedEmails } from '../../dev/services.ts';
import type { Pool } from '../../src/db/pool.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { countedEvents } from '../support/processor.ts';
import { takeAll } from '../support/queue.ts';
import type { TestSystem } from '../support/system.ts';
import { createSystem } from '../support/system.ts';

let system: TestSystem;
// All of it for each test: a queue's last poller is handed the next message even when it is gone.
beforeEach(async () => {
  system = await createSystem();
  await clearEmails(system.ses.endpoint);
});

async function simulate(...options: string[]): Promise<void> {
  const { code, stderr } = await runCommand(['simulate_error', ...options], system.env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

/** Runs a processor until that many events are counted. */
async function count(events: number): Promise<void> {
  const processor = startCommand(['processor', '--process-count', '1'], system.env);
  const enough = async () => ((await countedEvents(system.database.pool)) === events ? true : undefined);
  await poll(`${events} events to be counted`, enough);
  processor.child.kill('SIGTERM');
  expect(await processor.finished).toMatchObject({ code: 0 });
}

async function watch(...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(['watcher', '--once', ...options], system.env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Every row of every table, so that any difference shows. */
async function rows(pool: Pool): Promise<Record<string, unknown>> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  const content: Record<string, unknown> = {};
  for (const { name } of tables) {
    const { rows: found } = await pool.query(`SELECT each::text AS row FROM ${name} AS each ORDER BY 1`);
    content[name] = found;
  }
  return content;
}

describe('an error', () => {
  it('sent by simulate_error becomes an email with its message and stack', async () => {
    await simulate('--message', 'bec-alerts-healthcheck: is anybody there?');
    await count(1);
    expect(await watch()).toContain('evaluated 1 issue with 2 triggers: 1 alert');
    const emails = await storedEmails(system.ses.endpoint);
    expect(emails).toMatchObject([
      {
        from: 'bec-alerts@example.com',
        to: ['oncall@example.com'],
        subject:
          'SimulatedError: bec-alerts-healthcheck: is anybody there? · Healthcheck [Firefox Browser Errors]',
      },
    ]);
    const text = emails[0]?.text ?? '';
    expect(text).toContain('SimulatedError: bec-alerts-healthcheck: is anybody there?');
    expect(text).toContain('its text contains bec-alerts-healthcheck');
    expect(text).toMatch(/crash site first:\n\s+at throwDeeply\(simulate\.ts:\d+:\d+\)\n/);
    expect(text).toMatch(/at raised\(simulate\.ts:\d+:\d+\)/);
  });

  it('is notified of once: a second run has nothing to evaluate', async () => {
    await simulate('--message', 'bec-alerts-healthcheck: once');
    await count(1);
    await watch();
    expect(await watch()).toContain('evaluated 0 issues with 2 triggers: 0 alerts');
    expect(await storedEmails(system.ses.endpoint)).toHaveLength(1);
  });

  it('sent without a traceback is notified of without a stack', async () => {
    await simulate('--message', 'bec-alerts-healthcheck: no stack', '--no-traceback');
    await count(1);
    await watch();
    const [email] = await storedEmails(system.ses.endpoint);
    expect(email?.subject).toBe('bec-alerts-healthcheck: no stack · Healthcheck [Firefox Browser Errors]');
    expect(email?.text).not.toContain('throwDeeply');
    expect(email?.text).toMatch(/crash site first:\n\s+none recorded/);
  });

  it('with another message is another issue, so that the healthcheck is found despite earlier errors', async () => {
    await simulate('--message', 'something else');
    await simulate('--message', 'bec-alerts-healthcheck: after something else');
    await count(2);
    expect(await watch()).toContain('evaluated 2 issues with 2 triggers: 1 alert');
    const [email] = await storedEmails(system.ses.endpoint);
    expect(email?.subject).toContain('bec-alerts-healthcheck: after something else');
  });

  it('leaves neither a message nor a dead letter behind', async () => {
    await simulate();
    await count(1);
    const { client, queueUrl, deadLetterQueueUrl } = system.queue;
    expect(await takeAll(client, queueUrl)).toEqual([]);
    expect(await takeAll(client, deadLetterQueueUrl)).toEqual([]);
  });
});

describe('a dry run', () => {
  it('says how many issues it evaluated, prints the alerts, mails nothing and leaves no row behind', async () => {
    await simulate('--message', 'bec-alerts-healthcheck: only a rehearsal');
    await count(1);
    const before = await rows(system.database.pool);
    const printed = await watch('--console-alerts', '--dry-run');
    expect(printed).toMatch(
      /^To: oncall@example\.com\nSubject: .*only a rehearsal · Healthcheck .*\n\n {4}SimulatedError/m,
    );
    expect(printed).toMatch(/evaluated 1 issue with 2 triggers: 1 alert .*dry_run=true/);
    expect(await rows(system.database.pool)).toEqual(before);
    expect(await storedEmails(system.ses.endpoint)).toEqual([]);
  });

  it('leaves everything to the run that follows', async () => {
    await simulate('--message', 'bec-alerts-healthcheck: now for real');
    await count(1);
    await watch('--dry-run');
    expect(await watch()).toContain('evaluated 1 issue with 2 triggers: 1 alert');
    expect(await storedEmails(system.ses.endpoint)).toHaveLength(1);
  });
});

it('--console-alerts prints its alerts, records them as sent, and mails nothing', async () => {
  await simulate('--message', 'bec-alerts-healthcheck: on paper');
  await count(1);
  expect(await watch('--console-alerts')).toMatch(/^Subject: .* · Healthcheck \[Firefox Browser Errors\]$/m);
  expect(await storedEmails(system.ses.endpoint)).toEqual([]);
  expect(await watch()).toContain('evaluated 0 issues');
  const { rows: alerts } = await system.database.pool.query('SELECT status FROM alerts');
  expect(alerts).toEqual([{ status: 'sent' }]);
});
