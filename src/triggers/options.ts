type Value = string | number | readonly number[];

/**
 * A factory's options with its defaults. A trigger file may be JavaScript, where a misspelt option would be ignored.
 * @param factory its name, for errors
 * @throws TypeError if an option is unknown, or is not what the default is: text, a positive number, or a list of those
 */
export function withDefaults<T extends Readonly<Record<string, Value>>>(
  factory: string,
  options: Partial<T>,
  defaults: T,
): T {
  for (const [key, value] of Object.entries(options)) {
    const known = defaults[key];
    if (known === undefined) {
      throw new TypeError(`${factory} has no option ${key}; it has ${Object.keys(defaults).join(', ')}`);
    }
    const expected = kindOf(known);
    if (value !== undefined && kindOf(value) !== expected) {
      throw new TypeError(`${factory}: ${key} must be ${expected}`);
    }
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

function kindOf(
  value: unknown,
): 'text' | 'a positive number' | 'a list of positive numbers' | 'something else' {
  if (typeof value === 'string') return 'text';
  if (isPositive(value)) return 'a positive number';
  if (Array.isArray(value) && value.length > 0 && value.every(isPositive))
    return 'a list of positive numbers';
  return 'something else';
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
