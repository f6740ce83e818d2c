import type { UnsettledSilence } from '../../db/silences.ts';
import { number } from '../../domain/estimate.ts';
import type { Silence } from '../../domain/silence.ts';
import { MAX_SILENCE_AUTHOR, MAX_SILENCE_REASON, usersNow } from '../../domain/silence.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { time } from '../../domain/time.ts';
import type { SilencesNow } from '../../watcher/silences/silences-now.ts';
import { aligned } from '../table.ts';
import { MAX_ID, timeLeft } from './silence-text.ts';

const MAX_TITLE = 40;
const MAX_AUTHOR = 20;
const MAX_REASON = 60;
const MAX_TEXT = 1_000;

/** The silences as a table. `--json` has the whole texts. */
export function silencesTable({ now, silences }: SilencesNow): string {
  if (silences.length === 0) return 'Nothing is silenced.';
  const rows = silences.map((silence) => [
    oneLine(silence.groupId, MAX_ID),
    oneLine(silence.message, MAX_TITLE) || '(no text)',
    silence.trigger === null ? 'all' : oneLine(silence.trigger, MAX_TITLE),
    untilOf(silence, now),
    oneLine(silence.by, MAX_AUTHOR),
    oneLine(silence.because, MAX_REASON),
  ]);
  return aligned([['ISSUE', 'TITLE', 'TRIGGER', 'UNTIL', 'BY', 'BECAUSE'], ...rows]).join('\n');
}

/** `2026-05-06 20:00:00 UTC, in 3 h`, or `500 users, now 120`. */
export function untilOf({ end, users }: Pick<UnsettledSilence, 'end' | 'users'>, now: Date): string {
  if ('until' in end) return `${time(end.until)}, ${timeLeft(end.until, now)}`;
  return `${plural(end.usersOver, 'user', number(end.usersOver))}, now ${usersNow(users ?? 0)}`;
}

export function silencesJson({ silences }: SilencesNow): string {
  const list = silences.map((silence) => ({
    group_id: oneLine(silence.groupId, MAX_TEXT),
    message: oneLine(silence.message, MAX_TEXT),
    ...silenceJson(silence),
    users: silence.users,
  }));
  return JSON.stringify({ silences: list }, null, 2);
}

/** Both ends are always there, so that a script need not ask which one it is first. */
export function silenceJson({ id, trigger, end, because, by, createdAt, endedAt }: Silence) {
  return {
    id,
    trigger: trigger === null ? null : oneLine(trigger, MAX_TEXT),
    until: 'until' in end ? end.until : null,
    until_users: 'usersOver' in end ? end.usersOver : null,
    by: oneLine(by, MAX_SILENCE_AUTHOR),
    because: oneLine(because, MAX_SILENCE_REASON),
    created_at: createdAt,
    ended_at: endedAt,
  };
}
