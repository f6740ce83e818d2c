import type { JsonRecord } from './json.ts';
import { isRecord, nonEmptyText } from './json.ts';
import { oneLine } from './text.ts';

/**
 * A message in the queue of SES's events, as far as the watcher acts on it. Anybody who may publish to the topic can have
 * written it, so every text is bounded and on one line.
 */
export type SesEvent =
  /** SES accepted the email and it was not delivered: a bounce, a rejection, or an address on the suppression list. */
  | { readonly kind: 'undelivered'; readonly sesMessageId: string; readonly reason: string }
  /** The email was delivered, and its recipient marked it as unwanted. */
  | { readonly kind: 'complaint'; readonly sesMessageId: string; readonly reason: string }
  /** Nothing to do: a delivery, an opened email, the confirmation of a topic. */
  | { readonly kind: 'ignored'; readonly what: string }
  /** SNS asks to confirm the queue's subscription, and until then sends no event. */
  | { readonly kind: 'unconfirmed' }
  /** An event of Sentry: the variable names the wrong queue. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'invalid'; readonly problem: string };

/** Keys of the events that Sentry forwards. */
const SENTRY_KEYS = ['groupID', 'eventID', 'dateReceived'] as const;
const MAX_REASON = 500;
const MAX_NAME = 60;
/** The ids of SES have 60 characters. Others can't be an id that the outbox has. */
const MESSAGE_ID = /^[\x21-\x7e]{1,200}$/;

/** SES publishes this text, which is not JSON, when a topic becomes the destination of events. */
const TOPIC_VALIDATED = 'Successfully validated SNS topic for Amazon SES event publishing.';

/**
 * Reads the body of a message: an event as SES publishes it by a configuration set (`eventType`), or as it notifies for an
 * identity (`notificationType`). SNS delivers either as it is, or wrapped in a message of its own.
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
export function parseSesEvent(body: string): SesEvent {
  if (isValidation(body)) return ignored('topic validation');
  const outer = parse(body);
  if (outer === null) return invalid('the body is not a JSON object');
  switch (outer.Type) {
    case 'SubscriptionConfirmation':
      return { kind: 'unconfirmed' };
    case 'UnsubscribeConfirmation':
      return ignored('UnsubscribeConfirmation');
    case 'Notification':
      return ofNotification(outer);
    default:
      return ofSes(outer);
  }
}

function ofNotification({ Message: message }: JsonRecord): SesEvent {
  if (typeof message !== 'string') return invalid('the message of SNS has no text');
  if (isValidation(message)) return ignored('topic validation');
  const inner = parse(message);
  return inner === null ? invalid('the message of SNS does not contain a JSON object') : ofSes(inner);
}

function ofSes(json: JsonRecord): SesEvent {
  const type = nonEmptyText(json.eventType) ?? nonEmptyText(json.notificationType);
  if (type === null && SENTRY_KEYS.some((key) => key in json)) return { kind: 'foreign' };
  if (type === null) return invalid('neither eventType nor notificationType holds text');
  const reading = READINGS.get(type);
  if (reading === undefined) return ignored(name(type));
  const mail = isRecord(json.mail) ? json.mail : {};
  const sesMessageId = nonEmptyText(mail.messageId) ?? '';
  if (!MESSAGE_ID.test(sesMessageId)) return invalid('mail.messageId is not an id of SES');
  const content = json[reading.field];
  if (!isRecord(content)) return invalid(`a ${type} without the object ${reading.field}`);
  return reading.read(content, sesMessageId);
}

interface Reading {
  readonly field: string;
  readonly read: (content: JsonRecord, sesMessageId: string) => SesEvent;
}

/** The types of events that matter. SES has others, and may get new ones. */
const READINGS: ReadonlyMap<string, Reading> = new Map([
  ['Bounce', { field: 'bounce', read: ofBounce }],
  ['Complaint', { field: 'complaint', read: ofComplaint }],
  ['Reject', { field: 'reject', read: ofReject }],
]);

const ON_SUPPRESSION_LIST = 'OnAccountSuppressionList';
const SUPPRESSED = "SES did not send the email, because the address is on the account's suppression list";
/** For the sub types that are reasons themselves. A mail server's own words say more, where there are any. */
const SUB_TYPES: ReadonlyMap<string, string> = new Map([
  [ON_SUPPRESSION_LIST, SUPPRESSED],
  ['Suppressed', 'SES did not send the email, because the address bounced before'],
]);

function ofBounce(bounce: JsonRecord, sesMessageId: string): SesEvent {
  const type = nonEmptyText(bounce.bounceType);
  const subType = nonEmptyText(bounce.bounceSubType);
  const title = type === null ? 'Bounce' : `${name(type)} bounce`;
  const details = detailsOf(bounce.bouncedRecipients) ?? SUB_TYPES.get(subType ?? '') ?? withoutDetails(type);
  return undelivered(sesMessageId, `${title}${subType === null ? '' : ` (${name(subType)})`}: ${details}`);
}

/** The mail server's words about the first recipient that has any: each of our emails has only one recipient. */
function detailsOf(recipients: unknown): string | null {
  for (const recipient of Array.isArray(recipients) ? recipients : []) {
    if (!isRecord(recipient)) continue;
    const details = nonEmptyText(recipient.diagnosticCode) ?? nonEmptyText(recipient.status);
    if (details !== null) return details;
  }
  return null;
}

/** SES also reports automatic replies as bounces: not permanent, and without a word of the mail server. */
function withoutDetails(type: string | null): string {
  const silent = 'the mail server gave no reason';
  return type === 'Permanent' ? silent : `${silent}; it can be an automatic reply to a delivered email`;
}

function ofComplaint(complaint: JsonRecord, sesMessageId: string): SesEvent {
  if (complaint.complaintSubType === ON_SUPPRESSION_LIST) {
    return undelivered(sesMessageId, `Complaint (${ON_SUPPRESSION_LIST}): ${SUPPRESSED}`);
  }
  const feedback = nonEmptyText(complaint.complaintFeedbackType);
  // It corrects an earlier complaint: the email is wanted.
  if (feedback === 'not-spam') return ignored('Complaint (not-spam)');
  const reason = `Complaint${feedback === null ? '' : ` (${name(feedback)})`}`;
  return { kind: 'complaint', sesMessageId, reason };
}

function ofReject(reject: JsonRecord, sesMessageId: string): SesEvent {
  const reason = nonEmptyText(reject.reason) ?? 'SES gave no reason';
  return undelivered(sesMessageId, `Rejected by SES after it accepted the email: ${reason}`);
}

function undelivered(sesMessageId: string, reason: string): SesEvent {
  return { kind: 'undelivered', sesMessageId, reason: oneLine(reason, MAX_REASON) };
}

function ignored(what: string): SesEvent {
  return { kind: 'ignored', what };
}

function invalid(problem: string): SesEvent {
  return { kind: 'invalid', problem };
}

function isValidation(text: string): boolean {
  return text.length < 2 * TOPIC_VALIDATED.length && text.trim() === TOPIC_VALIDATED;
}

function parse(text: string): JsonRecord | null {
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : null;
  } catch {
    return null;
  }
}

function name(text: string): string {
  return oneLine(text, MAX_NAME);
}
