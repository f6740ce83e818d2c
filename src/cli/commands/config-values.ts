import { z } from 'zod';
import { isSet } from '../../config/env.ts';
import type { ConfigMistake } from '../../config/variables.ts';
import { shownUrl } from '../../db/pool.ts';
import { oneLine } from '../../domain/text.ts';
import type { Given } from '../given.ts';
import type { OptionVariables } from '../options.ts';

/** A variable of a command, as it is in effect. */
export interface EffectiveVariable {
  readonly name: string;
  /** The option's name, `environment`, `.env`, `default` or `not set`. */
  readonly from: string;
  /** Without secrets. Null for a variable that is wrong or not set. */
  readonly value: string | null;
  /** As the command gets it, with secrets; undefined if it is wrong or not set. Never printed. */
  readonly read: unknown;
  /** The effect of a variable that is not set, if there is one. */
  readonly otherwise: string | null;
  /** The mistake in its value; null if the value is right. */
  readonly problem: string | null;
}

/** @param mistakes all that the command found, also about several variables together */
export function effectiveVariables(
  shape: Readonly<Record<string, z.ZodType>>,
  given: Given,
  options: readonly OptionVariables[],
  mistakes: readonly ConfigMistake[],
): EffectiveVariable[] {
  return Object.entries(shape).map(([name, type]) => {
    const raw = given.variables[name];
    const set = isSet(name, raw);
    const { data } = type.safeParse(set ? raw : undefined);
    const wrong = mistakes.find(({ variable }) => variable === name);
    const source = set ? given.sourceOf(name) : null;
    return {
      name,
      from: source ?? (data === undefined ? 'not set' : 'default'),
      value:
        data === undefined ? null : inWords(set ? withoutSecrets(name, raw) : defaultInWords(type, data)),
      read: data,
      otherwise: set || data !== undefined ? null : withoutOption(options, name),
      problem: wrong?.problem ?? null,
    };
  });
}

/** As the help of the option says it, if an option sets the variable. */
function withoutOption(options: readonly OptionVariables[], name: string): string | null {
  const found = options.find(({ variable, otherwise }) => variable === name && otherwise !== undefined);
  return found?.otherwise?.replace(/^default:? /, '') ?? null;
}

function inWords(value: string): string {
  return value === '' ? 'empty' : value;
}

/** In the form in which a person sets the variable. */
function defaultInWords(type: z.ZodType, data: unknown): string {
  // Its text, which was read like one that somebody set, such as `1d`.
  if (type instanceof z.ZodPrefault) return String(type.def.defaultValue);
  if (typeof data === 'boolean') return data ? 'True' : 'False';
  if (typeof data === 'object' && data !== null && 'address' in data) return String(data.address);
  return Array.isArray(data) ? data.join(',') : String(data);
}

const LONGEST = 2_000;
const SECRET_NAME = /KEY|SECRET|TOKEN|PASSWORD/;

/** The value without passwords, and without the keys of Sentry DSNs. */
export function withoutSecrets(name: string, value: string): string {
  if (SECRET_NAME.test(name)) return 'set, and hidden';
  if (!URL.canParse(value.trim())) return oneLine(value, LONGEST);
  const url = new URL(value.trim());
  const shown = new URL(shownUrl(url.href));
  // The key of a DSN, or the user of a proxy.
  if (/^https?:$/.test(url.protocol) && url.username !== '') shown.username = '***';
  // A URL is only rewritten if it had a secret: it would turn {groupId} into %7BgroupId%7D.
  return shown.href === url.href ? oneLine(value, LONGEST) : shown.href;
}
