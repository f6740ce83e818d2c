import type { StackFrame } from './issue.ts';
import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import { plural, storable } from './text.ts';

export interface ThrownException {
  readonly type: string | null;
  readonly value: string | null;
  readonly module: string | null;
  readonly stackFrames: readonly StackFrame[];
}

const MAX_FRAMES = 50;
const MAX_FRAME_TEXT = 200;

/**
 * The exception that was thrown: the last of `values`, which run from the root cause on. Sentry titles an issue
 * by it. Very old events hold the exception itself in place of `values`.
 */
export function readException(entries: unknown): ThrownException | null {
  if (!Array.isArray(entries)) return null;
  const entry = entries.find((candidate) => isRecord(candidate) && candidate.type === 'exception');
  if (!isRecord(entry) || !isRecord(entry.data)) return null;
  const { values } = entry.data;
  const thrown = Array.isArray(values) ? values.findLast(isRecord) : entry.data;
  if (!isRecord(thrown)) return null;
  const frames = framesOf(thrown);
  return {
    type: nonEmptyText(thrown.type),
    value: nonEmptyText(thrown.value),
    module: nonEmptyText(thrown.module) ?? crashModule(frames),
    stackFrames: boundedFrames(frames),
  };
}

/** `type: value` as Sentry's title has it, or the one that isn't missing. */
export function describeException(exception: ThrownException | null): string | null {
  if (exception === null) return null;
  const { type, value } = exception;
  return type !== null && value !== null ? `${type}: ${value}` : (type ?? value);
}

function framesOf(thrown: JsonRecord): readonly JsonRecord[] {
  for (const trace of [thrown.stacktrace, thrown.rawStacktrace]) {
    if (isRecord(trace) && Array.isArray(trace.frames)) return trace.frames.filter(isRecord);
  }
  return [];
}

function crashModule(frames: readonly JsonRecord[]): string | null {
  const crash = frames.at(-1);
  return crash === undefined ? null : frameModule(crash);
}

function frameModule(frame: JsonRecord): string | null {
  return nonEmptyText(frame.module) ?? nonEmptyText(frame.filename) ?? nonEmptyText(frame.absPath);
}

/** Crash site first: Sentry's `frames` run from the oldest call to it. */
function boundedFrames(frames: readonly JsonRecord[]): readonly StackFrame[] {
  const kept = frames.slice(-MAX_FRAMES).reverse().map(frameOf);
  const left = frames.length - kept.length;
  if (left > 0)
    kept.push({ function: `… ${plural(left, 'more frame')}`, module: null, line: null, column: null });
  return kept;
}

function frameOf(frame: JsonRecord): StackFrame {
  return {
    function: bounded(nonEmptyText(frame.function) ?? nonEmptyText(frame.rawFunction)),
    module: bounded(frameModule(frame)),
    line: position(frame.lineNo),
    column: position(frame.colNo),
  };
}

function bounded(text: string | null): string | null {
  return text === null ? null : storable(text, MAX_FRAME_TEXT);
}

function position(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
