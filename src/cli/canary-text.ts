import type { CanaryState } from '../db/canaries.ts';
import { number } from '../domain/estimate.ts';
import { oneLine, plural } from '../domain/text.ts';
import type { QueuesStatus } from '../queue/depth.ts';
import { duration } from './duration.ts';

/** A canary is usually counted within seconds, and at most a poll of the queue later. */
const OVERDUE_SECONDS = 300;
const MAX_REASON = 200;

/** The row of a table. */
export function canaryRow(state: CanaryState | null): string {
  if (state === null) return 'off';
  const { counted, waiting } = state;
  if (waiting !== null && (isOverdue(waiting) || counted === null)) {
    const what = waiting.refused === null ? 'not counted yet' : 'Sentry did not accept it';
    return `${what}, ${duration(waiting.ageSeconds)} after it was sent`;
  }
  if (counted === null) return 'none sent yet';
  return `counted ${duration(counted.delaySeconds)} after it was sent, ${duration(counted.ageSeconds)} ago`;
}

/** @returns a sentence that says which part of the way is suspect; null if there is no problem */
export function canaryProblem(
  state: CanaryState | null,
  queues: QueuesStatus | { readonly error: string },
): string | null {
  return problemOf(state, () => queueText(queues));
}

/** The same for those who can't see the queue. */
export function canaryHealth(state: CanaryState | null): string | null {
  return problemOf(state, () => '`bec-alerts status` says which part of the way is suspect');
}

function problemOf(state: CanaryState | null, suspect: () => string): string | null {
  const waiting = state?.waiting ?? null;
  if (waiting !== null && isOverdue(waiting)) {
    const late = `a canary is not counted ${duration(waiting.ageSeconds)} after it was sent`;
    if (waiting.refused === null) return `${late}: ${suspect()}`;
    return `${late}: it did not reach Sentry (check SIMULATE_SENTRY_DSN): ${oneLine(waiting.refused, MAX_REASON)}`;
  }
  const refused = state?.counted?.emailRefused ?? null;
  if (refused === null) return null;
  return `the last canary is counted, but SES did not accept its email: ${oneLine(refused, MAX_REASON)}`;
}

function isOverdue({ ageSeconds }: { readonly ageSeconds: number }): boolean {
  return ageSeconds > OVERDUE_SECONDS;
}

function queueText(queues: QueuesStatus | { readonly error: string }): string {
  if ('error' in queues) return 'Sentry accepted it, and the queue could not be read';
  const { queue, deadLetters } = queues;
  const inQueue = queue === null ? 0 : queue.waiting + queue.inFlight + queue.delayed;
  if (inQueue > 0) {
    const messages = plural(inQueue, 'message', number(inQueue));
    return `Sentry accepted it, and the queue has ${messages}, so it may be one of them; are processors running, and can they store events?`;
  }
  const letters = deadLetters === null ? 0 : deadLetters.waiting + deadLetters.inFlight;
  const rejected =
    letters > 0 ? ', or the processor rejected it: `bec-alerts dead_letters` lists the dead letters' : '';
  return `Sentry accepted it, and the queue is empty; check whether the project of SIMULATE_SENTRY_DSN forwards its errors to this queue${rejected}`;
}
