import type { QueueUrls, SqsOptions } from '../queue/sqs.ts';
import type { WireError } from '../runtime/errors.ts';
import type { LogFormat, LogLevel } from '../runtime/logger.ts';

/** What a worker needs to know. It travels over the channel and not as arguments: those are seen in /proc. */
export interface WorkerSettings {
  readonly name: string;
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
  readonly databaseUrl: string;
  readonly queue: QueueUrls & SqsOptions;
  /** Of a local S3; undefined for AWS. */
  readonly objectsEndpoint: string | undefined;
  /** How long a poll of an empty queue waits, in seconds. */
  readonly sleepDelaySeconds: number;
  /** After so many messages the worker retires. */
  readonly messageCount: number;
}

/** Supervisor to worker. */
export type Command =
  | { readonly type: 'start'; readonly settings: WorkerSettings }
  | { readonly type: 'stop' };

/** Worker to supervisor. */
export type Report =
  /** It has its settings, and Postgres answered: it polls from here on. */
  | { readonly type: 'ready' }
  /** Its loop turns: sent at most once a second, where nothing else is told. */
  | { readonly type: 'alive' }
  /** One batch committed. */
  | {
      readonly type: 'batch';
      readonly events: number;
      /** Dead-lettered messages by reason. */
      readonly rejected: Readonly<Record<string, number>>;
      readonly durationMilliseconds: number;
      /** From the oldest message's entry into the queue to the commit. */
      readonly lagMilliseconds: number;
    }
  /** It leaves soon: a replacement may start. */
  | { readonly type: 'retiring' }
  /** A message went to the dead-letter queue. */
  | {
      readonly type: 'rejected';
      readonly messageId: string;
      readonly reason: string;
      readonly detail: string;
    }
  /** An error for our own maintainers. */
  | {
      readonly type: 'error';
      readonly message: string;
      readonly error: WireError;
      readonly fields: Readonly<Record<string, string | number>>;
    };

const COMMANDS: ReadonlySet<string> = new Set<Command['type']>(['start', 'stop']);
const REPORTS: ReadonlySet<string> = new Set<Report['type']>([
  'ready',
  'alive',
  'batch',
  'retiring',
  'rejected',
  'error',
]);

export function isCommand(message: unknown): message is Command {
  return COMMANDS.has(typeOf(message));
}

export function isReport(message: unknown): message is Report {
  return REPORTS.has(typeOf(message));
}

function typeOf(message: unknown): string {
  return typeof message === 'object' && message !== null && 'type' in message ? String(message.type) : '';
}
