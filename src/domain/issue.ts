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
 * The issue that Sentry groups events under. `message`, `module` and `stackFrames` are those of the first event
 * received. They come from an unknown browser, and are only bounded and made storable, not made safe to show.
 */
export interface Issue {
  /** Our own key, a decimal string. */
  readonly id: string;
  /** Sentry's `groupID`. */
  readonly groupId: string;
  readonly projectId: string;
  readonly message: string;
  /** Where the exception was thrown; empty if Sentry doesn't say. */
  readonly module: string;
  /** The crash site first, at most 50 and a last one that says how many were left out. */
  readonly stackFrames: readonly StackFrame[];
  /** When Sentry received the first event of it, by Sentry's clock. */
  readonly firstSeen: Date;
  /** When Sentry received the latest event; in an evaluation, the event that is evaluated. Moves forward only. */
  readonly lastSeen: Date;
}

/** Estimates by HyperLogLog: exact up to 150, then with a standard error of 2.3 %. Users never exceed events. */
export interface Counts {
  readonly events: number;
  readonly users: number;
}

/** The counts of one UTC day. */
export interface DayCounts extends Counts {
  /** `YYYY-MM-DD`. */
  readonly date: string;
}

/** An issue's place in a ranking: `rank` starts at 1. */
export interface RankedIssue extends Counts {
  readonly issue: Issue;
  readonly rank: number;
}
