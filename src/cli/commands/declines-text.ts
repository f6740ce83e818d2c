import { oneLine, plural } from '../../domain/text.ts';
import type { TriggerSummary } from '../../watcher/run/summary.ts';

const MAX_REASON = 60;

/** The number of issues that each trigger declined to notify about, with its most frequent reasons. */
export function shownDeclines(summaries: readonly TriggerSummary[]): string {
  return summaries
    .filter(({ declined }) => declined > 0)
    .map(({ trigger, declined, reasons }) => {
      const width = Math.max(...reasons.map(({ issues }) => count(issues).length));
      const lines = reasons.map(
        ({ because, issues }) => `  ${count(issues).padStart(width)}  ${shownReason(because)}`,
      );
      return `${trigger} declined ${plural(declined, 'issue', count(declined))}:\n${lines.join('\n')}\n\n`;
    })
    .join('');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function shownReason(because: string | null): string {
  return because === null ? '(no reason given)' : oneLine(because, MAX_REASON);
}
