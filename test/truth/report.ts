import type { Row, Score, Totals } from './score.ts';
import { totals } from './score.ts';

/** The wanted figures. */
const LEAST_PRECISION = 0.95;
const LEAST_RECALL = 0.95;
const MEDIAN_DELAY_BELOW = 10;
const MOST_AN_HOUR = 1;

const HEADINGS = ['HISTORY', 'ISSUE', 'WANTED', 'NOTIFIED', 'BY', 'DELAY', 'FALSE'];

/** A line for each labelled issue, then one for the background, at most 100 columns wide. */
export function tableOf(scores: readonly Score[]): string {
  const background = scores.reduce((sum, { unlabelled }) => sum + unlabelled.length, 0);
  return columns([
    HEADINGS,
    ...scores.flatMap((one) => one.rows.map(cellsOf)),
    ['all', 'background', 'never', background > 0 ? 'yes' : 'no', '', '', String(background)],
  ]);
}

function cellsOf(row: Row): string[] {
  return [
    row.history,
    row.issue,
    row.within === null ? 'never' : `${row.within} min`,
    row.notified,
    row.by ?? '',
    row.delay === null ? '' : `${row.delay.toFixed(1)} min`,
    row.falseAlerts === 0 ? '' : String(row.falseAlerts),
  ];
}

/** One line for each set of triggers or rule. */
export function comparisonOf(sets: readonly (readonly [name: string, scores: readonly Score[]])[]): string {
  return columns([
    ['', 'PRECISION', 'RECALL', 'MEDIAN', 'FALSE', 'MOST/H', 'MAILS/H'],
    ...sets.map(([name, scores]) => {
      const all = totals(scores);
      return [
        name,
        all.precision.toFixed(3),
        all.recall.toFixed(3),
        `${all.medianDelay.toFixed(1)} min`,
        String(all.falseAlerts),
        String(all.mostAnHour),
        all.alertsPerHour.toFixed(3),
      ];
    }),
  ]);
}

/** The wanted figures that are not reached. */
export function shortfalls(all: Totals): string[] {
  return [
    ...(all.precision < LEAST_PRECISION
      ? [`precision ${all.precision.toFixed(3)} is below ${LEAST_PRECISION}`]
      : []),
    ...(all.recall < LEAST_RECALL ? [`recall ${all.recall.toFixed(3)} is below ${LEAST_RECALL}`] : []),
    ...(all.medianDelay >= MEDIAN_DELAY_BELOW
      ? [`the median delay of ${all.medianDelay.toFixed(1)} minutes is not below ${MEDIAN_DELAY_BELOW}`]
      : []),
    ...(all.mostAnHour > MOST_AN_HOUR
      ? [`one person got ${all.mostAnHour} mails about an issue in an hour`]
      : []),
  ];
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
