/** The kind of an error. Code looks at this; the message is for people. */
export type ErrorCode =
  | 'database_unavailable'
  | 'database_not_migrated'
  | 'database_refused'
  | 'database_failed'
  | 'queue_unavailable'
  | 'queue_refused'
  | 'object_unavailable'
  | 'mail_throttled'
  | 'mail_unavailable'
  | 'mail_refused'
  | 'trigger_failed'
  | 'worker_failed'
  | 'startup_failed';

/**
 * A foreign error, wrapped by the adapter that caught it. It has a code, the operation in its message, the original
 * error as `cause`, and whether a retry can help.
 */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'CodedError';
    this.code = code;
    this.retryable = options.retryable;
  }
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is CodedError {
  return error instanceof CodedError && codes.includes(error.code);
}

/** Errors of these kinds are faults of a program, even if an adapter caught them. */
const PROGRAM_FAULTS = [TypeError, RangeError, ReferenceError] as const;

/**
 * Whether the fault is in a service that we use: Postgres, SQS, S3 or SES is unreachable, is busy or rejects our role.
 * Then our stack would only show which step noticed it. The stack of a trigger's error is useful, although it is retried.
 */
export function isServiceFault(error: unknown): error is CodedError {
  if (!(error instanceof CodedError) || error.code === 'trigger_failed') return false;
  if (PROGRAM_FAULTS.some((kind) => error.cause instanceof kind)) return false;
  return error.retryable || error.code === 'queue_refused';
}

/** An error that was logged and reported before it ended the command. */
export class LoggedError extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = 'LoggedError';
  }
}

/** Turns any thrown value into an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown));
}

/**
 * Works for every value. A trigger may throw `match.groups`, for example, and converting that to a string throws again.
 */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** The error's message, followed by the messages of its causes that it doesn't quote already, on one line. */
export function messageOf(thrown: unknown): string {
  let text = ownMessage(thrown);
  let cause = thrown instanceof Error ? thrown.cause : undefined;
  for (let depth = 1; depth < 5 && cause !== undefined && cause !== null; depth += 1) {
    const own = ownMessage(cause);
    if (!text.includes(own)) text += `: ${own}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}

/** A line that the AWS SDK adds to some messages. It helps only with a debugger. */
const SDK_HINT = /\n\s*Deserialization error: to see the raw response[^\n]*/;

// If connecting to every address of a host fails, Node throws an AggregateError without a message.
function ownMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((inner) => asError(inner).message).join(', ');
  }
  return textOf(asError(error).message).replace(SDK_HINT, '');
}

/** An error in the form in which it is sent from a worker to the supervisor. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Null unless it is a service's fault. */
  readonly coded: { readonly code: ErrorCode; readonly retryable: boolean } | null;
}

export function toWire(thrown: unknown): WireError {
  const error = asError(thrown);
  const coded = isServiceFault(error) ? { code: error.code, retryable: error.retryable } : null;
  return { name: error.name, message: messageOf(error), stack: stackOf(error), coded };
}

export function fromWire({ name, message, stack, coded }: WireError): Error {
  const error = coded === null ? new Error(message) : new CodedError(coded.code, message, coded);
  error.name = name;
  error.stack = stack;
  return error;
}

/** The error's stack, with the stacks of its causes below it. */
export function stackOf(thrown: unknown): string {
  const stacks: string[] = [];
  let error: unknown = thrown;
  while (error instanceof Error && stacks.length < 5) {
    stacks.push(textOf(error.stack ?? `${error.name}: ${ownMessage(error)}`));
    error = error.cause;
  }
  return stacks.join('\ncaused by ');
}
