import type { Comparison } from './compare.ts';
import type { FaultsDone } from './faults.ts';
import type { Measured } from './growth.ts';
import { growthLines } from './growth.ts';
import { number, total } from './progress.ts';
import type { Sent } from './sent.ts';

export interface SoakResult {
  /** Everything that isn't as promised; empty after a good run. */
  readonly differences: readonly string[];
  readonly sent: Sent;
  readonly faults: FaultsDone;
  readonly comparison: Comparison;
  readonly measured: readonly Measured[];
  /** Daemons that ended although nobody killed them, such as at a start while SQS failed. */
  readonly ownEnds: readonly string[];
}

const MOST_DIFFERENCES = 30;

/** The result for a person: the load, the faults, the growth, and the differences. */
export function resultLines({
  differences,
  sent,
  faults,
  comparison,
  measured,
  ownEnds,
}: SoakResult): string[] {
  const { emails } = comparison;
  const shown = differences.slice(0, MOST_DIFFERENCES);
  const hidden = differences.length - shown.length;
  return [
    '',
    `sent: ${number(sent.messages)} messages (${number(sent.repeated)} repeated, ${number(sent.bad.size)} bad) about ${number(sent.users.size)} issues`,
    `stored: ${number(comparison.buckets)} buckets; ${number(comparison.deadLetters)} dead letters, ${number(comparison.repeatedDeadLetters)} of them more than once`,
    `alerts: ${number(comparison.alerts)}; SES accepted ${number(emails.accepted)} emails, ${number(emails.sentTwice)} of them a second time`,
    `watchers killed between SES's answer and the mark: ${number(emails.killedBeforeMark)}`,
    `faults: ${number(total(faults))}`,
    ...[...faults.counts].map(([kind, count]) => `  ${String(count).padStart(4)}  ${kind}`),
    ...[...faults.failures].map(([kind, reason]) => `  at least once not done: ${kind}: ${reason}`),
    `daemons that ended without being killed, and were started again: ${ownEnds.length}`,
    ...ownEnds.map((line) => `  ${line}`),
    'growth of processes, each compared with itself:',
    ...growthLines(measured).map((line) => `  ${line}`),
    '',
    ...(differences.length === 0
      ? ['everything is exact: each event counted once, each bad message a dead letter, each alert sent']
      : [`${number(differences.length)} differences:`, ...shown.map((line) => `  ${line}`)]),
    ...(hidden > 0 ? [`  and ${number(hidden)} more`] : []),
  ];
}
