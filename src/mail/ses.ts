import { SESClient, SendEmailCommand, VerifyEmailIdentityCommand } from '@aws-sdk/client-ses';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { Mailer } from './mailer.ts';

export interface SesOptions {
  readonly region: string;
  /** For a local SES; undefined for AWS. */
  readonly endpoint: string | undefined;
  readonly connectTimeoutSeconds: number;
  readonly readTimeoutSeconds: number;
  readonly from: string;
}

export interface SesMailer extends Mailer {
  /** Asks SES to verify the From address: it mails a link there. @throws CodedError */
  verifyFrom(): Promise<void>;
}

const THROTTLED = new Set([
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'LimitExceededException',
]);
const REFUSED = new Set([
  'MessageRejected',
  'InvalidParameterValue',
  'ValidationError',
  'InvalidParameterValueException',
]);

export function createSesMailer(options: SesOptions): SesMailer {
  const client = new SESClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // The outbox retries, over runs. A retry here, after a timeout, could mail the same alert twice.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: options.connectTimeoutSeconds * 1_000,
      requestTimeout: options.readTimeoutSeconds * 1_000,
      throwOnRequestTimeout: true,
    },
  });
  return {
    async send(email, signal) {
      const content = (Data: string) => ({ Data, Charset: 'UTF-8' });
      const command = new SendEmailCommand({
        Source: options.from,
        Destination: { ToAddresses: [email.to] },
        Message: {
          Subject: content(email.subject),
          Body: { Text: content(email.text), ...(email.html === null ? {} : { Html: content(email.html) }) },
        },
      });
      try {
        const { MessageId } = await client.send(command, { abortSignal: signal });
        return MessageId ?? null;
      } catch (error) {
        throw sesError(`sending to ${email.to}`, error);
      }
    },
    async verifyFrom() {
      try {
        await client.send(new VerifyEmailIdentityCommand({ EmailAddress: options.from }));
      } catch (error) {
        throw sesError(`verifying ${options.from}`, error);
      }
    },
    close: () => client.destroy(),
  };
}

/**
 * An account that is paused, a domain not verified yet or missing permissions need a person but not another
 * alert, so those wait; only what SES says of this very message is for good.
 */
function sesError(operation: string, thrown: unknown): CodedError {
  const error = asError(thrown);
  const code = THROTTLED.has(error.name)
    ? 'mail_throttled'
    : REFUSED.has(error.name)
      ? 'mail_refused'
      : 'mail_unavailable';
  return new CodedError(code, `${operation} by SES failed (${error.name}: ${messageOf(error)})`, {
    retryable: code !== 'mail_refused',
    cause: error,
  });
}
