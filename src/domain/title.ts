import type { ThrownException } from './exception.ts';
import { describeException, isCutOf } from './exception.ts';
import type { JsonRecord } from './json.ts';
import { nonEmptyText } from './json.ts';
import { cleanText } from './privacy.ts';
import { folded, storable } from './text.ts';

/** The title that a person would give an event. */
export interface Title {
  readonly message: string;
  /** The log message of an event with an exception, if it says more; empty otherwise. */
  readonly logMessage: string;
}

/** Sentry's placeholders for events without a title. */
const PLACEHOLDER = /^<[a-z ]{1,40}>$/i;
/** Characters that are read, in UTF-16 units. */
const MAX_READ = 8_000;

/**
 * The exception's own text, whole and on one line. Sentry cuts its title at 100 characters and after the first line. The
 * log message of the same event is a separate text. Without an exception, the title is the log message, Sentry's title
 * or the culprit.
 * @param max of each text, in UTF-16 units
 * @returns null if the event has no text at all
 */
export function readTitle(json: JsonRecord, exception: ThrownException, max: number): Title | null {
  const own = describeException(exception);
  const log = textOf(json.message);
  const title = textOf(json.title);
  const named = title === null || PLACEHOLDER.test(title) ? null : title;
  const shown = (text: string) => storable(cleanText(text), max);
  if (own === null) {
    const message = log ?? named ?? textOf(json.culprit) ?? title;
    return message === null ? null : { message: shown(message), logMessage: '' };
  }
  // If the title comes neither from the exception nor from the log message, somebody has set it.
  const isOwn = named === null || isCutOf(named, own) || (log !== null && isCutOf(named, log));
  const message = isOwn ? own : named;
  const others = [log, own].filter((text) => text !== null && !message.includes(text));
  return { message: shown(message), logMessage: shown(others.join(' — ')) };
}

function textOf(value: unknown): string | null {
  const text = nonEmptyText(value);
  return text === null ? null : folded(text, MAX_READ);
}
