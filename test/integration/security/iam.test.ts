import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { delivery } from '../../support/bounces.ts';
import { records, runCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import { reject } from '../../support/dead-letters.ts';
import type { FaultyQueue } from '../../support/faulty-queue.ts';
import { startFaultyQueue } from '../../support/faulty-queue.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, sendBodies, takeAll } from '../../support/queue.ts';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

const database = await createDatabase();
let queue: TestQueue;
let gate: FaultyQueue;
/** Each request that was allowed: `ACTION on QUEUE`. */
const used = new Set<string>();

// The name that the policies hold.
beforeAll(async () => {
  queue = await createQueue({ queueName: 'sentry_errors' });
  gate = await startFaultyQueue(queue.endpoint);
});
beforeEach(async () => {
  await emptyTables(database.pool);
  for (const url of [queue.queueUrl, queue.deadLetterQueueUrl]) await takeAll(queue.client, url);
  used.clear();
});

function statementsOf(policy: string): Statement[] {
  const file = new URL(`../../../docs/iam/${policy}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { Statement: Statement[] }).Statement;
}

function grantedBy(statements: readonly Statement[]): Set<string> {
  const granted = statements.flatMap(({ Action, Resource }) =>
    [Resource]
      .flat()
      .flatMap((arn) => [Action].flat().map((action) => `${action} on ${arn.split(':').at(-1)}`)),
  );
  return new Set(granted);
}

/** Lets the queue allow the actions of the statements, and refuse others as AWS does. */
function allowOnly(statements: readonly Statement[]): void {
  const granted = grantedBy(statements);
  gate.fate = (action, name) => {
    const asked = `sqs:${action.replace(/Batch$/, '')} on ${name}`;
    if (!granted.has(asked)) return 'deny';
    used.add(asked);
    return 'pass';
  };
}

/** Runs a command against a queue that allows only the actions of the statements. */
function runWith(statements: readonly Statement[], ...parameters: string[]) {
  allowOnly(statements);
  return runCommand(parameters, {
    ...queue.env,
    SQS_ENDPOINT_URL: gate.endpoint,
    DATABASE_URL: database.url,
  });
}

describe('docs/iam/dead-letters.json', () => {
  const all = statementsOf('dead-letters');

  it('is enough to list without its last two statements, and then refuses to send back', async () => {
    await reject(queue, ['a', 'b']);
    const listing = await runWith(all.slice(0, -2), 'dead_letters');
    expect(listing).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 dead letters in '),
      stderr: '',
    });
    const redrive = await runWith(all.slice(0, -2), 'dead_letters', '--redrive');
    expect(redrive).toMatchObject({ code: 1, stderr: expect.stringContaining('AccessDenied') });
    expect(await takeAll(queue.client, queue.queueUrl)).toEqual([]);
  });

  it('is enough to send back, and grants nothing else', async () => {
    await reject(queue, ['a', 'b']);
    expect(await runWith(all, 'dead_letters')).toMatchObject({ code: 0, stderr: '' });
    expect(await runWith(all, 'dead_letters', '--redrive')).toMatchObject({ code: 0, stderr: '' });
    expect(await takeAll(queue.client, queue.queueUrl)).toHaveLength(2);
    expect([...used].sort()).toEqual([...grantedBy(all)].sort());
  });
});

describe('docs/iam/watcher.json', () => {
  it('is enough to read SES’s events, and grants nothing else of SQS', async () => {
    const events = await createQueue({ queueName: 'ses_events' });
    await sendBodies(events.client, events.queueUrl, [delivery('a')]);
    const granted = [...grantedBy(statementsOf('watcher'))].filter((one) => one.startsWith('sqs:'));
    allowOnly(statementsOf('watcher'));
    const { code, stdout, stderr } = await runCommand(['watcher', '--once', '--console-alerts'], {
      ...queue.env,
      SQS_ENDPOINT_URL: gate.endpoint,
      SES_EVENTS_QUEUE_NAME: 'ses_events',
      DATABASE_URL: database.url,
      ALERT_EMAILS: 'oncall@example.com',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(records(stdout).filter(({ Severity }) => Number(Severity) < 6)).toEqual([]);
    expect(await takeAll(events.client, events.queueUrl)).toEqual([]);
    expect([...used].sort()).toEqual(granted.sort());
  });
});

describe('docs/iam/status.json', () => {
  it('is enough, and grants nothing else', async () => {
    const all = statementsOf('status');
    const { stdout } = await runWith(all, 'status');
    expect(stdout).toMatch(/^queue +0 waiting, 0 in flight\ndead letters +0$/m);
    expect([...used].sort()).toEqual([...grantedBy(all)].sort());
  });
});
