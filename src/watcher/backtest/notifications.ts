import type { EarlierAlert, Notified, NotifiedPair, Pair } from '../../db/recipients.ts';
import type { LastAlert } from '../../domain/trigger.ts';

/** The recipients that were notified of issues, kept in memory: a backtest stores nothing. */
export interface Notifications {
  /** As `notifications` reads them from the database. */
  of(pairs: readonly Pair[], trigger: string): readonly Notified[];
  /** As `recordNotified` stores them. */
  record(alerts: readonly NotifiedPair[], trigger: string, at: Date): void;
}

interface Known {
  lastNotified: Date;
  /** The last alert of each trigger; null if only the trigger's name is known. */
  readonly triggers: Map<string, LastAlert | null>;
}

/** @param earlier the alerts before the first step */
export function rememberNotifications(earlier: readonly EarlierAlert[]): Notifications {
  const known = new Map<string, Known>();
  const remember = (
    { recipientId, issueId }: Pair,
    trigger: string | null,
    at: Date,
    alert: LastAlert | null,
  ) => {
    const key = `${recipientId}:${issueId}`;
    const before = known.get(key) ?? { lastNotified: at, triggers: new Map() };
    if (at > before.lastNotified) before.lastNotified = at;
    if (trigger !== null) {
      const last = before.triggers.get(trigger) ?? null;
      before.triggers.set(trigger, last === null || (alert !== null && alert.at > last.at) ? alert : last);
    }
    known.set(key, before);
  };
  for (const { trigger, at, events, users, ...pair } of earlier) {
    remember(pair, trigger, at, events === null || users === null ? null : { at, events, users });
  }
  return {
    of: (pairs, trigger) =>
      pairs.map(({ recipientId, issueId }) => {
        const found = known.get(`${recipientId}:${issueId}`);
        return {
          lastNotified: found?.lastNotified ?? null,
          byThisTrigger: found?.triggers.has(trigger) ?? false,
          lastAlert: found?.triggers.get(trigger) ?? null,
        };
      }),
    record(alerts, trigger, at) {
      for (const { events, users, ...pair } of alerts) remember(pair, trigger, at, { at, events, users });
    },
  };
}
