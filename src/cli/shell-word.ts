/** A word as a shell reads it, so that a printed command can be pasted whatever an event's id contains. */
export function shellWord(word: string): string {
  return /^[\w.,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
