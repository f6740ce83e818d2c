import { storeEvents } from '../../db/events.ts';
import type { Db } from '../../db/pool.ts';
import { hasCode, messageOf } from '../../runtime/errors.ts';
import { SEARCH_TIMEOUT_MILLISECONDS } from '../timeouts.ts';
import type { Fate, RetryLater } from './fate.ts';
import { isRetryLater } from './fate.ts';
import type { ParsedMessage } from './parse.ts';

type Part = readonly ParsedMessage[];

const MAX_DETAIL = 500;

/**
 * Stores the events, in one statement, or two if some of their issues are new. The data or the row of a single message
 * can make the statement fail. Then the two halves are tried separately, large parts first, until the message is found.
 * Errors that no single message causes, such as a lost connection or a full disk, end this search. Events that aren't
 * stored by then are retried later.
 */
export async function store(
  db: Db,
  batch: Part,
  searchMilliseconds = SEARCH_TIMEOUT_MILLISECONDS,
): Promise<readonly Fate[]> {
  const deadline = performance.now() + searchMilliseconds;
  const fates: Fate[] = [];
  const parts = batch.length === 0 ? [] : [batch];
  let lastError: unknown = null;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (lastError !== null && performance.now() > deadline) {
      fates.push(...retryLater(part, lastError, 'after-timeout'));
      continue;
    }
    try {
      await storeEvents(db, eventsOf(part));
      fates.push(...part.map(({ message }) => ({ outcome: 'stored' as const, message })));
    } catch (error) {
      if (!mayConcernOneMessage(error)) {
        return [...fates, ...retryLater([part, ...parts].flat(), error, 'at-once')];
      }
      lastError = error;
      const middle = part.length >> 1;
      if (middle > 0) parts.push(part.slice(0, middle), part.slice(middle));
      else
        fates.push(
          ...(hasCode(error, 'database_refused')
            ? rejected(part, error)
            : retryLater(part, error, 'after-timeout')),
        );
    }
  }
  // If every message fails, no single message is the cause.
  return fates.every(isRetryLater) ? fates.map((fate) => ({ ...fate, visible: 'at-once' as const })) : fates;
}

function eventsOf(part: Part) {
  return part.map(({ event }) => event);
}

function rejected(part: Part, error: Error): Fate[] {
  const rejection = {
    reason: 'database_refused' as const,
    detail: messageOf(error).slice(0, MAX_DETAIL),
  };
  return part.map(({ message }) => ({ outcome: 'rejected', message, rejection }));
}

function retryLater(part: Part, error: unknown, visible: RetryLater['visible']): RetryLater[] {
  return part.map(({ message }) => ({ outcome: 'retry-later', message, error, visible }));
}

function mayConcernOneMessage(error: unknown): boolean {
  return hasCode(error, 'database_refused') || (hasCode(error, 'database_failed') && error.retryable);
}
