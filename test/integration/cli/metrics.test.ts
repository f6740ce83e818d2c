import { readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { records, runCommand, runInOwnProcess, startCommand } from '../../support/command.ts';
import { createDatabase, emptyTables } from '../../support/database.ts';
import type { Agent } from '../../support/dogstatsd.ts';
import { startAgent } from '../../support/dogstatsd.ts';
import { forwarded } from '../../support/events.ts';
import { startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import type { SesReply } from '../../support/ses.ts';
import { BROKEN, REJECTED, startSesStandIn, THROTTLED } from '../../support/ses.ts';
import { runWatcher, triggerFile } from '../../support/watcher.ts';

const database = await createDatabase();
const { pool } = database;
let agent: Agent;
beforeEach(async () => {
  await emptyTables(pool);
  agent = await startAgent();
});

const sum = (name: string) => agent.of(name).reduce((total, { value }) => total + value, 0);

const watcherEnv = () => ({
  ...agent.env,
  AWS_DEFAULT_REGION: 'us-east-1',
  DATABASE_URL: database.url,
  ALERT_EMAILS: 'oncall@example.com',
});
const watch = (env: Record<string, string> = {}) =>
  runCommand(['watcher', '--once', '--console-alerts'], { ...watcherEnv(), ...env });

async function addHealthcheckIssue(): Promise<void> {
  await pool.query(`
    INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
    VALUES ('g1', '7', 'bec-alerts-healthcheck', 'x', '[]', now(), now(), pg_current_xact_id())`);
}

describe('the processor’s metrics', () => {
  it('arrive at the agent, dead letters with their reason', async () => {
    const queue = await createQueue();
    const bodies = Array.from({ length: 5 }, () => JSON.stringify(forwarded()));
    await sendBodies(queue.client, queue.queueUrl, [
      ...bodies,
      '{',
      JSON.stringify(forwarded({ groupID: null })),
    ]);
    const processor = startProcessor(queue, database, { ...agent.env, PROCESSOR_PROCESS_COUNT: '2' });
    await agent.received('bec-alerts.processor.lag');
    await processor.printed(/invalid_json[\s\S]*missing_group_id|missing_group_id[\s\S]*invalid_json/);
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);

    expect(sum('bec-alerts.processor.events')).toBe(5);
    const rejected = agent.of('bec-alerts.processor.rejected');
    expect(rejected.map(({ value, type, tags }) => ({ value, type, tags }))).toEqual(
      expect.arrayContaining([
        { value: 1, type: 'c', tags: ['reason:invalid_json'] },
        { value: 1, type: 'c', tags: ['reason:missing_group_id'] },
      ]),
    );
    expect(rejected).toHaveLength(2);
    for (const name of ['bec-alerts.processor.batch.duration', 'bec-alerts.processor.lag']) {
      const [first] = agent.of(name);
      expect(first?.type).toBe('d');
      expect(first?.value).toBeGreaterThanOrEqual(0);
      expect(first?.value).toBeLessThan(60_000);
    }
    const workers = agent.of('bec-alerts.processor.workers');
    expect(new Set(workers.map(({ type }) => type))).toEqual(new Set(['g']));
    expect(Math.max(...workers.map(({ value }) => value))).toBe(2);
    expect(agent.of('bec-alerts.processor.workers.wanted')[0]).toMatchObject({ type: 'g', value: 2 });
    // The last packet leaves before the process does.
    expect(workers.at(-1)?.value).toBe(0);
  });

  it('carry the tags of the environment', async () => {
    const queue = await createQueue();
    startProcessor(queue, database, {
      ...agent.env,
      DD_ENV: 'stage',
      DD_SERVICE: 'bec',
      DD_TAGS: 'team:web',
    });
    const { tags } = await agent.received('bec-alerts.processor.workers');
    expect(tags).toEqual(['env:stage', 'service:bec', 'team:web']);
  });
});

describe('the watcher’s metrics', () => {
  it('count a finished run, its alerts and its time', async () => {
    await addHealthcheckIssue();
    expect((await watch()).code).toBe(0);
    expect([...new Set(agent.metrics.map(({ name, type }) => `${name} ${type}`))].sort()).toEqual([
      'bec-alerts.watcher.alerts c',
      'bec-alerts.watcher.health c',
      'bec-alerts.watcher.pending.seconds g',
      'bec-alerts.watcher.run.duration d',
      'bec-alerts.watcher.triggers.left_out g',
    ]);
    expect(sum('bec-alerts.watcher.health')).toBe(1);
    expect(sum('bec-alerts.watcher.alerts')).toBe(1);
  });

  it('count health under another name', async () => {
    expect((await watch({ DATADOG_COUNTER_NAME: 'our.health' })).code).toBe(0);
    expect(sum('our.health')).toBe(1);
    expect(agent.of('bec-alerts.watcher.health')).toEqual([]);
  });

  it('count no health for a dry run', async () => {
    await runCommand(['watcher', '--once', '--dry-run', '--console-alerts'], watcherEnv());
    expect(agent.metrics).toEqual([]);
  });

  it('count an error and no health for a run that fails', async () => {
    await pool.query('ALTER TABLE trigger_runs ADD CONSTRAINT refuse CHECK (issue_count < 0)');
    try {
      startCommand(['watcher', '--console-alerts'], watcherEnv());
      const { value, type, tags } = await agent.received('bec-alerts.watcher.errors');
      expect({ value, type, tags }).toEqual({ value: 1, type: 'c', tags: ['what:run'] });
      expect(agent.of('bec-alerts.watcher.health')).toEqual([]);
    } finally {
      await pool.query('ALTER TABLE trigger_runs DROP CONSTRAINT refuse');
    }
  });
});

describe('the watcher’s errors', () => {
  it('count evaluations that threw and alerts that were given up, each by its name', async () => {
    await addHealthcheckIssue();
    const ses = await startSesStandIn();
    ses.answer(() => REJECTED);
    const TRIGGERS = await triggerFile(`[
      { name: 'Throws', emails: ['ann@example.com'], evaluate: () => { throw new Error('boom') } },
      { name: 'Notifies', emails: ['ann@example.com', 'bob@example.com'],
        evaluate: () => ({ notify: true, because: 'it is new' }) },
    ]`);
    await runWatcher(database, ses.endpoint, [], { ...agent.env, TRIGGERS });
    const errors = agent.of('bec-alerts.watcher.errors').map(({ value, tags }) => `${tags} ${value}`);
    expect(errors.sort()).toEqual(['what:alert 1', 'what:alert 1', 'what:judgement 1']);
  });

  it('count each attempt at an email that SES doesn’t accept', async () => {
    await addHealthcheckIssue();
    const ses = await startSesStandIn();
    const replies: SesReply[] = [BROKEN, THROTTLED];
    ses.answer(({ action }) => (action === 'SendRawEmail' ? (replies.shift() ?? {}) : {}));
    const { code } = await runWatcher(database, ses.endpoint, [], agent.env);
    expect(code).toBe(0);
    expect(ses.taken).toHaveLength(1);
    const errors = agent.of('bec-alerts.watcher.errors').map(({ value, tags }) => `${tags} ${value}`);
    expect(errors).toEqual(['what:attempt 1', 'what:attempt 1']);
  });
});

describe('the agent’s address', () => {
  it.each([
    ['DD_AGENT_HOST', (port = '') => ({ DD_AGENT_HOST: '[::1]', DD_DOGSTATSD_PORT: port })],
    [
      'DD_DOGSTATSD_URL',
      (port = '') => ({ DD_DOGSTATSD_URL: `udp://[::1]:${port}`, DD_AGENT_HOST: 'other' }),
    ],
  ])('may be an IPv6 address in brackets in %s', async (_, variables) => {
    const ipv6 = await startAgent('::1');
    const { code } = await watch({ DD_DOGSTATSD_PORT: '', ...variables(ipv6.env.DD_DOGSTATSD_PORT) });
    expect(code).toBe(0);
    expect(await ipv6.received('bec-alerts.watcher.health')).toMatchObject({ value: 1 });
  });

  it('is refused at the start where it is a Unix socket', async () => {
    const { code, stdout, stderr } = await watch({
      DD_DOGSTATSD_URL: 'unix:///var/run/datadog/dsd.socket',
      DD_DOGSTATSD_SOCKET: '/var/run/datadog/dsd.socket',
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /DD_DOGSTATSD_URL +names a Unix socket[\s\S]*DD_DOGSTATSD_SOCKET +names a Unix socket/,
    );
  });

  it('is named in one warning if no metric can be sent there', async () => {
    // The look-up of the name may fail after the command has ended.
    const env = { ...watcherEnv(), DD_AGENT_HOST: 'agent.invalid' };
    const { code, stdout } = await runInOwnProcess(['watcher', '--once', '--console-alerts'], env);
    expect(code).toBe(0);
    const warnings = records(stdout).filter(({ Severity }) => Severity === 4);
    expect(warnings.map(({ Fields }) => [Fields.msg, Fields.host])).toEqual([
      ['sending metrics to DogStatsD failed', 'agent.invalid'],
    ]);
  });
});

describe('the documentation of the metrics', () => {
  it('names each metric that is sent, with its type and what it counts', () => {
    const root = new URL('../../../src/', import.meta.url);
    const source = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(file, root), 'utf8'))
      .join('\n');
    const sent = new Set(
      [...source.matchAll(/'(bec-alerts\.(?:watcher|processor)\.[a-z._]+)'/g)].map(([, name]) => name),
    );
    sent.add('bec-alerts.watcher.health');
    const documented = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    expect(sent.size).toBeGreaterThanOrEqual(9);
    for (const name of sent) {
      const row = documented.split('\n').find((line) => line.startsWith(`| \`${name}\`<br>`));
      expect(
        row?.split('|').filter((cell) => cell.trim() !== ''),
        `${name} in docs/operations.md`,
      ).toHaveLength(3);
    }
  });
});
