/**
 * Why a message goes to the dead-letter queue; stands in the dead letter's attribute `reason`. docs/operations.md says
 * what to do about each, docs/bad-input.md which input leads to it.
 */
export type RejectionReason =
  | 'invalid_json'
  | 'not_an_object'
  | 'missing_event_id'
  | 'missing_group_id'
  | 'missing_message'
  | 'invalid_event_id'
  | 'invalid_group_id'
  | 'invalid_date'
  | 'invalid_s3_url'
  | 'missing_s3_object'
  | 'oversized_s3_object'
  /** Postgres refused the event's data. */
  | 'database_refused';

export interface Rejection {
  readonly reason: RejectionReason;
  /** For a person: which field, or what Postgres said. Holds nothing of the message's content. */
  readonly detail: string;
}

/** The reason of a dead letter that SQS's redrive policy moved: SQS adds no attribute. */
export const RECEIVED_TOO_OFTEN = 'received_too_often';
