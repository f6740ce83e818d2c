import { checkStore } from '../../db/events.ts';
import type { Db } from '../../db/pool.ts';
import type { ErrorEvent } from '../../domain/event.ts';
import type { Objects } from '../../queue/objects.ts';
import type { Queue, QueueMessage } from '../../queue/queue.ts';
import { backoff, pause } from '../../runtime/loop.ts';
import type { AcknowledgeEvents } from './acknowledge.ts';
import { acknowledge } from './acknowledge.ts';
import type { RejectedMessage } from './parse.ts';
import { read } from './parse.ts';
import type { IntakeOptions } from './receive.ts';
import { createIntake } from './receive.ts';
import type { StoreOutcome } from './store.ts';
import { store } from './store.ts';

/** What the loop tells of itself. */
export interface ConsumeEvents extends AcknowledgeEvents {
  /** The database can store and polling begins; also after an outage. */
  polling(): void;
  /** The loop ends soon, for its message count. */
  retiring(): void;
  /** A turn of the loop has ended, whatever came of it. */
  turned(): void;
  /** A message is an event that can be stored. */
  read(message: QueueMessage, event: ErrorEvent): void;
  /** Committed; its deletion follows. */
  stored(batch: StoredBatch): void;
}

export interface StoredBatch {
  readonly events: number;
  /** Messages that are no events, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** From the first look at the bodies to the commit. */
  readonly durationMilliseconds: number;
  /** From the oldest message's entry into the queue to the commit. */
  readonly lagMilliseconds: number;
}

export interface ConsumeDependencies {
  readonly db: Db;
  readonly queue: Queue;
  readonly objects: Objects;
}

const FIRST_RETRY_MILLISECONDS = 200;
const LONGEST_RETRY_MILLISECONDS = 5_000;

/**
 * The worker's loop: receive, parse, store, acknowledge. The next round is received and the last one acknowledged
 * while this one is stored. Returns when the message count is reached or the signal fires; what is in hand then is
 * finished first.
 */
export async function consume(
  dependencies: ConsumeDependencies,
  options: IntakeOptions,
  events: ConsumeEvents,
  signal: AbortSignal,
): Promise<void> {
  const { db, queue } = dependencies;
  const intake = createIntake(queue, options, () => events.retiring(), signal);
  let acknowledging = Promise.resolve();
  let failures = 0;
  // A worker that can't store doesn't receive: the database must have said that it can since the last failure.
  let canStore = false;
  let inHand: readonly QueueMessage[] = [];
  while (canStore || !signal.aborted) {
    try {
      if (!canStore) {
        await checkStore(db);
        canStore = true;
        events.polling();
      }
      const messages = await intake.next();
      if (messages === null) break;
      if (messages.length > 0) {
        inHand = messages;
        const { good, bad, back, failure } = await storeRound(dependencies, messages, events);
        inHand = back;
        const previous = acknowledging;
        acknowledging = acknowledge(queue, good, bad, events);
        await previous;
        if (failure !== null) throw failure;
        if (good.length > 0) failures = 0;
      }
    } catch (error) {
      canStore = false;
      failures += 1;
      events.failed(error, 'the worker failed and tries again; nothing is lost');
      const unread = await intake.cancel().catch((failure: unknown) => {
        events.failed(failure, 'receiving failed as well; nothing is lost');
        return [];
      });
      await release(queue, [...inHand, ...unread], events);
      inHand = [];
      await pause(backoff(failures, FIRST_RETRY_MILLISECONDS, LONGEST_RETRY_MILLISECONDS), signal);
    }
    events.turned();
  }
  await acknowledging;
}

interface StoredRound {
  readonly good: readonly QueueMessage[];
  readonly bad: readonly RejectedMessage[];
  /** Messages that go back to the queue at once. */
  readonly back: readonly QueueMessage[];
  /** Why a message of the round could not be read or stored; null where all were. */
  readonly failure: unknown;
}

async function storeRound(
  { db, objects }: ConsumeDependencies,
  messages: readonly QueueMessage[],
  events: ConsumeEvents,
): Promise<StoredRound> {
  const started = performance.now();
  const round = await read(messages, objects);
  for (const { message, event } of round.read) events.read(message, event);
  let failure: unknown = null;
  const { refused, unstored } = await store(db, round.read).catch((error: unknown): StoreOutcome => {
    failure = error;
    return { refused: [], unstored: [] };
  });
  const committedAt = Date.now();
  // What can't be an event doesn't wait for Postgres.
  const bad = [...round.rejected, ...refused];
  const left = [...round.unread, ...unstored];
  const unwanted = new Set([...refused, ...left].map(({ message }) => message));
  const stored = round.read.map(({ message }) => message).filter((message) => !unwanted.has(message));
  const [good, back] = failure === null ? [stored, []] : [[], stored];
  if (good.length + bad.length > 0)
    events.stored({
      events: good.length,
      rejected: countReasons(bad),
      durationMilliseconds: performance.now() - started,
      lagMilliseconds: Math.max(0, ...good.map(({ sentAt }) => committedAt - sentAt.getTime())),
    });
  // What is left comes back after its visibility timeout: released, it would be received again at once, and an outage
  // of S3 or a row that somebody holds would soon burn its receive count.
  return { good, bad, back, failure: failure ?? left[0]?.error ?? null };
}

/**
 * Makes messages visible at once rather than after their visibility timeout, each only once: where Postgres is away, or
 * there and can't write, one worker after the other would receive and release them until the redrive policy took them.
 */
async function release(
  queue: Queue,
  messages: readonly QueueMessage[],
  events: ConsumeEvents,
): Promise<void> {
  const first = messages.filter(({ receiveCount }) => receiveCount === 1);
  await queue.release(first).catch((error: unknown) => {
    events.failed(error, 'releasing messages failed; they come back after their visibility timeout');
  });
}

function countReasons(bad: readonly RejectedMessage[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rejection } of bad) counts[rejection.reason] = (counts[rejection.reason] ?? 0) + 1;
  return counts;
}
