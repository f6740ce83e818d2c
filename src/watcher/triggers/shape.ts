import { distinctEmails } from '../../domain/email.ts';
import { isRecord } from '../../domain/json.ts';
import { oneLine } from '../../domain/text.ts';
import type { Trigger } from '../../domain/trigger.ts';
import { closest } from './spelling.ts';

export const MAX_NAME = 100;

type IsEmail = (text: string) => boolean;
/** The mistakes of a value, each as it continues after the value's name: ` must be text`, `[0] must be text`. */
type Check = (value: unknown, isEmail: IsEmail) => readonly string[];

function mustBe(expected: string, is: (value: unknown) => boolean): Check {
  return (value) => {
    if (is(value)) return [];
    return [value === undefined ? ' is missing' : ` must be ${expected}`];
  };
}

function optional(check: Check): Check {
  return (value, isEmail) => (value === undefined ? [] : check(value, isEmail));
}

const isText = mustBe('text', (value) => typeof value === 'string');
const isList = mustBe('an array of email addresses', Array.isArray);
const isFunction = mustBe('a function', (value) => typeof value === 'function');

const name: Check = (value, isEmail) => {
  if (typeof value !== 'string') return isText(value, isEmail);
  if (value !== '' && oneLine(value, MAX_NAME) === value) return [];
  return [` must be 1 to ${MAX_NAME} characters on one line, without space at its ends or double space`];
};

const email: Check = (value, isEmail) => {
  if (typeof value !== 'string') return isText(value, isEmail);
  if (isEmail(value)) return [];
  return [` must be an ASCII email address, not ${JSON.stringify(oneLine(value, 80))}`];
};

const emails: Check = (value, isEmail) => {
  if (!Array.isArray(value)) return isList(value, isEmail);
  const mistakes = value.flatMap((one: unknown, index) =>
    email(one, isEmail).map((mistake) => `[${index}]${mistake}`),
  );
  if (mistakes.length > 0) return mistakes;
  return distinctEmails(value).length === value.length ? [] : [' must name each address once'];
};

const CHECKS: Readonly<Record<keyof Trigger, Check>> = {
  name,
  emails,
  enabled: optional(mustBe('true or false', (value) => typeof value === 'boolean')),
  subject: optional(isFunction),
  template: optional(isText),
  evaluate: isFunction,
};

/**
 * The mistakes of a trigger's values. Checked by hand: the process of the triggers checks them at each start, and
 * loading zod takes 18 MB and 0.1 s of CPU.
 */
export function shapeMistakes(candidate: unknown, isEmail: IsEmail): string[] {
  if (!isRecord(candidate)) return [candidate === undefined ? 'is missing' : 'must be an object: a trigger'];
  return Object.entries(CHECKS).flatMap(([key, check]) =>
    check(candidate[key], isEmail).map((mistake) => key + mistake),
  );
}

/** A key that no trigger has is a slip of the pen: `enable: false` would leave the trigger enabled. */
export function unknownKeyMistakes(candidate: unknown): string[] {
  // Instances of a class may have any further property.
  if (!isRecord(candidate) || Object.getPrototypeOf(candidate) !== Object.prototype) return [];
  const known = Object.keys(CHECKS);
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
