import type { JsonRecord } from '../../src/domain/json.ts';
import { frames, logMessage, record, text, values } from './json.ts';

export interface Entry {
  readonly type: 'exception' | 'message' | 'breadcrumbs' | 'request';
  readonly data: JsonRecord;
}

/** The event's parts as Sentry's API prints them; a part that the event lacks has no entry. */
export function entriesOf(event: JsonRecord): Entry[] {
  return [exception(event), message(event), breadcrumbs(event), request(event)].filter(
    (entry) => entry !== null,
  );
}

function exception(event: JsonRecord): Entry | null {
  const thrown = values(event.exception);
  if (thrown.length === 0) return null;
  const hasSystemFrames = thrown.some((value) => frames(value).some((frame) => frame.in_app !== true));
  const data = { values: thrown.map(exceptionValue), hasSystemFrames, excOmitted: null };
  return { type: 'exception', data };
}

function exceptionValue(value: JsonRecord): JsonRecord {
  const list = frames(value);
  const stacktrace =
    list.length === 0
      ? null
      : {
          frames: list.map(frame),
          framesOmitted: null,
          registers: null,
          hasSystemFrames: list.some((call) => call.in_app !== true),
        };
  return {
    type: text(value.type),
    value: text(value.value) ?? '',
    mechanism: value.mechanism ?? null,
    threadId: value.thread_id ?? null,
    module: text(value.module),
    stacktrace,
    rawStacktrace: null,
  };
}

function frame(call: JsonRecord): JsonRecord {
  const filename = text(call.filename);
  return {
    filename,
    absPath: text(call.abs_path) ?? filename,
    module: text(call.module),
    package: text(call.package),
    platform: text(call.platform),
    instructionAddr: null,
    symbolAddr: null,
    function: text(call.function),
    rawFunction: text(call.raw_function),
    symbol: null,
    context: contextOf(call),
    lineNo: call.lineno ?? null,
    colNo: call.colno ?? null,
    inApp: call.in_app === true,
    trust: null,
    errors: null,
    lock: null,
    vars: call.vars ?? null,
  };
}

/** `[[line, text]]` around the call, as far as the SDK sent source. */
function contextOf(call: JsonRecord): [number, string][] {
  const line = Number(call.lineno);
  const crash = call.context_line;
  if (!Number.isSafeInteger(line) || typeof crash !== 'string') return [];
  const before = lines(call.pre_context);
  const all = [...before, crash, ...lines(call.post_context)];
  return all.map((source, index) => [line - before.length + index, source]);
}

function lines(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function message(event: JsonRecord): Entry | null {
  const formatted = logMessage(event);
  if (formatted === '') return null;
  const { message: template, params } = record(event.logentry);
  return { type: 'message', data: { formatted, message: text(template), params: params ?? null } };
}

function breadcrumbs(event: JsonRecord): Entry | null {
  const crumbs = values(event.breadcrumbs);
  if (crumbs.length === 0) return null;
  return { type: 'breadcrumbs', data: { values: crumbs.map(breadcrumb) } };
}

function breadcrumb(crumb: JsonRecord): JsonRecord {
  const seconds = crumb.timestamp;
  return {
    type: text(crumb.type) ?? 'default',
    timestamp: typeof seconds === 'number' ? new Date(seconds * 1_000).toISOString() : text(seconds),
    level: text(crumb.level) ?? 'info',
    message: text(crumb.message),
    category: text(crumb.category),
    data: crumb.data ?? null,
    event_id: null,
  };
}

function request(event: JsonRecord): Entry | null {
  const { url, method, query_string, fragment, data, headers, cookies, env } = record(event.request);
  if (text(url) === null) return null;
  return {
    type: 'request',
    data: {
      apiTarget: null,
      method: text(method),
      url,
      query: pairs(query_string),
      fragment: text(fragment),
      data: data ?? null,
      headers: pairs(headers),
      cookies: pairs(cookies),
      env: env ?? null,
      inferredContentType: null,
    },
  };
}

function pairs(value: unknown): unknown[] {
  if (typeof value === 'string') return [...new URLSearchParams(value)];
  return Array.isArray(value) ? value : Object.entries(record(value));
}
