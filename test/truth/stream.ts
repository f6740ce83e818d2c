import { DAY, HOUR } from '../../src/domain/time.ts';
import type { History, LabelledIssue, Stream } from './history.ts';
import type { Random } from './random.ts';
import { poisson, randomOf } from './random.ts';

/** An event of a history. Times are milliseconds since 1970. */
export interface TruthEvent {
  readonly id: string;
  /** The issue's name, unique in the history. */
  readonly issue: string;
  /** When Sentry received it. */
  readonly at: number;
  /** When the processor stores it. */
  readonly arrives: number;
  readonly user: string;
  readonly release: string;
}

export const WARM_UP_HOURS = 9 * 24;
const BACKGROUND_ISSUES = 25;
const MINUTE = 60_000;

/** All events of a history in the order of arrival. */
export function eventsOf(history: History): TruthEvent[] {
  const issues = history.issues.flatMap((issue) =>
    namesOf(issue).flatMap((name) => {
      const random = randomOf(`${history.name}/${name}`);
      return issue.streams.flatMap((stream, index) =>
        eventsOfStream(history, name, stream, `${name}-${index}`, random),
      );
    }),
  );
  const events = [...issues, ...background(history)];
  return events.sort((one, other) => one.arrives - other.arrives || (one.id < other.id ? -1 : 1));
}

/** The names of the issues that a labelled one describes. */
export function namesOf({ name, copies = 1 }: LabelledIssue): string[] {
  return copies === 1 ? [name] : Array.from({ length: copies }, (_, index) => `${name} ${index + 1}`);
}

/** Old issues at steady rates, the most frequent with 24 events an hour. Their frequencies fall as ranks of words do. */
function background(history: History): TruthEvent[] {
  return Array.from({ length: history.background ?? BACKGROUND_ISSUES }, (_, index) => {
    const name = `background ${index + 1}`;
    const random = randomOf(`${history.name}/${name}`);
    const rate = 24 / (index + 1) ** 0.9;
    const perHour = (date: Date) => rate * (history.rhythm?.(date) ?? 1);
    const stream = { from: -WARM_UP_HOURS, until: history.hours, perHour, users: Math.round(rate * 100) };
    return eventsOfStream(history, name, stream, name, random).map((event) => ({
      ...event,
      release: releaseAt((event.at - history.from.getTime()) / HOUR, history.deploy, random),
    }));
  }).flat();
}

/** Release 140 replaced most of 139 five days ago. A new release needs twelve hours to reach 60 % of the users. */
function releaseAt(hour: number, deploy: number | undefined, random: Random): string {
  const share = (since: number, most: number) => Math.max(0, Math.min(1, (hour - since) / 12)) * most;
  if (deploy !== undefined && random() < share(deploy, 0.6)) return '141';
  if (random() < share(-5 * 24, 0.7)) return '140';
  return random() < 0.9 ? '139' : '138';
}

function eventsOfStream(
  history: History,
  issue: string,
  stream: Stream,
  prefix: string,
  random: Random,
): TruthEvent[] {
  const start = history.from.getTime();
  const times =
    stream.events === undefined ? timesByRate(start, stream, random) : timesOf(start, stream, random);
  return times.map((at, index) => ({
    id: `${prefix}-${index}`,
    issue,
    at,
    arrives: at + (stream.lateBy ?? 0) * HOUR,
    user: userOf(stream, prefix, index, random),
    release: stream.release ?? '140',
  }));
}

/** Minute by minute, because the rate may change. */
function timesByRate(start: number, { from, until, perHour = 0 }: Stream, random: Random): number[] {
  const times: number[] = [];
  for (let minute = Math.round(from * 60); minute < Math.round(until * 60); minute += 1) {
    const at = start + minute * MINUTE;
    const rate = typeof perHour === 'number' ? perHour : perHour(new Date(at));
    for (let left = poisson(random, rate / 60); left > 0; left -= 1) {
      times.push(at + Math.floor(random() * MINUTE));
    }
  }
  return times.sort((one, other) => one - other);
}

function timesOf(start: number, { from, until, events = 0 }: Stream, random: Random): number[] {
  const times = Array.from(
    { length: events },
    () => start + Math.floor((from + random() * (until - from)) * HOUR),
  );
  return times.sort((one, other) => one - other);
}

/** The users of one issue's streams are the same people if their number is limited. */
function userOf({ users, events }: Stream, prefix: string, index: number, random: Random): string {
  if (users === undefined) return `${prefix}-user-${index}`;
  const place = events === undefined ? Math.floor(random() * users) : index % users;
  return `${prefix.replace(/-\d+$/, '')}-user-${place}`;
}

/** A factor for day and night, and for weekends: from 0.1 at night to 1 at noon, and a fifth of it on weekends. */
export function weekdayRhythm(date: Date): number {
  const hour = (date.getTime() % DAY) / HOUR;
  const day = 0.55 - 0.45 * Math.cos((hour / 24) * 2 * Math.PI);
  const isWeekend = [0, 6].includes(date.getUTCDay());
  return isWeekend ? day / 5 : day;
}
