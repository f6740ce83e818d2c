import { z } from 'zod';

// Kinds of values: each takes a variable's text and, where it is wrong, completes the sentence that the name begins.

const REQUIRED = 'is required, and not set';

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

/** Seconds; fractions are allowed, so that a test needn't wait. */
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
  const problem = `must be a number a second from ${least} to ${most}`;
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

export function url(protocols: readonly string[], what: string) {
  const problem = `must be ${what}`;
  return z
    .string({ error: REQUIRED })
    .trim()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: problem,
      // What is asked of it beside that would only say so twice.
      abort: true,
    });
}
