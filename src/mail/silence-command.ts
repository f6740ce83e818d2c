/**
 * The command that silences an issue for a working day, ready to paste into a shell. The id comes from the queue and is
 * untrusted: a shell must read it as one word, whatever it is.
 */
export function silenceCommand(groupId: string): string {
  const options = "--for 8h --because '…'";
  if (/^\w[\w.-]*$/.test(groupId)) return `bec-alerts silence ${groupId} ${options}`;
  // After `--`, an id may begin with a hyphen.
  return `bec-alerts silence ${options} -- '${groupId.replaceAll("'", "'\\''")}'`;
}
