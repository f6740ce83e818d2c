import { describe, expect, it } from 'vitest';
import { parseSesEvent } from '../../../src/domain/ses-event.ts';
import {
  bounce,
  complaint,
  delivery,
  rejection,
  SUBSCRIPTION_CONFIRMATION,
  suppressed,
  wrapped,
} from '../../support/bounces.ts';

const ID = '0100017eexample-f2a3b4c5-0000-4d5e-8f90-000000000000-000000';
const undelivered = (reason: string) => ({ kind: 'undelivered', sesMessageId: ID, reason });
const noDetails = { status: undefined, diagnosticCode: undefined };
const SUPPRESSED = "SES did not send the email, because the address is on the account's suppression list";
const VALIDATION = 'Successfully validated SNS topic for Amazon SES event publishing.';

describe('an event of SES', () => {
  it.each([
    ['a permanent bounce', bounce(ID), 'Permanent bounce (General): smtp; 550 5.1.1 user unknown'],
    [
      'a full mailbox',
      bounce(
        ID,
        { bounceType: 'Transient', bounceSubType: 'MailboxFull' },
        { diagnosticCode: 'smtp; 452 full' },
      ),
      'Transient bounce (MailboxFull): smtp; 452 full',
    ],
    [
      'a bounce with a status alone',
      bounce(ID, {}, { diagnosticCode: undefined }),
      'Permanent bounce (General): 5.1.1',
    ],
    [
      'a permanent bounce without details',
      bounce(ID, {}, noDetails),
      'Permanent bounce (General): the mail server gave no reason',
    ],
    [
      'an automatic reply',
      bounce(ID, { bounceType: 'Transient', bouncedRecipients: [] }),
      'Transient bounce (General): the mail server gave no reason; it can be an automatic reply to a delivered email',
    ],
    [
      'an address on the suppression list',
      suppressed(ID),
      'Permanent bounce (OnAccountSuppressionList): Amazon SES did not send the message to this address because it is on the suppression list for your account.',
    ],
    [
      'an address on the suppression list, without details',
      bounce(ID, { bounceSubType: 'OnAccountSuppressionList' }, noDetails),
      `Permanent bounce (OnAccountSuppressionList): ${SUPPRESSED}`,
    ],
    [
      'an address that bounced before',
      bounce(ID, { bounceSubType: 'Suppressed' }, noDetails),
      'Permanent bounce (Suppressed): SES did not send the email, because the address bounced before',
    ],
    [
      'a complaint that suppressed the email',
      complaint(ID, { complaintSubType: 'OnAccountSuppressionList' }),
      `Complaint (OnAccountSuppressionList): ${SUPPRESSED}`,
    ],
    ['a rejection', rejection(ID), 'Rejected by SES after it accepted the email: Bad content'],
    [
      'a bounce of an unknown kind',
      bounce(ID, { bounceType: undefined, bounceSubType: 7, bouncedRecipients: 'nobody' }),
      'Bounce: the mail server gave no reason; it can be an automatic reply to a delivered email',
    ],
  ])('about %s says that the email was not delivered, and why', (_, body, reason) => {
    expect(parseSesEvent(body)).toEqual(undelivered(reason));
  });

  it('is the same in a message of SNS, and as a notification for an identity', () => {
    const plain = bounce(ID);
    const notification = plain.replace('"eventType"', '"notificationType"');
    const expected = undelivered('Permanent bounce (General): smtp; 550 5.1.1 user unknown');
    for (const body of [wrapped(plain), notification, wrapped(notification), ` ${plain}\n`]) {
      expect(parseSesEvent(body)).toEqual(expected);
    }
  });

  it('about an ordinary complaint says that the email was delivered and unwanted', () => {
    expect(parseSesEvent(complaint(ID))).toEqual({
      kind: 'complaint',
      sesMessageId: ID,
      reason: 'Complaint (abuse)',
    });
    const without = complaint(ID, { complaintFeedbackType: undefined });
    expect(parseSesEvent(without)).toMatchObject({ reason: 'Complaint' });
  });

  it.each([
    ['topic validation', VALIDATION],
    ['topic validation', wrapped(VALIDATION)],
    ['Delivery', delivery(ID)],
    ['Delivery', wrapped(delivery(ID))],
    ['Complaint (not-spam)', complaint(ID, { complaintFeedbackType: 'not-spam' })],
    ['AmazonSnsSubscriptionSucceeded', '{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"…"}'],
    ['UnsubscribeConfirmation', '{"Type":"UnsubscribeConfirmation"}'],
    ...['Send', 'Open', 'Click', 'Rendering Failure', 'DeliveryDelay', 'Subscription', 'NewInYears'].map(
      (type): [string, string] => [type, JSON.stringify({ eventType: type })],
    ),
    ['constructor', '{"eventType":"constructor"}'],
    ['__proto__', '{"eventType":"__proto__"}'],
  ])('needs no action: %s', (what, body) => {
    expect(parseSesEvent(body)).toEqual({ kind: 'ignored', what });
  });

  it('of SNS that asks to confirm the subscription is not an event yet', () => {
    expect(parseSesEvent(SUBSCRIPTION_CONFIRMATION)).toEqual({ kind: 'unconfirmed' });
  });

  it.each([
    ['', 'the body is not a JSON object'],
    ['nonsense', 'the body is not a JSON object'],
    ['null', 'the body is not a JSON object'],
    ['[]', 'the body is not a JSON object'],
    ['"Bounce"', 'the body is not a JSON object'],
    ['['.repeat(1_000_000), 'the body is not a JSON object'],
    ['{"a":'.repeat(100_000), 'the body is not a JSON object'],
    ['{}', 'neither eventType nor notificationType holds text'],
    ['{"eventType":["Bounce"]}', 'neither eventType nor notificationType holds text'],
    ['{"Type":"Notification"}', 'the message of SNS has no text'],
    [wrapped('nonsense'), 'the message of SNS does not contain a JSON object'],
    [wrapped(wrapped(bounce(ID))), 'neither eventType nor notificationType holds text'],
    ['{"eventType":"Bounce"}', 'mail.messageId is not an id of SES'],
    [bounce(''), 'mail.messageId is not an id of SES'],
    [bounce('a\0b'), 'mail.messageId is not an id of SES'],
    [bounce('x'.repeat(201)), 'mail.messageId is not an id of SES'],
    ['{"eventType":"Bounce","mail":{"messageId":["a"]}}', 'mail.messageId is not an id of SES'],
    ['{"eventType":"Bounce","mail":{"messageId":"a"}}', 'a Bounce without the object bounce'],
    [
      '{"eventType":"Complaint","complaint":[],"mail":{"messageId":"a"}}',
      'a Complaint without the object complaint',
    ],
    ['{"eventType":"Reject","mail":{"messageId":"a"}}', 'a Reject without the object reject'],
  ])('is invalid, and its fault is named: %.60s', (body, problem) => {
    expect(parseSesEvent(body)).toEqual({ kind: 'invalid', problem });
  });

  it('has a reason on one line, of bounded length, that Postgres can store', () => {
    const diagnosticCode = `smtp;\r\n550\u0000 \u001b[31mred \ud800 \u202eback ${'x'.repeat(1_000_000)}`;
    const event = parseSesEvent(bounce(ID, { bounceType: `A\n${'B'.repeat(10_000)}` }, { diagnosticCode }));
    if (event.kind !== 'undelivered') throw new Error(`it is ${event.kind}`);
    expect(event.reason.length).toBeLessThanOrEqual(500);
    expect(event.reason).toMatch(/^A B+… bounce \(General\): smtp; 550 \[31mred \ufffd back x+…$/);
    const ignored = parseSesEvent(JSON.stringify({ eventType: `A\n${'B'.repeat(10_000)}` }));
    expect(JSON.stringify(ignored).length).toBeLessThan(200);
  });
});

describe('an event of Sentry', () => {
  it('is recognized, so that it stays in its queue', () => {
    expect(parseSesEvent('{"groupID":"1","user":{"email":"victim@example.com"}}')).toEqual({
      kind: 'foreign',
    });
  });
});
