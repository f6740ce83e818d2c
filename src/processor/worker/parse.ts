import type { ErrorEvent } from '../../domain/event.ts';
import { parseEvent } from '../../domain/event.ts';
import type { ObjectLocation } from '../../domain/pointer.ts';
import { parsePointer } from '../../domain/pointer.ts';
import type { Tag } from '../../domain/tags.ts';
import type { Objects } from '../../queue/objects.ts';
import type { QueueMessage } from '../../queue/queue.ts';
import { FETCH_TIMEOUT_MILLISECONDS } from '../timeouts.ts';
import type { Rejected, RetryLater } from './fate.ts';

/** A message with the event that it carries. */
export interface ParsedMessage {
  readonly message: QueueMessage;
  readonly event: ErrorEvent;
}

export interface ParsedRound {
  readonly parsed: readonly ParsedMessage[];
  /** The fates of messages that can't be events, and of those whose event couldn't be fetched. */
  readonly fates: readonly (Rejected | RetryLater)[];
}

/**
 * S3 objects in memory at the same time. An object may have 8 MiB, although the message that points to it has 200
 * bytes.
 */
const FETCHES = 4;

interface PointerMessage {
  readonly message: QueueMessage;
  readonly location: ObjectLocation;
}

/** Parses messages into events. If a message only points to its event in S3, the event is fetched. */
export async function parse(
  messages: readonly QueueMessage[],
  objects: Objects,
  tags: readonly Tag[],
  fetchMilliseconds = FETCH_TIMEOUT_MILLISECONDS,
): Promise<ParsedRound> {
  const parsed: ParsedMessage[] = [];
  const fates: (Rejected | RetryLater)[] = [];
  const pointers: PointerMessage[] = [];
  const parseBody = (message: QueueMessage, body: string) => {
    const result = parseEvent(body, message.sentAt, tags);
    if ('event' in result) parsed.push({ message, event: result.event });
    else fates.push({ outcome: 'rejected', message, rejection: result.rejection });
  };

  for (const message of messages) {
    const pointer = parsePointer(message.body);
    if (pointer === null) parseBody(message, message.body);
    else if ('location' in pointer) pointers.push({ message, location: pointer.location });
    else fates.push({ outcome: 'rejected', message, rejection: pointer.rejection });
  }
  if (pointers.length === 0) return { parsed, fates };

  const signal = AbortSignal.timeout(fetchMilliseconds);
  const follow = async ({ message, location }: PointerMessage) => {
    try {
      const fetched = await objects.fetch(location, signal);
      if ('body' in fetched) parseBody(message, fetched.body);
      else fates.push({ outcome: 'rejected', message, rejection: fetched.rejection });
    } catch (error) {
      fates.push({ outcome: 'retry-later', message, error, visible: 'after-timeout' });
    }
  };
  // A stalled object delays only the objects of its own lane.
  const lane = async () => {
    for (let next = pointers.shift(); next !== undefined; next = pointers.shift()) await follow(next);
  };
  await Promise.all(Array.from({ length: FETCHES }, lane));
  return { parsed, fates };
}
