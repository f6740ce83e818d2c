type Value = string | number | readonly number[];

/** Options whose value goes into a question: whole numbers, from the first to the second. */
type Ranges<T> = { readonly [K in keyof T]?: readonly [least: number, most: number] };

/**
 * A factory's options with its defaults. A trigger file may be JavaScript, where a misspelt option would be ignored.
 * @param factory its name, for errors
 * @throws TypeError if an option is unknown, or is not what the default is: text, a number, or a list of numbers
 * @throws RangeError if a number is below 0, or is not a whole number in its range
 */
export function withDefaults<T extends Readonly<Record<string, Value>>>(
  factory: string,
  options: Partial<T>,
  defaults: T,
  ranges: Ranges<T> = {},
): T {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) {
    const known = defaults[key];
    if (known === undefined) {
      throw new TypeError(`${factory} has no option ${key}; it has ${Object.keys(defaults).join(', ')}`);
    }
    checkOption(`${factory}: ${key}`, value, known, ranges[key]);
  }
  return { ...defaults, ...Object.fromEntries(given) };
}

function checkOption(
  option: string,
  value: unknown,
  known: Value,
  range: readonly [number, number] | undefined,
): void {
  const expected = kindOf(known);
  if (kindOf(value) !== expected) throw new TypeError(`${option} must be ${expected}`);
  if (range === undefined || typeof value !== 'number') return;
  const [least, most] = range;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${option} must be a whole number from ${least} to ${most}, not ${value}`);
  }
}

function kindOf(value: unknown): 'text' | 'a number of 0 or more' | 'a list of numbers' | 'something else' {
  if (typeof value === 'string') return 'text';
  if (isCount(value)) return 'a number of 0 or more';
  if (Array.isArray(value) && value.length > 0 && value.every(isCount)) return 'a list of numbers';
  return 'something else';
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
