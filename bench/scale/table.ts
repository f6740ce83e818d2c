/** A Markdown table. Columns of numbers are on the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const marks = head.map((_, column) => (rows.every((row) => isNumber(row[column])) ? '---:' : '---'));
  return [head, marks, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function isNumber(cell: string | number | undefined): boolean {
  return typeof cell === 'number' || /^[\d.,]*( ?%)?$/.test(cell ?? '');
}

/** With commas, and without a fraction. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 10e9 ? 2 : 0);
}
