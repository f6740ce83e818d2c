import { storeEvents } from '../db/events.ts';
import type { Db } from '../db/pool.ts';
import { checkDatabase } from '../db/pool.ts';
import type { ErrorEvent, Rejection } from '../domain/event.ts';
import { parseEvent } from '../domain/event.ts';
import type { DatabaseRejection, Queue, QueueMessage } from '../queue/queue.ts';
import { hasCode, messageOf } from '../runtime/errors.ts';
import { backoff, pause } from '../runtime/loop.ts';

/** What the loop tells of itself. */
export interface ConsumeEvents {
  /** The database answers and polling begins; also after an outage. */
  polling(): void;
  /** The last batch before retirement has begun. */
  retiring(): void;
  stored(batch: StoredBatch): void;
  rejected(message: QueueMessage, rejection: Rejection | DatabaseRejection): void;
  /** Something failed and is tried again; nothing is lost by it. */
  failed(error: unknown, message: string): void;
}

export interface StoredBatch {
  readonly events: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly durationMilliseconds: number;
  readonly lagMilliseconds: number;
}

export interface ConsumeOptions {
  /** Seconds that a poll of an empty queue takes: long polling up to `maxWaitSeconds`, the rest slept. */
  readonly sleepDelaySeconds: number;
  /** Longest long poll: 20 is SQS's limit, and the read timeout must outlast it. */
  readonly maxWaitSeconds: number;
  /** After so many messages it returns. */
  readonly messageCount: number;
}

const FIRST_RETRY_MILLISECONDS = 200;
const LONGEST_RETRY_MILLISECONDS = 5_000;

/**
 * The worker's loop: receive, parse, store, acknowledge, in that order. Returns when the message count is
 * reached or the signal fires; a batch in hand is finished first.
 */
export async function consume(
  db: Db,
  queue: Queue,
  options: ConsumeOptions,
  events: ConsumeEvents,
  signal: AbortSignal,
): Promise<void> {
  let received = 0;
  let failures = 0;
  // A worker that can't store doesn't receive: the database must have answered since the last failure.
  let canStore = false;
  while (!signal.aborted && received < options.messageCount) {
    try {
      if (!canStore) {
        await checkDatabase(db);
        canStore = true;
        events.polling();
      }
      const messages = await poll(queue, options, signal);
      received += messages.length;
      if (received >= options.messageCount) events.retiring();
      if (messages.length > 0) await handleBatch(db, queue, messages, events);
      failures = 0;
    } catch (error) {
      canStore = false;
      failures += 1;
      events.failed(error, 'the worker failed and tries again; its messages came back to the queue');
      await pause(backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS), signal);
    }
  }
}

async function poll(queue: Queue, options: ConsumeOptions, signal: AbortSignal): Promise<QueueMessage[]> {
  const wait = Math.floor(Math.min(options.sleepDelaySeconds, options.maxWaitSeconds));
  const messages = await queue.receive(wait, signal);
  if (messages.length === 0) await pause((options.sleepDelaySeconds - wait) * 1_000, signal);
  return messages;
}

interface ParsedBatch {
  readonly good: { message: QueueMessage; event: ErrorEvent }[];
  readonly bad: { message: QueueMessage; rejection: Rejection | DatabaseRejection }[];
}

async function handleBatch(
  db: Db,
  queue: Queue,
  messages: readonly QueueMessage[],
  events: ConsumeEvents,
): Promise<void> {
  const started = performance.now();
  try {
    const { good, bad } = parseBatch(messages);
    bad.push(...(await store(db, good)));
    const committedAt = Date.now();
    for (const { message, rejection } of bad) {
      await queue.deadLetter(message, rejection);
      events.rejected(message, rejection);
    }
    await queue.delete(messages);
    events.stored({
      events: messages.length - bad.length,
      rejected: countReasons(bad.map(({ rejection }) => rejection.reason)),
      durationMilliseconds: performance.now() - started,
      lagMilliseconds: Math.max(...messages.map(({ sentAt }) => committedAt - sentAt.getTime())),
    });
  } catch (error) {
    // Back at once rather than after the visibility timeout. Where that fails too, the timeout does it.
    await queue.release(messages).catch((failure: unknown) => {
      events.failed(failure, 'releasing a batch failed; it comes back after its visibility timeout');
    });
    throw error;
  }
}

function parseBatch(messages: readonly QueueMessage[]): ParsedBatch {
  const batch: ParsedBatch = { good: [], bad: [] };
  for (const message of messages) {
    const parsed = parseEvent(message.body, message.sentAt);
    if ('event' in parsed) batch.good.push({ message, event: parsed.event });
    else batch.bad.push({ message, rejection: parsed.rejection });
  }
  return batch;
}

/**
 * Stores the events, all in one statement. Where Postgres refuses the data, halves are tried apart until the refused
 * message stands alone. @returns what it refused
 */
async function store(db: Db, batch: ParsedBatch['good']): Promise<ParsedBatch['bad']> {
  const [first] = batch;
  if (first === undefined) return [];
  try {
    await storeEvents(
      db,
      batch.map(({ event }) => event),
    );
    return [];
  } catch (error) {
    if (!hasCode(error, 'database_refused')) throw error;
    if (batch.length === 1) {
      return [
        {
          message: first.message,
          rejection: { reason: 'database_refused', detail: messageOf(error).slice(0, 500) },
        },
      ];
    }
    const middle = batch.length >> 1;
    return [...(await store(db, batch.slice(0, middle))), ...(await store(db, batch.slice(middle)))];
  }
}

function countReasons(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
