/** A list that its readers can't change. All triggers share the answers that a run gives. */
export function frozen<T extends object>(list: readonly T[]): readonly T[] {
  return Object.freeze(list.map((one) => Object.freeze(one)));
}
