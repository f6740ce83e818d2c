import { readFileSync } from 'node:fs';
import { poll } from '../../dev/poll.ts';
import type { Pool } from '../../src/db/pool.ts';
import type { Environment, RunningCommand } from './command.ts';
import { records, startCommand } from './command.ts';
import type { TestDatabase } from './database.ts';
import type { FaultyQueue } from './faulty-queue.ts';
import type { TestQueue } from './queue.ts';
import { depth } from './queue.ts';

/** Thousands of events, on a machine that is busy with other tests. */
const DRAIN_SECONDS = 600;

/**
 * Starts `bec-alerts processor` with one worker on a test's queue and database. Workers aren't replaced after 200 messages,
 * as by default: starting a worker costs as much as 1,000 events.
 * @param main another version's command line
 */
export function startProcessor(
  queue: TestQueue,
  database: TestDatabase,
  env: Environment = {},
  main?: string,
): RunningCommand {
  const variables = {
    ...queue.env,
    DATABASE_URL: database.url,
    PROCESSOR_PROCESS_COUNT: '1',
    PROCESSOR_WORKER_MESSAGE_COUNT: '2000',
    PROCESSOR_SLEEP_DELAY: '1',
    LOG_FORMAT: 'mozlog',
    LOG_LEVEL: 'DEBUG',
    ...env,
  };
  return startCommand(['processor'], variables, undefined, main);
}

/** The same with two workers, for a test of what workers do side by side. */
export function startTwoWorkers(
  queue: TestQueue,
  database: TestDatabase,
  env: Environment = {},
): RunningCommand {
  return startProcessor(queue, database, { PROCESSOR_PROCESS_COUNT: '2', ...env });
}

/** Waits until the queue holds nothing, visible or in flight. */
export async function drained(queue: TestQueue): Promise<void> {
  const empty = async () => {
    const { visible, inFlight } = await depth(queue.client, queue.queueUrl);
    return visible + inFlight === 0 ? true : undefined;
  };
  await poll('the queue to be empty', empty, { seconds: DRAIN_SECONDS });
}

/**
 * Ids of messages that a worker read and neither deleted nor released. A poll is given up a quarter of a second after
 * a signal. Messages that SQS answers later reach no worker, and come back after their visibility timeout.
 */
export function unfinished(way: FaultyQueue, processor: RunningCommand): string[] {
  const read = new Set(records(processor.output()).map(({ Fields }) => Fields.message_id));
  return [...way.receipts.values()].filter((id) => read.has(id));
}

/** Events over all buckets; exact while each bucket holds no more than 160. */
export async function countedEvents(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ events: number }>(
    'SELECT coalesce(sum(hll_cardinality(event_set)), 0)::int AS events FROM issue_buckets',
  );
  return rows[0]?.events ?? 0;
}

/** The processes that a processor, or any process, has forked. */
export function workerPids(parent: number): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** An orphan that has ended stays a zombie where the machine's first process reaps none, as in many containers. */
export function alive(pid: number): boolean {
  try {
    const [, state = ''] = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return !['Z', 'X'].includes(state);
  } catch {
    return false;
  }
}
