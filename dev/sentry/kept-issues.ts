import type { Entry } from './entries.ts';
import type { ForwardedEvent } from './forwarded.ts';
import { frames, text, values } from './json.ts';

/** An exception of an event, as its page shows it. */
export interface KeptException {
  readonly title: string;
  /** The crash site first, one line for each call. */
  readonly stack: readonly string[];
}

export interface KeptEvent {
  readonly id: string;
  readonly receivedAt: Date;
  /** The log message; empty for an exception. */
  readonly message: string;
  /** The exception that was thrown, then its causes. */
  readonly exceptions: readonly KeptException[];
}

/** An issue as the stand-in keeps it. */
export interface KeptIssue {
  readonly groupId: string;
  readonly projectId: string;
  /** Of the last event. */
  readonly title: string;
  /** How many of its events were forwarded. */
  readonly count: number;
  /** The newest first, a few. */
  readonly events: readonly KeptEvent[];
}

/** The issues of the events that were forwarded, in memory. */
export interface KeptIssues {
  add(event: ForwardedEvent, receivedAt: Date): void;
  get(groupId: string): KeptIssue | null;
}

const MOST_ISSUES = 200;
const MOST_EVENTS = 10;
const MOST_FRAMES = 50;

export function createKeptIssues(): KeptIssues {
  const issues = new Map<string, KeptIssue>();
  return {
    add(event, receivedAt) {
      const { groupID: groupId, title } = event;
      const known = issues.get(groupId);
      const events = [keptEvent(event, receivedAt), ...(known?.events ?? [])].slice(0, MOST_EVENTS);
      // Last in the order, so that the first is the one that had no event for the longest time.
      issues.delete(groupId);
      const projectId = text(event.projectID) ?? '';
      issues.set(groupId, { groupId, projectId, title, count: (known?.count ?? 0) + 1, events });
      const [oldest] = issues.keys();
      if (issues.size > MOST_ISSUES && oldest !== undefined) issues.delete(oldest);
    },
    get: (groupId) => issues.get(groupId) ?? null,
  };
}

function keptEvent(event: ForwardedEvent, receivedAt: Date): KeptEvent {
  const entries = (Array.isArray(event.entries) ? event.entries : []) as readonly Entry[];
  const exceptions = entries
    .filter(({ type }) => type === 'exception')
    .flatMap(({ data }) => values(data))
    .toReversed()
    .map((exception) => {
      const value = text(exception.value);
      const type = text(exception.type) ?? 'Error';
      const calls = frames(exception).toReversed();
      const stack = calls.slice(0, MOST_FRAMES).map((call) => {
        const file = text(call.module) ?? text(call.filename) ?? '?';
        const place = [file, text(call.lineNo), text(call.colNo)].filter((part) => part !== null).join(':');
        return `at ${text(call.function) ?? '?'}(${place})`;
      });
      return { title: value === null ? type : `${type}: ${value}`, stack };
    });
  return { id: event.eventID, receivedAt, message: text(event.message) ?? '', exceptions };
}
