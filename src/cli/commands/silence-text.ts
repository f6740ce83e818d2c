import { shellWord, silenceCommand } from '../../domain/shell.ts';
import type { Silence } from '../../domain/silence.ts';
import { scopeOf, usersAffected, usersNow } from '../../domain/silence.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { time } from '../../domain/time.ts';
import type { EndOutcome, SilenceOutcome, SilenceRequest } from '../../watcher/silences/silence-issue.ts';
import { wrapped } from '../columns.ts';
import { duration } from '../duration.ts';

export const MAX_ID = 100;
const MAX_TITLE = 200;
const LABEL = '  triggers  '.length;

type Silenced = Extract<SilenceOutcome, { outcome: 'silenced' }>;

/** The confirmation: the issue, until when it is silenced, by whose decision, and how to end it. */
export function silencedText(request: SilenceRequest, done: Silenced, columns: number): string {
  const { issue, until, now, users, others } = done;
  const id = oneLine(issue.groupId, MAX_ID);
  const rows: [string, string][] = [
    ['triggers', request.trigger === null ? 'all' : oneLine(request.trigger, MAX_ID)],
    ['until', until === null ? untilUsers(request, users) : untilTime(until, now)],
    ['by', request.by],
    ['because', request.because],
  ];
  const only = request.trigger === null ? '' : ` --trigger ${shellWord(request.trigger)}`;
  const title = oneLine(issue.message, MAX_TITLE) || '(no text)';
  const lines = [
    wrapped(`Issue ${id} is silenced: ${title}`, columns),
    ...rows.map(([label, text]) => `  ${label}`.padEnd(LABEL) + wrapped(text, columns - LABEL, LABEL)),
  ];
  if (others > 0) {
    lines.push(`${plural(others, 'earlier silence')} of this issue also ${others === 1 ? 'holds' : 'hold'}.`);
  }
  lines.push(
    'The first run after the end evaluates the issue again. To end the silence now:',
    `  ${silenceCommand(issue.groupId, `--end${only}`)}`,
  );
  return `${lines.join('\n')}\n`;
}

function untilUsers({ end }: SilenceRequest, users: number): string {
  return 'usersOver' in end ? `${usersAffected(end.usersOver)} (now ${usersNow(users)})` : '';
}

function untilTime(until: Date, now: Date): string {
  return `${time(until)} (${timeLeft(until, now)})`;
}

/** `in 8 h` */
export function timeLeft(until: Date, now: Date): string {
  return `in ${duration(Math.max(0, (until.getTime() - now.getTime()) / 1_000))}`;
}

type Ended = Extract<EndOutcome, { outcome: 'ended' }>;

export function endedText(groupId: string, { ended, others }: Ended): string {
  const lines = [
    `Ended ${plural(ended, 'silence')} of issue ${oneLine(groupId, MAX_ID)}. The next run evaluates the issue again.`,
  ];
  if (others.length > 0) lines.push(`Other silences of it still hold, for ${scopes(others)}.`);
  return `${lines.join('\n')}\n`;
}

/** The message if there is nothing to end. */
export function noneHolds(groupId: string, trigger: string | null, others: readonly Silence[]): string {
  const only = trigger === null ? '' : ` for trigger ${oneLine(trigger, MAX_ID)}`;
  const none = `no silence of issue ${oneLine(groupId, MAX_ID)}${only} holds`;
  return others.length === 0 ? none : `${none}; others hold, for ${scopes(others)}`;
}

function scopes(silences: readonly Silence[]): string {
  return [...new Set(silences.map(scopeOf))].join(', ');
}
