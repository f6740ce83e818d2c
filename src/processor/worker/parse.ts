import type { ErrorEvent, Rejection } from '../../domain/event.ts';
import { parseEvent } from '../../domain/event.ts';
import type { ObjectLocation } from '../../domain/pointer.ts';
import { parsePointer } from '../../domain/pointer.ts';
import type { Objects } from '../../queue/objects.ts';
import type { DatabaseRejection, QueueMessage } from '../../queue/queue.ts';
import { FETCH_TIMEOUT_MILLISECONDS } from '../protocol.ts';

export interface ReadMessage {
  readonly message: QueueMessage;
  readonly event: ErrorEvent;
}

export interface RejectedMessage {
  readonly message: QueueMessage;
  readonly rejection: Rejection | DatabaseRejection;
}

/** A message that stays on the queue, as its event couldn't be fetched or stored yet. */
export interface LeftMessage {
  readonly message: QueueMessage;
  readonly error: unknown;
}

export interface ReadRound {
  readonly read: readonly ReadMessage[];
  readonly rejected: readonly RejectedMessage[];
  readonly unread: readonly LeftMessage[];
}

/** Objects in memory at a time: each may be 8 MiB, where a message that points to it is 200 bytes. */
const FETCHES = 4;

/** Turns messages into events, fetching those that a message only points to. */
export async function read(
  messages: readonly QueueMessage[],
  objects: Objects,
  fetchMilliseconds = FETCH_TIMEOUT_MILLISECONDS,
): Promise<ReadRound> {
  const round = {
    read: [] as ReadMessage[],
    rejected: [] as RejectedMessage[],
    unread: [] as LeftMessage[],
  };
  const pointers: { message: QueueMessage; location: ObjectLocation }[] = [];
  const take = (message: QueueMessage, body: string) => {
    const parsed = parseEvent(body, message.sentAt);
    if ('event' in parsed) round.read.push({ message, event: parsed.event });
    else round.rejected.push({ message, rejection: parsed.rejection });
  };

  for (const message of messages) {
    const pointer = parsePointer(message.body);
    if (pointer === null) take(message, message.body);
    else if ('location' in pointer) pointers.push({ message, location: pointer.location });
    else round.rejected.push({ message, rejection: pointer.rejection });
  }
  if (pointers.length === 0) return round;
  const signal = AbortSignal.timeout(fetchMilliseconds);
  const follow = async ({ message, location }: (typeof pointers)[number]) => {
    try {
      const fetched = await objects.fetch(location, signal);
      if ('body' in fetched) take(message, fetched.body);
      else round.rejected.push({ message, rejection: fetched.rejection });
    } catch (error) {
      round.unread.push({ message, error });
    }
  };
  // One that stalls holds up none but itself.
  const lane = async () => {
    for (let next = pointers.shift(); next !== undefined; next = pointers.shift()) await follow(next);
  };
  await Promise.all(Array.from({ length: FETCHES }, lane));
  return round;
}
