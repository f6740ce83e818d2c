/** One email to one recipient. */
export interface Email {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
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
