/** What went wrong, for code; the message is for people. */
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
 * A foreign error as the adapter that saw it understands it: with a code, the operation in its message, the
 * original as `cause`, and whether trying again later can help.
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

/** Anything that was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown));
}

/** Even what has no text: a trigger may throw `match.groups`, and turning that into a string throws again. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** `message`, then the messages of its causes that it doesn't quote already, on one line. */
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

/** A second line of the AWS SDK's, for programmers with a debugger at hand. */
const SDK_HINT = /\n\s*Deserialization error: to see the raw response[^\n]*/;

// Node joins failed connection attempts to all of a host's addresses into an AggregateError without a message.
function ownMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((inner) => asError(inner).message).join(', ');
  }
  return textOf(asError(error).message).replace(SDK_HINT, '');
}

/** An error as it crosses a process boundary. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

export function toWire(thrown: unknown): WireError {
  const error = asError(thrown);
  return { name: error.name, message: messageOf(error), stack: stackOf(error) };
}

export function fromWire(wire: WireError): Error {
  const error = new Error(wire.message);
  error.name = wire.name;
  error.stack = wire.stack;
  return error;
}

/** The stack with the causes' stacks under it. */
export function stackOf(thrown: unknown): string {
  const stacks: string[] = [];
  let error: unknown = thrown;
  while (error instanceof Error && stacks.length < 5) {
    stacks.push(textOf(error.stack ?? `${error.name}: ${ownMessage(error)}`));
    error = error.cause;
  }
  return stacks.join('\ncaused by ');
}
