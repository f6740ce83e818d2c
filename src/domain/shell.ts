/** A word as a shell reads it, so that a printed command can be pasted whatever an event's id contains. */
export function shellWord(word: string): string {
  return /^[\w.,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `bec-alerts silence ISSUE OPTIONS`, ready to paste. The id comes from the queue: it may even look like an option. */
export function silenceCommand(groupId: string, options: string): string {
  const id = shellWord(groupId);
  return groupId.startsWith('-')
    ? `bec-alerts silence ${options} -- ${id}`
    : `bec-alerts silence ${id} ${options}`;
}
