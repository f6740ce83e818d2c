import { margin, number } from './estimate.ts';
import { oneLine, plural } from './text.ts';
import { time } from './time.ts';

/** A person's decision to notify nobody of an issue: until a time, or until a number of users is affected. */
export interface Silence {
  /** Our own key, a decimal string. */
  readonly id: string;
  /** The name of the only trigger that it covers; null for all triggers. */
  readonly trigger: string | null;
  readonly end: SilenceEnd;
  /** Untrusted, as are all texts here. */
  readonly because: string;
  readonly by: string;
  readonly createdAt: Date;
  /** When it was ended by hand, or when a run found that it was over; null before that. */
  readonly endedAt: Date | null;
}

/** `usersOver`: it ends when this many users are affected, counted over all stored days. */
export type SilenceEnd = { readonly until: Date } | { readonly usersOver: number };

/** Longest texts, in UTF-16 units. */
export const MAX_SILENCE_REASON = 500;
export const MAX_SILENCE_AUTHOR = 100;

/** Whether the silence covers the alerts of a trigger. */
export function covers({ trigger }: Silence, name: string): boolean {
  return trigger === null || trigger === name;
}

/** @param users affected users of the issue over all stored days; only needed for a silence that ends by users */
export function holdsAt({ end, endedAt }: Silence, at: Date, users: number | null): boolean {
  if (endedAt !== null) return false;
  return 'until' in end ? end.until > at : (users ?? 0) < end.usersOver;
}

/** The longest of several silences: nobody knows when one by users ends, so it counts as longer than one by time. */
export function longest<T extends Silence>(silences: readonly T[]): T | undefined {
  return silences.toSorted((one, other) => lengthOf(other) - lengthOf(one))[0];
}

/** Only for comparison. No date is as late as the fewest users. */
function lengthOf({ end }: Silence): number {
  return 'until' in end ? end.until.getTime() : Number.MAX_SAFE_INTEGER / 2 + end.usersOver;
}

/** `until 2026-05-06 20:00:00 UTC`, or `until 500 users are affected`. */
export function untilWhen({ end }: Silence): string {
  return `until ${'until' in end ? time(end.until) : usersAffected(end.usersOver)}`;
}

/** `1 user is affected`, `500 users are affected` */
export function usersAffected(users: number): string {
  return `${plural(users, 'user', number(users))} ${users === 1 ? 'is' : 'are'} affected`;
}

/** `120`, or `about 12,345` where it is an estimate. */
export function usersNow(users: number): string {
  return margin(users) === null ? number(users) : `about ${number(users)}`;
}

/** `all triggers`, or `trigger Spike`. */
export function scopeOf({ trigger }: Silence): string {
  return trigger === null ? 'all triggers' : `trigger ${oneLine(trigger, MAX_SILENCE_AUTHOR)}`;
}

/** The person and the reason, on one line: `by ann: the fix is on its way`. */
export function authorAndReason({ by, because }: Silence): string {
  return `by ${oneLine(by, MAX_SILENCE_AUTHOR)}: ${oneLine(because, MAX_SILENCE_REASON)}`;
}
