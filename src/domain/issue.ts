import type { Tag } from './tags.ts';

/** One call in a stack trace; fields that Sentry doesn't know are null. */
export interface StackFrame {
  readonly function: string | null;
  /** Module if Sentry names one, else the file's name or URL. */
  readonly module: string | null;
  /** Counted from 1. */
  readonly line: number | null;
  readonly column: number | null;
}

/**
 * The issue that Sentry groups events under. `message`, `logMessage`, `module` and `stackFrames` come from the first event
 * received. They are untrusted: their length is bounded and they can be stored, but they are not safe to show.
 */
export interface Issue {
  /** Our own key, a decimal string. */
  readonly id: string;
  /** Sentry's `groupID`. */
  readonly groupId: string;
  readonly projectId: string;
  readonly message: string;
  /** The log message of an event with an exception, if it says more than `message`; empty otherwise. */
  readonly logMessage: string;
  /** Where the exception was thrown; empty if Sentry doesn't say. */
  readonly module: string;
  /** The crash site first; at most 50, and one more that says how many were left out. */
  readonly stackFrames: readonly StackFrame[];
  /** The release of the first event; null if it has no release. */
  readonly firstRelease: string | null;
  /** The environment of the first event, such as `production`; null if it has no environment. */
  readonly environment: string | null;
  /** When Sentry received the issue's first event, by Sentry's clock. */
  readonly firstSeen: Date;
  /** When Sentry received the latest event; in an evaluation, the event that is evaluated. Moves forward only. */
  readonly lastSeen: Date;
}

/** Estimates by HyperLogLog: exact up to 150, then with a standard error of 2.3 %. Users never exceed events. */
export interface Counts {
  readonly events: number;
  readonly users: number;
}

/** Counts of one UTC day. */
export interface DayCounts extends Counts {
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

/** Counts of one bucket: a UTC day or a UTC hour. */
export interface BucketCounts extends Counts {
  /** The bucket's first instant. */
  readonly at: Date;
}

/** One value of a tag, estimated from samples of the issue's events: up to 64 of each UTC day. */
export interface TagCount {
  readonly value: string;
  /** Estimated number of the issue's events in the window with this value. */
  readonly events: number;
  /** Share of the issue's events in the window, 0 to 1. Events without the tag count too, so shares may sum to less. */
  readonly share: number;
  /** When Sentry received the first sampled event with this value. Exact for issues of up to 64 events a day. */
  readonly firstSeen: Date;
}

/** The values of each tag, the most frequent first. */
export type TagValues = Readonly<Record<Tag, readonly TagCount[]>>;

/** An issue's place in a ranking: `rank` starts at 1. */
export interface RankedIssue extends Counts {
  readonly issue: Issue;
  readonly rank: number;
}
