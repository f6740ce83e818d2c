/**
 * A list that its readers can't change, with a new copy of each date for each reader. All triggers share the answers that
 * a run gives, and a date can't be frozen.
 */
export function frozen<T extends object>(list: readonly T[]): readonly T[] {
  return Object.freeze(list.map((one) => Object.freeze(withOwnDates(one))));
}

function withOwnDates<T extends object>(one: T): T {
  for (const [name, value] of Object.entries(one)) {
    if (value instanceof Date) {
      Object.defineProperty(one, name, { enumerable: true, get: () => new Date(value) });
    }
  }
  return one;
}
