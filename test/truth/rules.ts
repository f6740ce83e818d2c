import { HOUR } from '../../src/domain/time.ts';
import type { Alert } from './score.ts';
import type { TruthEvent } from './stream.ts';

/** A documented rule of another product, which alerts at once. */
export interface Rule {
  readonly name: string;
  /** @param events of one issue, in the order of arrival @returns the times of its alerts */
  readonly times: (events: readonly TruthEvent[]) => number[];
}

const MINUTE = 60_000;

/** docs.sentry.io: an alert for each new issue, and one that fires at a frequency, at most every 30 minutes an issue. */
const SENTRY: readonly Rule[] = [
  { name: 'Sentry: each new issue', times: (events) => events.slice(0, 1).map(({ arrives }) => arrives) },
  { name: 'Sentry: more than 100 events an hour', times: (events) => atRate(events, 101, HOUR, 30 * MINUTE) },
];

/** docs.rollbar.com, Notifications: the 10th, 100th, 1,000th, 10,000th, … occurrence. */
const ROLLBAR: Rule = {
  name: 'Rollbar: 10^n-th occurrence',
  times: (events) =>
    events.filter((_, index) => /^10+$/.test(String(index + 1))).map(({ arrives }) => arrives),
};

/**
 * Honeybadger and GlitchTip: n events in m minutes, once an issue. Their default numbers could not be looked up. These
 * are the example of Rollbar's equal rule in its provider for Terraform: 10 events in 5 minutes.
 */
const RATE: Rule = {
  name: 'Honeybadger, GlitchTip: 10 events in 5 min',
  times: (events) => atRate(events, 10, 5 * MINUTE, Number.POSITIVE_INFINITY),
};

export const RULES: readonly Rule[] = [...SENTRY, ROLLBAR, RATE];

export function alertsOfRule(rule: Rule, events: readonly TruthEvent[]): Alert[] {
  return [...Map.groupBy(events, ({ issue }) => issue)]
    .flatMap(([issue, own]) => rule.times(own).map((at) => ({ issue, at, by: rule.name })))
    .sort((one, other) => one.at - other.at);
}

/** The times at which `count` events came within a window, but at least `pause` apart. */
function atRate(events: readonly TruthEvent[], count: number, window: number, pause: number): number[] {
  const times: number[] = [];
  for (const [index, { arrives }] of events.entries()) {
    const first = events[index - count + 1];
    if (first === undefined || first.arrives <= arrives - window) continue;
    const last = times.at(-1);
    if (last === undefined || arrives >= last + pause) times.push(arrives);
  }
  return times;
}
