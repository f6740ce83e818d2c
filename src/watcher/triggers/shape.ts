import { distinctEmails } from '../../domain/email.ts';
import { isRecord } from '../../domain/json.ts';
import { oneLine } from '../../domain/text.ts';
import type { Trigger } from '../../domain/trigger.ts';
import { closest } from './spelling.ts';

export const MAX_NAME = 100;

/** The mistakes of a value, each as it continues after the value's name: ` must be text`, `[0] must be text`. */
type Check = (value: unknown) => readonly string[];

const KEYS: readonly (keyof Trigger)[] = ['name', 'emails', 'enabled', 'subject', 'template', 'evaluate'];

/**
 * The mistakes of a trigger's values. Checked by hand: the process of the triggers checks them at each start, and
 * loading zod takes 18 MB and 0.1 s of CPU.
 */
export function shapeMistakes(candidate: unknown, isEmail: (text: string) => boolean): string[] {
  if (!isRecord(candidate)) return [candidate === undefined ? 'is missing' : 'must be an object: a trigger'];
  const checks = checksOf(isEmail);
  return KEYS.flatMap((key) => checks[key](candidate[key]).map((mistake) => key + mistake));
}

function checksOf(isEmail: (text: string) => boolean): Readonly<Record<keyof Trigger, Check>> {
  return {
    name: nameCheck,
    emails: emailsCheck(isEmail),
    enabled: optional(mustBe('true or false', (value) => typeof value === 'boolean')),
    subject: optional(aFunction),
    template: optional(text),
    evaluate: aFunction,
  };
}

function mustBe(expected: string, is: (value: unknown) => boolean): Check {
  return (value) => {
    if (is(value)) return [];
    return [value === undefined ? ' is missing' : ` must be ${expected}`];
  };
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? [] : check(value));
}

const text = mustBe('text', (value) => typeof value === 'string');
const aFunction = mustBe('a function', (value) => typeof value === 'function');

const nameCheck: Check = (value) => {
  if (typeof value !== 'string') return text(value);
  if (value !== '' && oneLine(value, MAX_NAME) === value) return [];
  return [` must be 1 to ${MAX_NAME} characters on one line, without space at its ends or double space`];
};

function emailsCheck(isEmail: (text: string) => boolean): Check {
  const emailMistakes: Check = (value) => {
    if (typeof value !== 'string') return text(value);
    if (isEmail(value)) return [];
    return [` must be an ASCII email address, not ${JSON.stringify(oneLine(value, 80))}`];
  };
  return (value) => {
    if (!Array.isArray(value)) return mustBe('an array of email addresses', () => false)(value);
    const mistakes = value.flatMap((email: unknown, index) =>
      emailMistakes(email).map((mistake) => `[${index}]${mistake}`),
    );
    if (mistakes.length > 0) return mistakes;
    return distinctEmails(value).length === value.length ? [] : [' must name each address once'];
  };
}

/** A key that no trigger has is a slip of the pen: `enable: false` would leave the trigger enabled. */
export function unknownKeyMistakes(candidate: unknown): string[] {
  // Instances of a class may have any further property.
  if (!isRecord(candidate) || Object.getPrototypeOf(candidate) !== Object.prototype) return [];
  const known: readonly string[] = KEYS;
  return Object.keys(candidate)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = closest(key, known);
      const shown = JSON.stringify(oneLine(key, 80));
      return meant === null
        ? `unknown key ${shown}; a trigger has ${known.join(', ')}`
        : `unknown key ${shown}: is ${meant} meant?`;
    });
}
