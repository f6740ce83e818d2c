import type { DatabaseConnection } from '../db/client.ts';
import type { RowUpdates } from '../db/row-updates.ts';
import type { Tag } from '../domain/tags.ts';
import type { QueueUrls, SqsOptions } from '../queue/sqs.ts';
import type { WireError } from '../runtime/errors.ts';
import type { LogFormat, LogLevel } from '../runtime/logger.ts';
import { messageGuard } from '../runtime/message-guard.ts';

/** A worker's settings. They are sent over the channel and not as arguments, which anybody can read in /proc. */
export interface WorkerSettings {
  readonly name: string;
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
  readonly database: DatabaseConnection;
  readonly queue: QueueUrls & SqsOptions;
  /** URL of a local S3; undefined for AWS. */
  readonly objectsEndpoint: string | undefined;
  /** How long a poll of an empty queue waits for a message. */
  readonly sleepDelaySeconds: number;
  /** The tags of events that are stored. */
  readonly tags: readonly Tag[];
  /** Number of messages after which the worker retires. */
  readonly messageCount: number;
  /** How long a worker rests between batches while Postgres keeps old versions of rows. */
  readonly restMilliseconds: number;
  /** The last reading of another worker; null for the first workers. */
  readonly versions: VersionsReading | null;
}

/** A worker's look at Postgres's statistics of updates. */
export interface VersionsReading {
  /** When a worker asked, in milliseconds since 1970. */
  readonly at: number;
  readonly updates: RowUpdates;
  /** Whether Postgres has kept the old versions since the reading before, because a transaction could still read them. */
  readonly areKept: boolean;
}

/** A message from the supervisor to a worker. */
export type Command =
  | { readonly type: 'start'; readonly settings: WorkerSettings }
  | { readonly type: 'stop' };

/** A message from a worker to the supervisor. */
export type Report =
  /** Postgres can store, and the worker begins to poll. Sent at the start and after each outage. */
  | { readonly type: 'ready' }
  /** The worker's loop goes on. Sent about once a second, if the worker sends nothing else. */
  | { readonly type: 'alive' }
  /** The worker committed a batch. */
  | {
      readonly type: 'batch';
      readonly events: number;
      /** Number of rejected messages by reason. */
      readonly rejected: Readonly<Record<string, number>>;
      readonly durationMilliseconds: number;
      /** From the oldest message's entry into the queue to the commit. */
      readonly lagMilliseconds: number;
    }
  /** The worker read the statistics of updates. */
  | { readonly type: 'versions'; readonly reading: VersionsReading }
  /** The worker ends soon, so its replacement may start. */
  | { readonly type: 'retiring' }
  /** The worker sent a message to the dead-letter queue. */
  | {
      readonly type: 'rejected';
      readonly messageId: string;
      readonly reason: string;
      readonly detail: string;
    }
  /** An error to log, and to report to Sentry. */
  | {
      readonly type: 'error';
      readonly message: string;
      readonly error: WireError;
      readonly fields: Readonly<Record<string, string | number>>;
    };

export const isCommand = messageGuard<Command>(['start', 'stop']);
export const isReport = messageGuard<Report>([
  'ready',
  'alive',
  'batch',
  'versions',
  'retiring',
  'rejected',
  'error',
]);
