import { z } from 'zod';

// Each function returns the schema of one kind of value. Its error message is the rest of a sentence that begins with
// the variable's name.

const REQUIRED = 'is required but not set';

export function text(problem = REQUIRED) {
  return z.string({ error: problem }).trim().min(1, problem);
}

export function wholeNumber(least: number, most: number) {
  const problem = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .trim()
    .regex(/^\d{1,9}$/, problem)
    .transform(Number)
    .pipe(z.number().min(least, problem).max(most, problem));
}

/** Seconds. Fractions are allowed, so that tests don't have to wait for whole seconds. */
export function seconds(least: number, most: number) {
  const problem = `must be a number of seconds from ${least} to ${most}`;
  return z
    .string()
    .trim()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, problem)
    .transform(Number)
    .pipe(z.number().min(least, problem).max(most, problem));
}

export function perSecond(least: number, most: number) {
  const problem = `must be a number per second from ${least} to ${most}`;
  return z
    .string()
    .trim()
    .regex(/^\d{1,6}(\.\d{1,3})?$/, problem)
    .transform(Number)
    .pipe(z.number().min(least, problem).max(most, problem));
}

export function flag() {
  return z.stringbool({
    truthy: ['true', '1', 'yes', 'on'],
    falsy: ['false', '0', 'no', 'off'],
    case: 'insensitive',
    error: 'must be one of True, False, 1, 0, yes, no, on, off',
  });
}

export function choice<const T extends readonly [string, ...string[]]>(
  values: T,
  fold: (value: string) => string,
) {
  return z
    .string()
    .trim()
    .transform(fold)
    .pipe(z.enum(values, { error: `must be one of ${values.join(', ')}` }));
}

/** @param description completes `must be …` */
export function url(protocols: readonly string[], description: string) {
  const problem = `must be ${description}`;
  return z
    .string({ error: REQUIRED })
    .trim()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: problem,
      // Further checks would only report the same mistake again.
      abort: true,
    });
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A whole number with a unit, such as `8h`. The result is in milliseconds. @param least, most such texts too */
export function duration(least: string, most: string) {
  const problem = `must be a whole number with m, h, d or w, such as 8h, from ${least} to ${most}`;
  return z
    .string()
    .trim()
    .transform(milliseconds)
    .refine((value) => value >= milliseconds(least) && value <= milliseconds(most), problem);
}

/** Not a number for any other text. */
function milliseconds(value: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([mhdw])$/.exec(value) ?? [];
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

export const httpUrl = url(['http:', 'https:'], 'an http:// or https:// URL');

/** Whether a part of a URL decodes: each `%` in it begins the code of a byte, and the bytes are UTF-8. */
export function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/**
 * A check of several variables together. It also runs if other variables are wrong, so that every mistake is reported at
 * once. An invalid variable is reported by its own check.
 */
export function checkTogether<S>(
  check: (settings: S, report: (variable: string, problem: string) => void) => void,
) {
  return z.superRefine<S>(
    (settings, context) =>
      check(settings, (variable, message) => context.addIssue({ code: 'custom', path: [variable], message })),
    { when: () => true },
  );
}
