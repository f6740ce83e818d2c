/** One email to one recipient. */
export interface Email {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** The left part of its Message-ID, a UUID. It is the same in each attempt to send the email. */
  readonly messageId: string;
  /** Its place in a thread: the first email of one, a later one, or in no thread. */
  readonly thread: 'first' | ThreadStart | null;
  /** For filters of mail programs; null for an email about several alerts. */
  readonly alert: { readonly trigger: string; readonly groupId: string } | null;
}

/** The first email of a thread. */
export interface ThreadStart {
  /** The left part of its Message-ID, as we gave it. */
  readonly messageId: string;
  /** SES's message id; null if it was not sent by SES. */
  readonly sesMessageId: string | null;
}

/**
 * Sends emails. Methods throw CodedErrors. `mail_throttled` and `mail_unavailable` concern all emails and are
 * retryable. `mail_refused` concerns one email; it is final, or retryable once a person has fixed something.
 */
export interface Mailer {
  /** @returns SES's message id; null for a mailer without ids */
  send(email: Email, signal: AbortSignal): Promise<string | null>;
  /** Emails per second that the mailer accepts. @throws CodedError if SES doesn't answer */
  maxSendRate(): Promise<number>;
  close(): void;
}
