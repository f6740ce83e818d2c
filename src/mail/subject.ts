import { cut } from './format.ts';

/** Longest subject, in UTF-16 units. Mail programs show no more, and every relay accepts it. */
const MAX_SUBJECT = 200;
/** So much of the error is always shown, however long the names of the trigger and the prefix are. */
const MIN_ERROR = 80;

/** The subject as it leaves: one line, no control characters, 200 at most. */
export function subjectLine(subject: string): string {
  return cut(subject, MAX_SUBJECT) || '(no subject)';
}

/**
 * `TypeError: x is undefined · New top crasher [Firefox Browser Errors]`. A lock screen shows about 40 characters, so the
 * error comes first. A long error is cut, so that the trigger and the prefix stay for filters. There are no counts in it,
 * because a thread keeps the subject of its first email.
 */
export function alertSubject(message: string, trigger: string, prefix: string): string {
  return withRest(message, ` · ${trigger}`, prefix);
}

/** `4 alerts: Spike, Regression [Firefox Browser Errors]`. */
export function digestSubject(alerts: string, triggers: readonly string[], prefix: string): string {
  return withRest(`${alerts}: ${triggers.join(', ')}`, '', prefix);
}

function withRest(first: string, rest: string, prefix: string): string {
  const end = prefix === '' ? rest : `${rest} ${prefix}`;
  return subjectLine(`${cut(first, Math.max(MIN_ERROR, MAX_SUBJECT - end.length))}${end}`);
}
