/** One email to one recipient. */
export interface Email {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** The left part of its Message-ID, a UUID. It is the same in each attempt to send the email. */
  readonly messageId: string;
  /** The Message-IDs of its thread, from the outbox. Empty for the first email of a thread; null without a thread. */
  readonly references: readonly string[] | null;
  /** For filters of mail programs; null for an email about several alerts. */
  readonly alert: { readonly trigger: string; readonly groupId: string } | null;
}

/** An email that was accepted. */
export interface Sent {
  /** SES's message id; null for a mailer without ids. */
  readonly sesMessageId: string | null;
  /** The Message-IDs that the next emails of the same thread refer to; empty without a thread. */
  readonly references: readonly string[];
}

/**
 * Sends emails. Methods throw CodedErrors. `mail_throttled` and `mail_unavailable` concern all emails and are
 * retryable. `mail_refused` concerns one email; it is final, or retryable once a person has fixed something.
 */
export interface Mailer {
  send(email: Email, signal: AbortSignal): Promise<Sent>;
  /** Emails per second that the mailer accepts. @throws CodedError if SES doesn't answer */
  maxSendRate(): Promise<number>;
  close(): void;
}
