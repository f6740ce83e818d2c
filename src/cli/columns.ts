import { Help } from 'commander';

const DEFAULT_COLUMNS = 80;

/** Columns that a text may use: those of the terminal, or 80 for a file, a pipe and a terminal of unknown width. */
export function columnsOf({ isTTY, columns }: NodeJS.WriteStream): number {
  return isTTY && columns > 0 ? columns : DEFAULT_COLUMNS;
}

/**
 * Breaks lines between words, as commander does in `--help`. A word that is longer than a line keeps its length, so
 * that names and ids can be copied.
 * @param indent blanks before each line after the first
 */
export function wrapped(text: string, columns: number, indent = 0): string {
  return new Help().boxWrap(text, columns - indent).replaceAll('\n', `\n${' '.repeat(indent)}`);
}
