import { DAY, HOUR } from '../../src/domain/time.ts';
import type { TruthEvent } from './stream.ts';

/**
 * Finds the moment when a condition first holds in the event stream.
 * @param own the issue's events since the incident's start, in the order of arrival, each once
 * @param all the events of all issues
 * @returns milliseconds since 1970
 */
export type Moment = (own: readonly TruthEvent[], all: readonly TruthEvent[]) => number;

/** The issue has had at least this many events and users since the incident's start. */
export function reaches(least: { events?: number; users?: number }): Moment {
  return (own) => {
    const users = new Set<string>();
    for (const [index, event] of own.entries()) {
      users.add(event.user);
      if (index + 1 >= (least.events ?? 1) && users.size >= (least.users ?? 1)) return event.arrives;
    }
    throw new Error('the condition of a label never holds');
  };
}

/** The issue has had at least this many events and users within 60 minutes. */
export function withinAnHour(least: { events: number; users: number }): Moment {
  return (own) => {
    let first = 0;
    for (const [index, event] of own.entries()) {
      while ((own[first]?.arrives ?? event.arrives) <= event.arrives - HOUR) first += 1;
      const hour = own.slice(first, index + 1);
      if (hour.length >= least.events && new Set(hour.map(({ user }) => user)).size >= least.users) {
        return event.arrives;
      }
    }
    throw new Error('the condition of a label never holds');
  };
}

/** The issue is among the most frequent ones of the last seven days, looked at every five minutes. */
export function entersRank(rank: number): Moment {
  return (own, all) => {
    const [first] = own;
    const last = all.at(-1);
    if (first === undefined || last === undefined) throw new Error('the issue has no events');
    for (let now = first.arrives; now <= last.arrives; now += 5 * 60_000) {
      const counts = new Map<string, number>();
      for (const { issue, at, arrives } of all) {
        if (at > now - 7 * DAY && arrives <= now) counts.set(issue, (counts.get(issue) ?? 0) + 1);
      }
      const count = counts.get(first.issue) ?? 0;
      const above = [...counts.values()].filter((other) => other > count).length;
      if (above < rank) return now;
    }
    throw new Error('the condition of a label never holds');
  };
}
