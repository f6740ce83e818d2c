import { createHash } from 'node:crypto';
import type { JsonRecord } from '../../src/domain/json.ts';
import { nonEmptyText } from '../../src/domain/json.ts';
import { frames, logMessage, record, text, thrownException } from './json.ts';

export interface Group {
  /** A decimal number as text, the same for the same error at every start. */
  readonly id: string;
  /** The hash that Sentry lists under `fingerprints`. */
  readonly hash: string;
}

const DEFAULT_FINGERPRINT = /^\{\{\s*default\s*\}\}$/;
/** 48 bits: exact as a number too, for readers that want one. */
const ID_DIGITS = 12;
const MAX_TITLE_VALUE = 100;

/** Which issue an event belongs to, in the manner of Sentry: its own fingerprint, else the stack, else the message. */
export function groupOf(event: JsonRecord, projectId: string): Group {
  const own = Array.isArray(event.fingerprint) ? event.fingerprint.map(String) : [];
  const parts = own.length === 0 ? defaultParts(event) : own.flatMap((part) => expand(part, event));
  const hash = createHash('md5').update(JSON.stringify(parts)).digest('hex');
  const number = createHash('md5').update(`${projectId}/${hash}`).digest('hex').slice(0, ID_DIGITS);
  return { id: BigInt(`0x${number}`).toString(), hash };
}

function expand(part: string, event: JsonRecord): string[] {
  return DEFAULT_FINGERPRINT.test(part) ? defaultParts(event) : [part];
}

function defaultParts(event: JsonRecord): string[] {
  const thrown = thrownException(event);
  if (thrown === undefined) return ['message', text(record(event.logentry).message) ?? logMessage(event)];
  const type = text(thrown.type) ?? '';
  const all = frames(thrown);
  const inApp = all.filter((frame) => frame.in_app === true);
  const calls = (inApp.length > 0 ? inApp : all).map(frameKey);
  // Without a stack, two errors of a type differ only in their values.
  return calls.length > 0 ? ['stack', type, ...calls] : ['value', type, text(thrown.value) ?? ''];
}

/** Lines and columns change with every release; module and function stay. */
function frameKey(frame: JsonRecord): string {
  return `${text(frame.module) ?? text(frame.filename) ?? ''} ${text(frame.function) ?? ''}`;
}

/** `Type: value` of the exception that was thrown, else the message's first line. */
export function titleOf(event: JsonRecord): string {
  const thrown = thrownException(event);
  if (thrown === undefined) return shortened(logMessage(event)) || '<unlabeled event>';
  const type = text(thrown.type) ?? 'Error';
  const value = nonEmptyText(thrown.value);
  return value === null ? type : `${type}: ${shortened(value)}`;
}

function shortened(value: string): string {
  const line = value.trim().split(/\r?\n/, 1)[0] ?? '';
  return line.length > MAX_TITLE_VALUE ? `${line.slice(0, MAX_TITLE_VALUE - 3)}...` : line;
}
