/** One email as a backend sends it. */
export interface Email {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
}

/**
 * Delivers emails. `send` returns SES's message id, null where there is none.
 * @throws CodedError `mail_throttled` and `mail_unavailable` (retryable), of all emails; `mail_refused` of this one (for good, or
 *   retryable once a person did something)
 */
export interface Mailer {
  send(email: Email, signal: AbortSignal): Promise<string | null>;
  /** Emails a second that the backend takes. @throws CodedError where it can't be asked */
  maxSendRate(): Promise<number>;
  close(): void;
}
