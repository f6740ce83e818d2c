import { hostname } from 'node:os';
import { pino } from 'pino';
import { CodedError, isServiceFault, messageOf, stackOf } from './errors.ts';

export type LogFormat = 'mozlog' | 'compose';
export type LogLevel = 'CRITICAL' | 'ERROR' | 'WARNING' | 'INFO' | 'DEBUG';
/** Fields of a log record, without nesting. An `error` becomes the fields `error` and, except for a service's fault, `traceback`. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | Error>>;

export interface Logger {
  critical(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** The part of the system, for mozlog's `Type`: `processor`, `worker-3`, `watcher`. */
  readonly name: string;
  /** Default: standard output, written synchronously so that no line is lost on exit. */
  readonly destination?: { write(line: string): void };
}

const PINO_LEVEL = {
  CRITICAL: 'fatal',
  ERROR: 'error',
  WARNING: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
} as const;
/** Syslog's severities, which mozlog uses: https://wiki.mozilla.org/Firefox/Services/Logging */
const SEVERITY: Readonly<Record<string, number>> = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7 };
const NAME_OF_SEVERITY: Readonly<Record<number, LogLevel>> = {
  2: 'CRITICAL',
  3: 'ERROR',
  4: 'WARNING',
  6: 'INFO',
  7: 'DEBUG',
};

/** Creates a logger that writes mozlog records or, in the format `compose`, the same records as text for people. */
export function createLogger(options: LoggerOptions): Logger {
  const output = options.destination ?? pino.destination({ fd: 1, sync: true });
  const destination =
    options.format === 'mozlog' ? output : { write: (line: string) => output.write(toCompose(line)) };
  const records = pino(
    {
      level: PINO_LEVEL[options.level],
      base: {
        Type: `bec-alerts.${options.name}`,
        Logger: 'bec-alerts',
        Hostname: hostname(),
        EnvVersion: '2.0',
        Pid: process.pid,
      },
      timestamp: () => `,"Timestamp":${Date.now()}000000`,
      formatters: { level: (label) => ({ Severity: SEVERITY[label] }) },
    },
    destination,
  );
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (!records.isLevelEnabled(PINO_LEVEL[level])) return;
      const allStacks = records.isLevelEnabled(PINO_LEVEL.DEBUG);
      records[PINO_LEVEL[level]]({ Fields: { ...flat(fields, allStacks), msg: message } });
    };
  return {
    critical: write('CRITICAL'),
    error: write('ERROR'),
    warning: write('WARNING'),
    info: write('INFO'),
    debug: write('DEBUG'),
  };
}

type FlatFields = Record<string, string | number | boolean | null | undefined>;

/** @param allStacks at DEBUG; else an outage is one line, not a stack for each attempt to reach the service again */
function flat(fields: LogFields, allStacks: boolean): FlatFields {
  const { error, ...rest } = fields;
  const values = rest as FlatFields;
  if (!(error instanceof Error)) return { ...values };
  const kind = error instanceof CodedError ? error.code : error.name;
  const traceback = isServiceFault(error) && !allStacks ? undefined : stackOf(error);
  return { ...values, error: `${kind}: ${messageOf(error)}`, traceback };
}

interface MozlogRecord {
  readonly Type: string;
  readonly Severity: number;
  readonly Fields: Readonly<Record<string, string | number | boolean | null>>;
}

/** Control and format characters except the line feed and the tab, and Unicode's own line breaks. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Formats a record as `worker-3 | INFO | message key=value`, with the traceback indented below. Invisible characters
 * are escaped: an error may quote untrusted text, which must not control the terminal.
 */
function toCompose(line: string): string {
  const { Type, Severity, Fields } = JSON.parse(line) as MozlogRecord;
  const { msg, traceback, ...fields } = Fields;
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  const name = Type.replace('bec-alerts.', '');
  const trace = typeof traceback === 'string' ? `    ${traceback.replaceAll('\n', '\n    ')}\n` : '';
  return `${name} | ${NAME_OF_SEVERITY[Severity]} | ${msg}${pairs.join('')}\n${trace}`.replace(
    UNSEEN,
    escaped,
  );
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function shown(value: string | number | boolean | null): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
