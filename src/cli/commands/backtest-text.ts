import { number } from '../../domain/estimate.ts';
import { oneLine, plural } from '../../domain/text.ts';
import { DAY, dayNumber, time, utcDay } from '../../domain/time.ts';
import type { Backtest } from '../../watcher/backtest/backtest.ts';
import type { RehearsedFile } from '../../watcher/backtest/rehearsal.ts';
import type { AlertTally, PastAlert } from '../../watcher/backtest/tally.ts';
import { MOST_COMPARED, onlyIn } from '../../watcher/backtest/tally.ts';
import { wrapped } from '../columns.ts';
import { aligned } from '../table.ts';
import { nobody } from './triggers-run.ts';

/** Alerts that only one of two files would have sent, in the report. */
const MOST_SHOWN = 20;

/** A file's name in the report. @param file undefined for the built-in triggers */
export function nameOf(file: string | undefined): string {
  return file ?? 'the built-in triggers';
}

/** @param sources the files in the order of the backtest's files; undefined for the built-in triggers */
export function backtestReport(
  result: Backtest,
  sources: readonly (string | undefined)[],
  columns: number,
): string {
  const sections = [
    [wrapped(spanOf(result), columns)],
    ...result.files.map((file, index) => fileSection(result, file, sources[index], columns)),
    ...differences(result, sources.map(nameOf), columns),
    notKnown(result).map((line) => wrapped(`- ${line}`, columns, 2)),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function spanOf({ steps }: Backtest): string {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined)
    return 'No events are stored, so there is nothing to evaluate.';
  const days = steps.filter(({ unit }) => unit === 'day').length;
  const hours = steps.length - days;
  const parts = [
    ...(days > 0 ? [`${plural(days, 'day')} day by day`] : []),
    ...(hours > 0 ? [`${plural(hours, 'hour')} hour by hour`] : []),
  ];
  return `From ${time(first.start)} to ${time(last.end)}: ${parts.join(', then ')}.`;
}

function fileSection(
  result: Backtest,
  { alerts, triggers }: RehearsedFile,
  source: string | undefined,
  columns: number,
): string[] {
  const rows = triggers.flatMap(({ trigger, recipients, notified }) => {
    const counts = alerts.byTrigger.get(trigger);
    const emails = recipients.length === 0 ? [nobody(source)] : recipients;
    return emails.map((email, index) => [
      index === 0 ? trigger : '',
      index === 0 ? number(notified) : '',
      email,
      number(counts?.get(email) ?? 0),
    ]);
  });
  return [
    `${nameOf(source)}: ${plural(alerts.alerts, 'alert')} about ${plural(alerts.issues, 'issue')}`,
    '',
    ...aligned([['TRIGGER', 'DECISIONS', 'RECIPIENT', 'ALERTS'], ...rows]),
    ...(alerts.alerts === 0 ? [] : ['', 'ALERTS A DAY (UTC)', ...dayBars(result, alerts, columns), '']),
    ...highlights(alerts).map((line) => wrapped(line, columns, 2)),
    ...errorLines(triggers).map((line) => wrapped(line, columns, 2)),
  ];
}

function dayBars({ steps }: Backtest, { days }: AlertTally, columns: number): string[] {
  const [first, last] = [steps[0]?.start, steps.at(-1)?.start];
  if (first === undefined || last === undefined) return [];
  const most = Math.max(...days.values());
  const width = Math.max(10, Math.min(40, columns - 30));
  const count = dayNumber(last) - dayNumber(first) + 1;
  return Array.from({ length: count }, (_, index) => {
    const day = utcDay(new Date(first.getTime() + index * DAY));
    const alerts = days.get(day) ?? 0;
    const bar = alerts === 0 ? '·' : '█'.repeat(Math.max(1, Math.round((alerts / most) * width)));
    return `${day}  ${String(alerts).padStart(number(most).length)}  ${bar}`;
  });
}

function highlights({ busiest, most }: AlertTally): string[] {
  if (busiest === null || most === null) return [];
  return [
    `Most alerts about one issue: ${number(busiest.alerts)}, ${busiest.groupId} ${oneLine(busiest.message, 100)}`,
    `Most alerts to one recipient in one step: ${number(most.alerts)}, ${most.recipient} at ${time(most.at)}`,
  ];
}

function errorLines(triggers: RehearsedFile['triggers']): string[] {
  return triggers.flatMap(({ trigger, errors }) =>
    errors.map(
      ({ error, issues }) =>
        `${trigger} failed on ${plural(issues, 'evaluation')}: ${oneLine(error.message, 300)}`,
    ),
  );
}

function differences({ files }: Backtest, names: readonly string[], columns: number): string[][] {
  const [one, other] = files;
  if (one === undefined || other === undefined) return [];
  const addresses = new Set(one.triggers.flatMap(({ recipients }) => recipients));
  const shared = other.triggers.some(({ recipients }) => recipients.some((email) => addresses.has(email)));
  const isCut = [one, other].some(({ alerts }) => alerts.first.size >= MOST_COMPARED);
  return [
    ...(shared ? [] : [[wrapped('The two have no recipient in common, so every alert is listed.', columns)]]),
    ...(isCut ? [[wrapped(`Only the first ${number(MOST_COMPARED)} are compared.`, columns)]] : []),
    onlySection(onlyIn(one.alerts, other.alerts), names[0] ?? '', columns),
    onlySection(onlyIn(other.alerts, one.alerts), names[1] ?? '', columns),
  ];
}

function onlySection(alerts: readonly PastAlert[], name: string, columns: number): string[] {
  const heading = `Issues that only ${name} would have sent to a recipient: ${number(alerts.length)}`;
  const shown = alerts
    .slice(0, MOST_SHOWN)
    .map(({ at, recipient, trigger, groupId, message, because }) =>
      wrapped(
        `${time(at)}  ${recipient}  ${trigger}: ${groupId} ${oneLine(message, 80)}, because ${oneLine(because, 120)}`,
        columns,
        2,
      ),
    );
  const left = alerts.length - shown.length;
  return [heading, ...shown, ...(left > 0 ? [`and ${number(left)} more; --json has all`] : [])];
}

/** The limits of what stored counts can say. */
export function notKnown({ steps, stored, files }: Backtest): string[] {
  const { hoursSince, daysSince } = stored;
  const triggers = files.flatMap((file) => file.triggers);
  const estimating = triggers.filter(({ limits }) => limits.estimated).map(({ trigger }) => trigger);
  const unsure = new Map(
    triggers.flatMap(({ trigger, limits }) =>
      limits.surelySince === null ? [] : [[trigger, limits.surelySince] as const],
    ),
  );
  const byDay = steps.some(({ unit }) => unit === 'day');
  return [
    'The first step also has issues that the triggers would have notified of earlier.',
    'Each alert has the end of its step as its time. A change that began and ended within a step is not seen.',
    'An event counts at the time when Sentry received it. If it waited in the queue, the watcher saw it later.',
    'Subjects and templates are not tried. If one throws, the watcher sends no alert.',
    ...(byDay ? ['The days before the first hour are evaluated once a day, at their end.'] : []),
    ...[...unsure].flatMap(([trigger, since]) =>
      daysSince === null
        ? []
        : [
            `${trigger} asked about days before ${utcDay(daysSince)}, which count as days without events. If they had some, its alerts before ${utcDay(since)} may be false.`,
          ],
    ),
    ...(estimating.length === 0
      ? []
      : [
          `${[...new Set(estimating)].join(', ')} asked for hours that are not stored${hoursSince === null ? '' : `, before ${time(hoursSince)}`}. Each of these hours counts as a 24th of its day, so a change within a day is not seen there.`,
        ]),
  ];
}
