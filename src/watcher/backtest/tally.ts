import type { Issue } from '../../domain/issue.ts';
import { utcDay } from '../../domain/time.ts';
import type { Recipient } from '../../domain/trigger.ts';

/** An alert that would have been sent. */
export interface PastAlert {
  /** The end of the step that decided on it. */
  readonly at: Date;
  readonly trigger: string;
  readonly recipient: string;
  readonly groupId: string;
  readonly message: string;
  readonly because: string;
}

/** The alerts that the triggers of one file would have sent. */
export interface AlertTally {
  readonly alerts: number;
  readonly issues: number;
  /** The alerts of each UTC day that has any, as `YYYY-MM-DD`. */
  readonly days: ReadonlyMap<string, number>;
  /** By trigger, then by recipient. */
  readonly byTrigger: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The issue with the most alerts; null without alerts. */
  readonly busiest: { readonly groupId: string; readonly message: string; readonly alerts: number } | null;
  /** The most alerts to one recipient within one UTC hour, or within a day where only days are stored. */
  readonly most: { readonly recipient: string; readonly at: Date; readonly alerts: number } | null;
  /** In the order decided; the first alerts if there are very many. */
  readonly list: readonly PastAlert[];
  /**
   * The first alert to each recipient about each issue, by `recipient` and `groupId`. Only if two files are compared, and
   * `MOST_COMPARED` at most.
   */
  readonly first: ReadonlyMap<string, PastAlert>;
}

/** Alerts that are kept one by one. All of them are counted. */
export const MOST_LISTED = 10_000;

/** Pairs of a recipient and an issue that are compared. */
export const MOST_COMPARED = 100_000;

export interface AlertTallier {
  add(trigger: string, issue: Issue, because: string, recipients: readonly Recipient[], at: Date): void;
  tally(): AlertTally;
}

/** @param compared whether the alerts are compared with those of another file */
export function tallyAlerts(compared: boolean): AlertTallier {
  const list: PastAlert[] = [];
  const first = new Map<string, PastAlert>();
  const days = new Map<string, number>();
  const byTrigger = new Map<string, Map<string, number>>();
  const byIssue = new Map<string, { groupId: string; message: string; alerts: number }>();
  let step = new Map<string, number>();
  let stepAt = 0;
  let alerts = 0;
  let most: AlertTally['most'] = null;

  const addOne = (alert: PastAlert) => {
    alerts += 1;
    if (list.length < MOST_LISTED) list.push(alert);
    const key = keyOf(alert);
    if (compared && first.size < MOST_COMPARED && !first.has(key)) first.set(key, alert);
    increase(days, utcDay(alert.at));
    const ofTrigger = byTrigger.get(alert.trigger) ?? new Map<string, number>();
    increase(ofTrigger, alert.recipient);
    byTrigger.set(alert.trigger, ofTrigger);
    const issue = byIssue.get(alert.groupId) ?? { groupId: alert.groupId, message: alert.message, alerts: 0 };
    issue.alerts += 1;
    byIssue.set(alert.groupId, issue);
    const inStep = increase(step, alert.recipient);
    if (inStep > (most?.alerts ?? 0)) most = { recipient: alert.recipient, at: alert.at, alerts: inStep };
  };

  return {
    add(trigger, { groupId, message }, because, recipients, at) {
      if (at.getTime() !== stepAt) [step, stepAt] = [new Map(), at.getTime()];
      for (const { email } of recipients)
        addOne({ at, trigger, recipient: email, groupId, message, because });
    },
    tally: () => ({
      alerts,
      issues: byIssue.size,
      days,
      byTrigger,
      busiest: [...byIssue.values()].reduce<AlertTally['busiest']>(
        (busiest, issue) => (issue.alerts > (busiest?.alerts ?? 0) ? issue : busiest),
        null,
      ),
      most,
      list,
      first,
    }),
  };
}

/** Recipient and issue. */
function keyOf({ recipient, groupId }: PastAlert): string {
  return `${recipient} ${groupId}`;
}

function increase(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

/** The first alerts about issues of which the other tally has no alert to the same recipient. */
export function onlyIn(one: AlertTally, other: AlertTally): PastAlert[] {
  return [...one.first].filter(([key]) => !other.first.has(key)).map(([, alert]) => alert);
}
