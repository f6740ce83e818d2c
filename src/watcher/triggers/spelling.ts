export const MOST_SLIPS = 2;

/** The word that is probably meant: the nearest, two slips away at most. */
export function closest(word: string, known: readonly string[]): string | null {
  return allClose(word, known)[0] ?? null;
}

/** The words that may be meant, the nearest first, two slips away at most. */
export function allClose(word: string, known: readonly string[]): string[] {
  return known
    .map((candidate) => ({ candidate, slips: slipsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ slips }) => slips <= MOST_SLIPS)
    .sort((one, other) => one.slips - other.slips)
    .map(({ candidate }) => candidate);
}

/** Letters to add, to drop or to change to get from one word to the other (Levenshtein). */
function slipsBetween(from: string, to: string): number {
  const row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line += 1) {
    let diagonal = line - 1;
    row[0] = line;
    for (let column = 1; column <= to.length; column += 1) {
      const above = row[column] ?? 0;
      const changed = diagonal + (from[line - 1] === to[column - 1] ? 0 : 1);
      row[column] = Math.min(above + 1, (row[column - 1] ?? 0) + 1, changed);
      diagonal = above;
    }
  }
  return row[to.length] ?? 0;
}
