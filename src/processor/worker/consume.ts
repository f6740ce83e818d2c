import { checkStore } from '../../db/events.ts';
import type { Db } from '../../db/pool.ts';
import { countRowUpdates } from '../../db/row-updates.ts';
import type { ErrorEvent } from '../../domain/event.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Objects } from '../../queue/objects.ts';
import type { Queue, QueueMessage } from '../../queue/queue.ts';
import { backoff, pause } from '../../runtime/loop.ts';
import type { VersionsReading } from '../protocol.ts';
import type { AcknowledgeEvents } from './acknowledge.ts';
import { acknowledge } from './acknowledge.ts';
import type { Fate } from './fate.ts';
import { isRejected, isRetryLater, isStored } from './fate.ts';
import { watchVersions } from './kept-versions.ts';
import { createLifetime } from './lifetime.ts';
import { parse } from './parse.ts';
import type { ReceiveOptions } from './passes.ts';
import { createPasses } from './passes.ts';
import { createReceiver } from './receive.ts';
import { store } from './store.ts';

/** Called by the loop. */
export interface ConsumeEvents extends AcknowledgeEvents {
  /** Postgres can store, and polling begins: at the start, and after an outage. */
  polling(): void;
  /** The loop ends soon, because the worker has reached its message count. */
  retiring(): void;
  /** A turn of the loop has ended, with or without success. */
  turned(): void;
  /** A message was parsed into an event. */
  parsed(message: QueueMessage, event: ErrorEvent): void;
  /** A batch is committed, and its messages are deleted next. */
  stored(batch: StoredBatch): void;
  /** The statistics of updates were read. */
  looked(reading: VersionsReading): void;
  /** They could not be read. Storing goes on. */
  lookFailed(error: unknown): void;
}

export interface StoredBatch {
  readonly events: number;
  /** Number of messages that go to the dead-letter queue, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** From the start of parsing to the commit. */
  readonly durationMilliseconds: number;
  /** From the oldest message's entry into the queue to the commit. */
  readonly lagMilliseconds: number;
}

export interface ConsumeDependencies {
  readonly db: Db;
  readonly queue: Queue;
  readonly objects: Objects;
  /** Which tags of events are kept. */
  readonly tags: readonly Tag[];
}

export interface ConsumeOptions extends ReceiveOptions {
  /**
   * Number of messages after which the worker retires. The last round can exceed it, because a receive returns several,
   * and a round can have several passes.
   */
  readonly messageCount: number;
  /** How long the worker rests between batches while Postgres keeps old versions of rows. */
  readonly restMilliseconds: number;
  /** The last reading of another worker. */
  readonly versions: VersionsReading | null;
}

const FIRST_RETRY_MILLISECONDS = 200;
const LONGEST_RETRY_MILLISECONDS = 5_000;

/**
 * Runs the worker's loop: receive, parse, store, acknowledge. While one round is stored, the next one is received and
 * the previous one acknowledged. Returns once the message count is reached or the signal has fired, and the messages in
 * hand are finished.
 */
export async function consume(
  dependencies: ConsumeDependencies,
  options: ConsumeOptions,
  events: ConsumeEvents,
  signal: AbortSignal,
): Promise<void> {
  const { db, queue } = dependencies;
  const lifetime = createLifetime(options.messageCount, () => events.retiring());
  const versions = watchVersions(options.versions, () => countRowUpdates(db), {
    read: events.looked,
    failed: events.lookFailed,
  });
  const rest = () => (versions.areKept() ? options.restMilliseconds : 0);
  const receiver = createReceiver(createPasses(queue, options, lifetime), lifetime, rest, signal);
  let acknowledging = Promise.resolve();
  let failures = 0;
  // A worker that can't store must not receive. After each failure Postgres must first answer that it can store.
  let canStore = false;
  let toRelease: readonly QueueMessage[] = [];
  while (canStore || !signal.aborted) {
    try {
      if (!canStore) {
        await checkStore(db);
        await versions.look();
        canStore = true;
        events.polling();
      }
      const round = await receiver.next();
      if (round === null) break;
      if (round.length > 0) {
        toRelease = round;
        const fates = await parseAndStore(dependencies, round, events);
        const unstored = fates.filter(isRetryLater);
        toRelease = unstored.filter(({ visible }) => visible === 'at-once').map(({ message }) => message);
        const previous = acknowledging;
        acknowledging = acknowledge(queue, fates, events);
        await previous;
        if (unstored[0] !== undefined) throw unstored[0].error;
        if (fates.some(isStored)) failures = 0;
        await versions.look();
      }
    } catch (error) {
      canStore = false;
      failures += 1;
      events.failed(error, 'the worker failed and tries again; no event is lost');
      const unparsed = await receiver.cancel().catch((failure: unknown) => {
        events.failed(failure, 'receiving messages failed too; no event is lost');
        return [];
      });
      await release(queue, [...toRelease, ...unparsed], events);
      toRelease = [];
      await pause(backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS), signal);
    }
    events.turned();
  }
  await acknowledging;
}

/** @returns the fate of every message of the round */
async function parseAndStore(
  { db, objects, tags }: ConsumeDependencies,
  messages: readonly QueueMessage[],
  events: ConsumeEvents,
): Promise<readonly Fate[]> {
  const started = performance.now();
  const { parsed, fates: unparsed } = await parse(messages, objects, tags);
  for (const { message, event } of parsed) events.parsed(message, event);
  const fates = [...unparsed, ...(await store(db, parsed))];
  const committedAt = Date.now();
  const stored = fates.filter(isStored);
  const rejected = countReasons(fates);
  if (stored.length > 0 || Object.keys(rejected).length > 0)
    events.stored({
      events: stored.length,
      rejected,
      durationMilliseconds: performance.now() - started,
      lagMilliseconds: Math.max(0, ...stored.map(({ message }) => committedAt - message.sentAt.getTime())),
    });
  return fates;
}

/**
 * Makes messages visible at once, and not only after their visibility timeout. Each message is released only once.
 * Otherwise, while Postgres is down or can't write, one worker after the other would receive and release it. In the end
 * the redrive policy would move it.
 */
async function release(
  queue: Queue,
  messages: readonly QueueMessage[],
  events: ConsumeEvents,
): Promise<void> {
  const first = messages.filter(({ receiveCount }) => receiveCount === 1);
  await queue.release(first).catch((error: unknown) => {
    events.failed(error, 'releasing messages failed; they are received again after their visibility timeout');
  });
}

function countReasons(fates: readonly Fate[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rejection } of fates.filter(isRejected)) {
    counts[rejection.reason] = (counts[rejection.reason] ?? 0) + 1;
  }
  return counts;
}
