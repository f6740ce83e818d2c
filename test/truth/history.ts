import type { StackFrame } from '../../src/domain/issue.ts';
import type { Moment } from './moments.ts';

/** Hours since the history's first scored moment. Negative hours are in the warm-up. */
export type Hour = number;

/** Some of an issue's events. */
export interface Stream {
  readonly from: Hour;
  readonly until: Hour;
  /** The mean number of events in an hour. Either this or `events`. */
  readonly perHour?: number | ((date: Date) => number);
  /** The exact number of events, spread over the time. */
  readonly events?: number;
  /**
   * Each event has one of this many users: a random one, or each in turn with `events`. Default: each event has a new
   * user.
   */
  readonly users?: number;
  /** Hours after the event until it arrives. Default: it arrives at once. */
  readonly lateBy?: number;
  /** The tag. Default: `140`. */
  readonly release?: string;
}

/** One time at which a person on call wants to hear of the issue. */
export interface Incident {
  /** An alert before this is a false one. */
  readonly start: Hour;
  /** The moment from which on the person wants to know. The delay counts from it. An earlier alert has no delay. */
  readonly wanted: Moment;
  /** Minutes after that moment. A later alert is too late. */
  readonly within: number;
  /** More alerts than this are false ones. Default: 4, since each tenfold growth is news. */
  readonly atMost?: number;
}

/** A person's decision about an issue, and its reason. It was written before any trigger saw the history. */
export type Label =
  | { readonly notify: 'never'; readonly because: string }
  | { readonly notify: 'incidents'; readonly incidents: readonly Incident[]; readonly because: string };

export interface LabelledIssue {
  readonly name: string;
  readonly label: Label;
  readonly streams: readonly Stream[];
  readonly message?: string;
  readonly module?: string;
  readonly stackFrames?: readonly StackFrame[];
  /** This many issues of the same kind. Default: one. */
  readonly copies?: number;
}

/** An event stream of days, with labels. Every issue without a label, such as those of the background, counts as never. */
export interface History {
  readonly name: string;
  /** The first scored moment, on the hour. */
  readonly from: Date;
  /** Scored hours. */
  readonly hours: number;
  readonly issues: readonly LabelledIssue[];
  /** How many times each event is forwarded. Default: once. */
  readonly forwarded?: number;
  /** Old issues without a label. Default: 25. */
  readonly background?: number;
  /** A factor for the rates of the background. Default: 1 at all times. */
  readonly rhythm?: (date: Date) => number;
  /** When release 141 begins to replace 140 in the background. Default: never. */
  readonly deploy?: Hour;
  /** Hours between which nothing is expected. There a run each hour saves time. */
  readonly calm?: readonly (readonly [from: Hour, until: Hour])[];
}

export function never(because: string): Label {
  return { notify: 'never', because };
}

export function once(incident: Incident, because: string): Label {
  return { notify: 'incidents', incidents: [incident], because };
}
