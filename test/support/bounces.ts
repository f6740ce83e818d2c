import { randomUUID } from 'node:crypto';
import { isRecord } from '../../src/domain/json.ts';
import { arnOf } from './dead-letters.ts';
import type { TestQueue } from './queue.ts';

// Events as SES publishes them, after the examples in its documentation.

/** The fields of an event that a test may set. */
type Overrides = Readonly<Record<string, unknown>>;

const mail = (messageId: string, recipient: string) => ({
  timestamp: '2026-05-06T12:00:00.000Z',
  source: 'Browser alerts <alerts@example.com>',
  sourceArn: 'arn:aws:ses:us-east-1:123456789012:identity/alerts@example.com',
  sendingAccountId: '123456789012',
  messageId,
  destination: [recipient],
  headersTruncated: false,
  headers: [{ name: 'Subject', value: 'TypeError: x is undefined' }],
  commonHeaders: { messageId, subject: 'TypeError: x is undefined' },
  tags: { 'ses:configuration-set': ['bec-alerts'] },
});

export function bounce(messageId: string, overrides: Overrides = {}, recipient: Overrides = {}): string {
  const address = 'oncall@example.com';
  const bounced = {
    emailAddress: address,
    action: 'failed',
    status: '5.1.1',
    diagnosticCode: 'smtp; 550 5.1.1 user unknown',
    ...recipient,
  };
  return JSON.stringify({
    eventType: 'Bounce',
    bounce: {
      bounceType: 'Permanent',
      bounceSubType: 'General',
      bouncedRecipients: [bounced],
      timestamp: '2026-05-06T12:00:02.669Z',
      feedbackId: '01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000',
      reportingMTA: 'dsn; mta.example.com',
      ...overrides,
    },
    mail: mail(messageId, address),
  });
}

/** Of an address on the account's suppression list, as SES reports it since it has such lists. */
export function suppressed(messageId: string): string {
  const diagnosticCode =
    'Amazon SES did not send the message to this address because it is on the suppression list for your account.';
  return bounce(messageId, { bounceSubType: 'OnAccountSuppressionList' }, { diagnosticCode });
}

export function complaint(messageId: string, overrides: Overrides = {}): string {
  const address = 'oncall@example.com';
  return JSON.stringify({
    eventType: 'Complaint',
    complaint: {
      complainedRecipients: [{ emailAddress: address }],
      timestamp: '2026-05-06T12:00:02.669Z',
      feedbackId: '01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000',
      userAgent: 'Amazon SES Mailbox Simulator',
      complaintSubType: null,
      complaintFeedbackType: 'abuse',
      ...overrides,
    },
    mail: mail(messageId, address),
  });
}

export function rejection(messageId: string): string {
  return JSON.stringify({
    eventType: 'Reject',
    mail: mail(messageId, 'oncall@example.com'),
    reject: { reason: 'Bad content' },
  });
}

/** An event that needs no action. */
export function delivery(messageId: string): string {
  return JSON.stringify({
    eventType: 'Delivery',
    mail: mail(messageId, 'oncall@example.com'),
    delivery: { timestamp: '2026-05-06T12:00:02.669Z', smtpResponse: '250 2.6.0 Message received' },
  });
}

/** The same event in a message of SNS. */
export function wrapped(event: string): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: 'arn:aws:sns:us-east-1:123456789012:ses_events',
    Subject: 'Amazon SES Email Event Notification',
    Message: event,
    Timestamp: '2026-05-06T12:00:03.000Z',
    SignatureVersion: '1',
    Signature: 'EXAMPLE',
    SigningCertURL: 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000.pem',
    UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
  });
}

/** SNS's question whether the queue wants the topic's messages. */
export const SUBSCRIPTION_CONFIRMATION = JSON.stringify({
  Type: 'SubscriptionConfirmation',
  MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
  Token: 'marked-token',
  TopicArn: 'arn:aws:sns:us-east-1:123456789012:ses_events',
  Message: 'You have chosen to subscribe to the topic. To confirm, visit the SubscribeURL.',
  SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=marked-token',
  Timestamp: '2026-05-06T12:00:03.000Z',
});

/** A topic of the real SNS-protocol server that delivers to the queue. @returns publishes a message */
export async function createTopic(
  queue: TestQueue,
  raw: boolean,
): Promise<(message: string) => Promise<void>> {
  const ask = async (action: string, fields: Readonly<Record<string, string>>) => {
    const response = await fetch(queue.endpoint, {
      method: 'POST',
      body: new URLSearchParams({ Action: action, Version: '2010-03-31', ...fields }),
      headers: {
        authorization: 'AWS4-HMAC-SHA256 Credential=test/20260506/us-east-1/sns/aws4_request, Signature=test',
      },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`SNS answered ${response.status} to ${action}: ${text}`);
    return text;
  };
  const created = await ask('CreateTopic', { Name: `topic_${randomUUID()}` });
  const [, TopicArn = ''] = /<TopicArn>([^<]*)</.exec(created) ?? [];
  await ask('Subscribe', {
    TopicArn,
    Protocol: 'sqs',
    Endpoint: await arnOf(queue, queue.queueUrl),
    'Attributes.entry.1.key': 'RawMessageDelivery',
    'Attributes.entry.1.value': String(raw),
  });
  return async (Message) => {
    await ask('Publish', { TopicArn, Message });
  };
}

/** The fields of all records of the log with this message. */
export function logged(
  records: readonly { readonly Fields: Readonly<Record<string, unknown>> }[],
  message: string,
): Readonly<Record<string, unknown>>[] {
  return records.map(({ Fields }) => Fields).filter((fields) => isRecord(fields) && fields.msg === message);
}
