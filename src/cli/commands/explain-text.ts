import { MAX_ATTEMPTS } from '../../db/evaluations.ts';
import type { ForgottenAlert, PastAlert } from '../../db/notification-history.ts';
import type { NamedIssue } from '../../db/similar-issues.ts';
import { untilWhen } from '../../domain/silence.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { time } from '../../domain/time.ts';
import { novelty, windows } from '../../mail/alert-parts.ts';
import { bandNote, bars, counts, day, hour, shownIssue } from '../../mail/format.ts';
import type { Explanation, NextRun } from '../../watcher/explain/explain.ts';
import type { Opinion } from '../../watcher/explain/opinions.ts';
import { wrapped } from '../columns.ts';
import { silencesOf } from './explain-silences.ts';

/** A title or reason is cut there, so that everything fits one screen. `--json` has the whole text. */
const MAX_TEXT = 300;
const LABEL = 21;
const MAX_ID = 100;
/** Columns of a title in the list of similar issues, which no line of 80 columns breaks. */
const MAX_TITLE = 50;

/** The explanation for a person. Each section is followed by an empty line. */
export function toText(explanation: Explanation, columns: number): string {
  const sections = [
    titleOf(explanation, columns),
    factsOf(explanation, columns),
    chartsOf(explanation),
    verdictsOf(explanation, columns),
    titled('Silences:', silencesOf(explanation), columns),
    historyOf(explanation, columns),
    retriesOf(explanation, columns),
    noteOf(explanation, columns),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** The message for an id that is not stored. */
export function unknownIssue(groupId: string, similar: readonly NamedIssue[]): string {
  const unknown = `there is no issue ${shown(groupId, MAX_ID)}`;
  if (similar.length === 0) return `${unknown}, and none with a similar id`;
  const lines = similar.map(
    (one) => `  ${oneLine(one.groupId, MAX_ID)}  ${oneLine(one.message, MAX_TITLE) || '(no text)'}`,
  );
  return [`${unknown}; issues with similar ids are`, ...lines].join('\n');
}

function titleOf({ issue }: Explanation, columns: number): string[] {
  const { message, logMessage } = shownIssue(issue);
  const lines = [fitted(shown(message), columns)];
  if (logMessage !== '') lines.push(fitted(`Also: ${shown(logMessage)}`, columns));
  return lines;
}

function factsOf({ issue: stored, facts, at }: Explanation, columns: number): string[] {
  const issue = shownIssue(stored);
  const { module, firstRelease, environment, firstSeen, lastSeen } = issue;
  const first = [time(firstSeen), firstRelease && `in release ${firstRelease}`, environment];
  const rows: [string, string][] = [
    ['Issue', `${oneLine(issue.groupId, MAX_ID)} of Sentry project ${oneLine(issue.projectId, MAX_ID)}`],
    ['State', novelty({ issue, novelty: facts.novelty })],
    ['Module', shown(module) || 'unknown'],
    ['First seen', shown(first.filter(Boolean).join(', '))],
    ['Last seen', time(lastSeen)],
    ...windows({ issue, ...facts, ranAt: at }).map((row): [string, string] => [
      row.label,
      counts(row.counts),
    ]),
  ];
  return rows.map(([label, text]) => `${label.padEnd(LABEL)}${fitted(text, columns, LABEL)}`);
}

function chartsOf({ facts: { hours, days } }: Explanation): string[] {
  const [firstHour] = hours;
  const [firstDay] = days;
  if (firstHour === undefined || firstDay === undefined) return [];
  const eventsOf = (buckets: readonly { events: number }[]) => bars(buckets.map(({ events }) => events));
  return [
    `${'Events an hour'.padEnd(LABEL)}${eventsOf(hours)}  ${hour(firstHour.at)} UTC to now`,
    `${'Events a day'.padEnd(LABEL)}${eventsOf(days)}  ${day(firstDay.date)} to today`,
  ];
}

const NEXT_RUN: Readonly<Record<NextRun, string>> = {
  changed: 'The next run evaluates the issue, because it changed since the last run.',
  retry: 'The next run evaluates the issue again with the triggers that failed on it.',
  silence: 'The next run evaluates the issue again, because a silence of it is over.',
  none: 'No run evaluates the issue before its next event.',
};

const UNTIL_A_SILENCE_ENDS = 'No run evaluates the issue before its next event or the end of a silence.';

function verdictsOf({ opinions, nextRun, silences }: Explanation, columns: number): string[] {
  const lines = opinions.flatMap((opinion) => [
    `  ${oneLine(opinion.trigger, MAX_TEXT)}`,
    ...verdictLines(opinion).map((line) => `    ${fitted(line, columns, 6)}`),
  ]);
  const next = nextRun === 'none' && silences.holding.length > 0 ? UNTIL_A_SILENCE_ENDS : NEXT_RUN[nextRun];
  return ['If the triggers evaluated the issue now:', ...lines, fitted(next, columns)];
}

function verdictLines(opinion: Opinion): string[] {
  switch (opinion.verdict) {
    case 'disabled':
      return ['disabled'];
    case 'failed':
      return [`failed: ${shown(opinion.error)}`];
    case 'decline':
      return [
        opinion.because === undefined
          ? 'would not notify; the trigger gives no reason'
          : `would not notify, because ${shown(opinion.because)}`,
      ];
    case 'notify':
      return [wouldNotify(opinion), `because ${shown(opinion.because)}`, ...droppedBy(opinion)];
  }
}

function wouldNotify({ emails, recipients }: Opinion & { verdict: 'notify' }): string {
  if (emails.length === 0) return 'would notify nobody: the trigger has no recipients';
  return recipients.length === 0
    ? 'would notify nobody: it names no recipient'
    : `would notify ${recipients.join(', ')}`;
}

function droppedBy({ silence, recipients }: Opinion & { verdict: 'notify' }): string[] {
  if (silence === null || recipients.length === 0) return [];
  return [`but a silence drops it ${untilWhen(silence)}`];
}

function historyOf({ alerts, forgotten }: Explanation, columns: number): string[] {
  if (alerts.listed.length + forgotten.listed.length === 0) return ['Nobody was notified of it so far.'];
  return [
    'Notified so far, the latest first:',
    ...alerts.listed.map((alert) => entry(alert.createdAt, alertText(alert), columns)),
    ...andMore(alerts.more),
    ...forgotten.listed.map((one) => entry(one.at, forgottenText(one), columns)),
    ...andMore(forgotten.more),
  ];
}

const TIME_COLUMNS = '  2026-05-06 12:00:00 UTC  '.length;

function entry(at: Date | null, text: string, columns: number): string {
  const when = at === null ? 'time not stored' : time(at);
  return `  ${when}`.padEnd(TIME_COLUMNS) + fitted(text, columns, TIME_COLUMNS);
}

function andMore(more: number): string[] {
  return more > 0 ? [`  and ${more} more`] : [];
}

function alertText(alert: PastAlert): string {
  return `${alert.email} by ${oneLine(alert.trigger, MAX_TEXT)}: ${arrival(alert)}`;
}

/** Whether the email arrived, as far as it is known: SES accepted it or not, and reported a bounce or not. */
function arrival({ status, attempts, lastError, sesMessageId }: PastAlert): string {
  const error = lastError === null ? '' : `: ${shown(lastError)}`;
  const tries = plural(attempts, 'attempt');
  switch (status) {
    case 'sent':
      if (sesMessageId === null) return 'printed by the watcher, not emailed';
      return attempts > 1 ? `SES accepted the email after ${tries}` : 'SES accepted the email';
    case 'failed':
      return `failed after ${tries}${error}`;
    case 'bounced':
      return `bounced after SES accepted the email${error}`;
    case 'pending':
      return attempts === 0 && error === '' ? 'waits to be sent' : `waits to be sent again, ${tries}${error}`;
  }
}

function forgottenText({ email, trigger }: ForgottenAlert): string {
  const by = trigger === null ? '' : ` by ${oneLine(trigger, MAX_TEXT)}`;
  return `${email}${by}: notified; the alert is no longer stored`;
}

function retriesOf({ failures }: Explanation, columns: number): string[] {
  const lines = failures.map(({ trigger, attempts, lastError }) => {
    const ended = attempts < MAX_ATTEMPTS ? '' : ', not retried before the next event';
    return `${oneLine(trigger, MAX_TEXT)}: ${plural(attempts, 'failed attempt')}${ended}: ${shown(lastError)}`;
  });
  return titled('Evaluations to retry:', lines, columns);
}

/** Nothing without lines. */
function titled(title: string, lines: readonly string[], columns: number): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${fitted(line, columns, 4)}`)];
}

function noteOf({ facts: { today, week, hours, lastHour, hourYesterday } }: Explanation, columns: number) {
  const note = bandNote(today, week, lastHour, hourYesterday, ...hours.slice(-1));
  return note === null ? [] : [fitted(note, columns)];
}

/** One line without invisible characters, cut. */
function shown(text: string, max = MAX_TEXT): string {
  return oneLine(text, max);
}

/** Wraps the text to the columns right of `indent`. A word that is longer than a line is broken too. */
function fitted(text: string, columns: number, indent = 0): string {
  const width = Math.max(columns - indent, 10);
  const broken = text
    .split(' ')
    .map((word) =>
      Array.from({ length: Math.ceil(word.length / width) }, (_, part) =>
        word.slice(part * width, (part + 1) * width),
      ).join(' '),
    )
    .join(' ');
  return wrapped(broken, columns, indent);
}
