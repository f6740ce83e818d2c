/**
 * The reason why a message is sent to the dead-letter queue, where it is the attribute `reason`. docs/operations.md
 * says what to do about each reason, docs/bad-input.md which input leads to it.
 */
export const REJECTION_REASONS = [
  'invalid_json',
  'not_an_object',
  'missing_event_id',
  'missing_group_id',
  'missing_message',
  'invalid_event_id',
  'invalid_group_id',
  'invalid_date',
  'invalid_s3_url',
  'missing_s3_object',
  'oversized_s3_object',
  /** Postgres refused the event's data. */
  'database_refused',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

export interface Rejection {
  readonly reason: RejectionReason;
  /** For people: the wrong field, or Postgres's message. Contains nothing of the message's content. */
  readonly detail: string;
}

/** The reason shown for a dead letter that SQS's redrive policy moved. SQS adds no attribute that says so. */
export const RECEIVED_TOO_OFTEN = 'received_too_often';
