/**
 * Returns a function that recognises the messages of a channel between two of our processes, by their `type`. Code of
 * others, such as a trigger, may send messages over the same channel.
 * @param types all types of the messages
 */
export function messageGuard<T extends { readonly type: string }>(
  types: readonly T['type'][],
): (message: unknown) => message is T {
  const known: ReadonlySet<unknown> = new Set(types);
  return (message): message is T =>
    typeof message === 'object' && message !== null && 'type' in message && known.has(message.type);
}
