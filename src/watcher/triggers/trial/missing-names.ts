import { closest } from '../spelling.ts';

/** Names that JavaScript itself looks for. */
const LOOKED_FOR = ['then', 'toJSON'];

/**
 * Returns a copy of the object that notes each read of a name that the object doesn't have. For example
 * `context.count` is undefined, and the error that follows doesn't name `counts`. Reads are only noted, because a
 * trigger may ask whether a newer version's name is there. The prototype notes them, so that the copy can be spread and
 * cloned as the object itself.
 */
export function notingMissing<T extends object>(object: T, missing: Set<string>): T {
  const prototype = new Proxy(Object.prototype, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !(name in target) && !LOOKED_FOR.includes(name)) missing.add(name);
      return Reflect.get(target, name, receiver);
    },
  });
  return Object.create(prototype, Object.getOwnPropertyDescriptors(object));
}

/** `; context has counts, top; did you mean counts?` of the name read last; nothing where no name was missing. */
export function missingHint(what: string, object: object, missing: ReadonlySet<string>): string {
  const name = [...missing].at(-1);
  if (name === undefined) return '';
  const known = Object.keys(object);
  const meant = closest(name, known);
  return `; ${what} has ${known.join(', ')}${meant === null ? '' : `; did you mean ${meant}?`}`;
}
