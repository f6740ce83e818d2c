import { HOUR } from '../../src/domain/time.ts';
import type { History, Incident, LabelledIssue } from './history.ts';
import type { TruthEvent } from './stream.ts';
import { namesOf } from './stream.ts';

/** An alert to the one recipient of the corpus. */
export interface Alert {
  readonly issue: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The trigger. */
  readonly by: string;
  readonly because?: string;
}

/** A labelled issue, or one of its incidents, and the alerts about it. */
export interface Row {
  readonly history: string;
  readonly issue: string;
  /** Minutes within which the person wants to know; null for never. */
  readonly within: number | null;
  readonly notified: 'yes' | 'late' | 'no';
  /** The trigger of the first alert; null without one. */
  readonly by: string | null;
  /** Minutes from the label's moment to the first alert, 0 if the alert was earlier; null without one. */
  readonly delay: number | null;
  readonly falseAlerts: number;
}

export interface Score {
  readonly rows: readonly Row[];
  /** About issues without a label. */
  readonly unlabelled: readonly Alert[];
  /** Within the scored hours. */
  readonly alerts: readonly Alert[];
  readonly hours: number;
}

const DEFAULT_MOST = 4;
const MINUTE = 60_000;

export function score(history: History, events: readonly TruthEvent[], all: readonly Alert[]): Score {
  const from = history.from.getTime();
  const alerts = all.filter(({ at }) => at > from && at <= from + history.hours * HOUR);
  const labelled = new Set(history.issues.flatMap(namesOf));
  return {
    rows: history.issues.flatMap((issue) => rowsOf(history, issue, events, alerts)),
    unlabelled: alerts.filter(({ issue }) => !labelled.has(issue)),
    alerts,
    hours: history.hours,
  };
}

function rowsOf(
  history: History,
  issue: LabelledIssue,
  events: readonly TruthEvent[],
  alerts: readonly Alert[],
): Row[] {
  const names = new Set(namesOf(issue));
  const own = alerts.filter((alert) => names.has(alert.issue));
  const row = { history: history.name, issue: issue.name };
  if (issue.label.notify === 'never') {
    const by = own[0]?.by ?? null;
    const notified = own.length > 0 ? 'yes' : 'no';
    return [{ ...row, within: null, notified, by, delay: null, falseAlerts: own.length }];
  }
  const starts = issue.label.incidents.map(({ start }) => history.from.getTime() + start * HOUR);
  return issue.label.incidents.map((incident, index) => {
    const start = starts[index] ?? 0;
    const end = starts[index + 1] ?? Number.POSITIVE_INFINITY;
    const before = index === 0 ? own.filter(({ at }) => at < start).length : 0;
    const during = own.filter(({ at }) => at >= start && at < end);
    const wanted = incident.wanted(
      events.filter((event) => event.issue === issue.name && event.arrives >= start),
      events,
    );
    return { ...row, ...incidentRow(incident, wanted, during, before) };
  });
}

function incidentRow(incident: Incident, wanted: number, during: readonly Alert[], before: number) {
  const [first] = during;
  const delay = first === undefined ? null : Math.max(0, first.at - wanted) / MINUTE;
  const tooMany = Math.max(0, during.length - (incident.atMost ?? DEFAULT_MOST));
  return {
    within: incident.within,
    notified:
      delay === null ? ('no' as const) : delay <= incident.within ? ('yes' as const) : ('late' as const),
    by: first?.by ?? null,
    delay,
    falseAlerts: before + tooMany,
  };
}

export interface Totals {
  readonly incidents: number;
  readonly inTime: number;
  readonly falseAlerts: number;
  /** The share of notified incidents among those and the false alerts. Alerts that repeat an incident count as neither. */
  readonly precision: number;
  /** The share of incidents that the person was notified of in time. */
  readonly recall: number;
  /** Minutes. */
  readonly medianDelay: number;
  /** The most alerts about one issue within 60 minutes. */
  readonly mostAnHour: number;
  readonly alertsPerHour: number;
}

export function totals(scores: readonly Score[]): Totals {
  const rows = scores.flatMap((one) => one.rows);
  const incidents = rows.filter(({ within }) => within !== null);
  const notified = incidents.filter((row) => row.notified !== 'no').length;
  const inTime = incidents.filter((row) => row.notified === 'yes').length;
  const falseAlerts =
    rows.reduce((sum, row) => sum + row.falseAlerts, 0) +
    scores.reduce((sum, { unlabelled }) => sum + unlabelled.length, 0);
  const hours = scores.reduce((sum, one) => sum + one.hours, 0);
  const alerts = scores.reduce((sum, one) => sum + one.alerts.length, 0);
  return {
    incidents: incidents.length,
    inTime,
    falseAlerts,
    precision: notified === 0 ? 0 : notified / (notified + falseAlerts),
    recall: inTime / Math.max(1, incidents.length),
    medianDelay: median(incidents.flatMap(({ delay }) => delay ?? [])),
    mostAnHour: Math.max(0, ...scores.map(({ alerts: own }) => mostWithinAnHour(own))),
    alertsPerHour: alerts / hours,
  };
}

function mostWithinAnHour(alerts: readonly Alert[]): number {
  const counts = alerts.map(
    ({ issue, at }) =>
      alerts.filter((other) => other.issue === issue && other.at >= at && other.at < at + HOUR).length,
  );
  return Math.max(0, ...counts);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
