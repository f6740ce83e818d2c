import type { Issue } from '../../domain/issue.ts';
import { toWire } from '../../runtime/errors.ts';
import type { Evaluations } from './evaluate.ts';
import type { SentOutcome, SentOutcomes } from './protocol.ts';

/** The outcomes of a page, in the order of its issues. */
export function outcomesOf(
  { notify, declined, failed }: Evaluations,
  issues: readonly Issue[],
): SentOutcome[] {
  const outcomes = new Map<Issue, SentOutcome>();
  for (const { issue, because } of declined) outcomes.set(issue, { verdict: 'decline', because });
  for (const { issue, because, recipients } of notify) {
    outcomes.set(issue, { verdict: 'notify', because, recipientIds: recipients.map(({ id }) => id) });
  }
  for (const { issue, error } of failed) outcomes.set(issue, { verdict: 'failed', error: toWire(error) });
  return issues.flatMap((issue) => outcomes.get(issue) ?? []);
}

/** Packs outcomes for sending: a reason that many issues share is sent once. */
export function packed(outcomes: readonly SentOutcome[]): SentOutcomes {
  const places = new Map<string | undefined, number>();
  const others: SentOutcome[] = [];
  const declined = outcomes.map((outcome) => {
    if (outcome.verdict !== 'decline') {
      others.push(outcome);
      return -1;
    }
    const place = places.get(outcome.because) ?? places.size;
    places.set(outcome.because, place);
    return place;
  });
  return { reasons: [...places.keys()], declined, others };
}

export function unpacked({ reasons, declined, others }: SentOutcomes): SentOutcome[] {
  let next = 0;
  return declined.flatMap((place) => {
    if (place >= 0) return { verdict: 'decline' as const, because: reasons[place] };
    next += 1;
    return others[next - 1] ?? [];
  });
}
