import { number } from '../../domain/estimate.ts';
import { authorAndReason, untilWhen } from '../../domain/silence.ts';
import { oneLine, plural } from '../../domain/text.ts';
import type { TriggerSummary } from '../../watcher/run/summary.ts';

const MAX_REASON = 60;
const MAX_ID = 100;
/** Longest line about a silence. `bec-alerts silences` shows all of it. */
const MAX_SILENCE = 300;

/** The number of issues that each trigger declined to notify about, with its most frequent reasons. */
export function shownDeclines(summaries: readonly TriggerSummary[]): string {
  return summaries
    .filter(({ declined }) => declined > 0)
    .map(({ trigger, declined, reasons }) => {
      const width = Math.max(...reasons.map(({ issues }) => number(issues).length));
      const lines = reasons.map(
        ({ because, issues }) => `  ${number(issues).padStart(width)}  ${shownReason(because)}`,
      );
      return `${trigger} declined ${plural(declined, 'issue', number(declined))}:\n${lines.join('\n')}\n\n`;
    })
    .join('');
}

/** The number of alerts of each trigger that were dropped, with the silences. */
export function shownSilenced(summaries: readonly TriggerSummary[]): string {
  return summaries
    .filter(({ silenced }) => silenced > 0)
    .map(({ trigger, silenced, silences }) => {
      const lines = silences.map((silence) => {
        const text = `${oneLine(silence.groupId, MAX_ID)} ${untilWhen(silence)}, ${authorAndReason(silence)}`;
        return `  ${oneLine(text, MAX_SILENCE)}`;
      });
      const alerts = plural(silenced, 'alert', number(silenced));
      return `${trigger}: ${alerts} dropped because of a silence:\n${lines.join('\n')}\n\n`;
    })
    .join('');
}

function shownReason(because: string | null): string {
  return because === null ? '(no reason given)' : oneLine(because, MAX_REASON);
}
