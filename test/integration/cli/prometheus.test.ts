import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { packageVersion } from '../../../src/cli/version.ts';
import type { RunningCommand } from '../../support/command.ts';
import { servedAt, startCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { startAgent } from '../../support/dogstatsd.ts';
import { forwarded } from '../../support/events.ts';
import type { Family } from '../../support/exposition.ts';
import { parsePage } from '../../support/exposition.ts';
import { startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';

const database = await createDatabase();

async function ask(daemon: RunningCommand, path: string, method = 'GET'): Promise<Response> {
  return await fetch(`${await servedAt(daemon)}${path}`, { method });
}

async function read(daemon: RunningCommand) {
  const families = parsePage(await (await ask(daemon, '/metrics')).text());
  const all = new Map([...families.values()].flatMap(({ samples }) => [...samples]));
  return { families, of: (sample: string) => all.get(sample) };
}

const ours = (families: Map<string, Family>) =>
  [...families]
    .filter(([name]) => name.startsWith('bec_alerts_'))
    .map(([name, { type }]) => `${name} ${type}`);

describe('the processor’s /metrics', () => {
  it('counts each event, rejected message and batch once', async () => {
    const [queue, agent] = await Promise.all([createQueue(), startAgent()]);
    await sendBodies(queue.client, queue.queueUrl, [
      ...Array.from({ length: 25 }, () => JSON.stringify(forwarded())),
      '{',
    ]);
    const processor = startProcessor(queue, database, {
      ...agent.env,
      PORT: '0',
    });
    const page = await poll('all messages on the page', async () => {
      const now = await read(processor);
      const rejected = now.of('bec_alerts_processor_rejected_total{reason="invalid_json"}');
      return now.of('bec_alerts_processor_events_total') === 25 && rejected === 1 ? now : undefined;
    });
    expect(ours(page.families).sort()).toEqual([
      'bec_alerts_build_info gauge',
      'bec_alerts_processor_batch_duration_seconds histogram',
      'bec_alerts_processor_dead_letters gauge',
      'bec_alerts_processor_events_total counter',
      'bec_alerts_processor_lag_seconds histogram',
      'bec_alerts_processor_queue_messages gauge',
      'bec_alerts_processor_rejected_total counter',
      'bec_alerts_processor_workers gauge',
      'bec_alerts_processor_workers_wanted gauge',
    ]);
    expect(page.of('bec_alerts_processor_rejected_total{reason="invalid_date"}')).toBe(0);
    expect(page.of('bec_alerts_processor_workers')).toBeGreaterThanOrEqual(1);
    expect(page.of('bec_alerts_processor_workers_wanted')).toBe(1);
    expect(page.of(`bec_alerts_build_info{version="${packageVersion()}"}`)).toBe(1);
    expect(page.of('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(page.of('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
    for (const state of ['waiting', 'in_flight', 'delayed'])
      expect(page.of(`bec_alerts_processor_queue_messages{state="${state}"}`)).toBeGreaterThanOrEqual(0);
    expect(page.of('bec_alerts_processor_dead_letters')).toBeGreaterThanOrEqual(0);

    // DogStatsD got the same batches.
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);
    const lags = agent.of('bec-alerts.processor.lag');
    const milliseconds = lags.reduce((total, { value }) => total + value, 0);
    expect(page.of('bec_alerts_processor_lag_seconds_count')).toBe(lags.length);
    expect(page.of('bec_alerts_processor_lag_seconds_bucket{le="+Inf"}')).toBe(lags.length);
    expect(page.of('bec_alerts_processor_lag_seconds_sum')).toBeCloseTo(milliseconds / 1_000, 6);
    expect(page.of('bec_alerts_processor_batch_duration_seconds_count')).toBe(lags.length);
  });

  it('leaves out the messages of a queue that doesn’t answer', async () => {
    const queue = await createQueue();
    const processor = startProcessor(queue, database, { PORT: '0' });
    await processor.printed(/serving/);
    await queue.client.send(new DeleteQueueCommand({ QueueUrl: queue.queueUrl }));
    const { families, of } = await read(processor);
    expect(families.get('bec_alerts_processor_queue_messages')?.samples.size).toBe(0);
    expect(of('bec_alerts_processor_dead_letters')).toBe(0);
  });

  it('answers HEAD, and no other path or method', async () => {
    const processor = startProcessor(await createQueue(), database, { PORT: '0' });
    const head = await ask(processor, '/metrics', 'HEAD');
    expect({ status: head.status, type: head.headers.get('content-type') }).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
    expect((await ask(processor, '/metrics/')).status).toBe(404);
    expect((await ask(processor, '/metrics', 'POST')).status).toBe(405);
  });
});

describe('the watcher’s /metrics', () => {
  it('counts a finished run, its alerts and its time', async () => {
    await database.pool.query(`
      INSERT INTO issues (group_id, project_id, message, module, stack_frames, first_seen, last_seen, changed_in)
      VALUES ('g1', '7', 'bec-alerts-healthcheck', 'x', '[]', now(), now(), pg_current_xact_id())`);
    const watcher = startCommand(['watcher', '--console-alerts'], {
      AWS_DEFAULT_REGION: 'us-east-1',
      DATABASE_URL: database.url,
      ALERT_EMAILS: 'oncall@example.com',
      DATADOG_COUNTER_NAME: 'our.health',
      PORT: '0',
    });
    await watcher.printed(/evaluated 1 issue/);
    const { families, of } = await poll('the run on the page', async () => {
      const now = await read(watcher);
      return now.of('bec_alerts_watcher_run_duration_seconds_count') === 1 ? now : undefined;
    });
    expect(ours(families).sort()).toEqual([
      'bec_alerts_build_info gauge',
      'bec_alerts_canary_delay_seconds histogram',
      'bec_alerts_watcher_alerts_pending gauge',
      'bec_alerts_watcher_alerts_total counter',
      'bec_alerts_watcher_errors_total counter',
      'bec_alerts_watcher_health_total counter',
      'bec_alerts_watcher_pending_seconds gauge',
      'bec_alerts_watcher_run_duration_seconds histogram',
      'bec_alerts_watcher_silenced_total counter',
      'bec_alerts_watcher_triggers_left_out gauge',
    ]);
    expect(of('bec_alerts_watcher_health_total')).toBe(1);
    expect(of('bec_alerts_watcher_alerts_total')).toBe(1);
    expect(of('bec_alerts_watcher_silenced_total')).toBe(0);
    expect(of('bec_alerts_watcher_errors_total{what="bounce"}')).toBe(0);
    expect(of('bec_alerts_watcher_alerts_pending')).toBeGreaterThanOrEqual(0);
  });
});
