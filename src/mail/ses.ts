import {
  GetIdentityVerificationAttributesCommand,
  GetSendQuotaCommand,
  SESClient,
  SESServiceException,
  SendEmailCommand,
  VerifyEmailIdentityCommand,
} from '@aws-sdk/client-ses';
import type { AwsTimeouts } from '../runtime/aws.ts';
import { requestHandler } from '../runtime/aws.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { Mailer } from './mailer.ts';

export interface SesOptions extends AwsTimeouts {
  readonly region: string;
  /** For a local SES; undefined for AWS. */
  readonly endpoint: string | undefined;
  readonly from: string;
}

export interface SesMailer extends Mailer {
  /** Asks SES to verify the From address: it mails a link there. @throws CodedError */
  verifyFrom(): Promise<void>;
}

/** For questions that help but aren't needed; the local SES never answers them. */
const ASIDE_MILLISECONDS = 5_000;
/** SES answers one question about identities a second, and says it of all alerts that a From address costs. */
const REMEMBERED_MILLISECONDS = 10_000;
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
/**
 * SES v1 has one code, MessageRejected, for a message that it will never take and for what a person can mend in the
 * account: only the text tells them apart.
 */
const SENDING_PAUSED =
  /^(?:Sending (?:paused|suspended) for this account|Email sending for the account is paused)/;
const NOT_VERIFIED = /^Email address(?:es)? (?:is|are) not verified/;

export function createSesMailer(options: SesOptions): SesMailer {
  const client = new SESClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // The outbox retries, over runs. A retry here, after a timeout, could mail the same alert twice.
    maxAttempts: 1,
    requestHandler: requestHandler(options),
  });
  const isVerified = rememberFor(REMEMBERED_MILLISECONDS, () => fromIsVerified(client, options.from));

  /** What a person has to do before SES takes what it rejected; null where it never will. */
  const mendable = async (rejection: string): Promise<{ code: ErrorCode; message: string } | null> => {
    const ofAll = (message: string) => ({ code: 'mail_unavailable' as const, message });
    if (SENDING_PAUSED.test(rejection))
      return ofAll("AWS paused the account's sending, and the SES console says what ends that");
    const verified = await isVerified();
    if (verified === false) return ofAll(`${options.from} is not verified with SES yet`);
    if (NOT_VERIFIED.test(rejection)) {
      const message =
        "SES's sandbox wants recipients verified too: verify them, or ask AWS for production access";
      return { code: 'mail_refused', message };
    }
    return verified === null ? ofAll(`SES didn't say now whether ${options.from} is verified`) : null;
  };

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
        const refusal = sesError(`sending to ${email.to}`, error);
        const { name, message } = asError(error);
        const missing = name === 'MessageRejected' ? await mendable(message) : null;
        if (missing === null) throw refusal;
        throw new CodedError(missing.code, missing.message, { retryable: true, cause: refusal });
      }
    },
    async maxSendRate() {
      try {
        const abortSignal = AbortSignal.timeout(ASIDE_MILLISECONDS);
        const { MaxSendRate } = await client.send(new GetSendQuotaCommand({}), { abortSignal });
        if (MaxSendRate !== undefined && MaxSendRate > 0) return MaxSendRate;
        throw new Error('the answer names no MaxSendRate');
      } catch (error) {
        throw sesError('asking for the send rate', error);
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
 * SES says MessageRejected of a message and of a From address alike. One that waits for the click on its link must not
 * cost the alerts of these minutes, so it is asked about. Where SES may not or can't be asked that at all, as a local
 * one, the rejection stands as if it were verified.
 * @returns null where SES may answer it later: it is throttled, failed or couldn't be reached
 */
async function fromIsVerified(client: SESClient, from: string): Promise<boolean | null> {
  const domain = from.slice(from.indexOf('@') + 1).split('.');
  // A verified domain verifies its subdomains and their addresses.
  const Identities = [from, ...domain.map((_, index) => domain.slice(index).join('.'))];
  try {
    const abortSignal = AbortSignal.timeout(ASIDE_MILLISECONDS);
    const command = new GetIdentityVerificationAttributesCommand({ Identities });
    const { VerificationAttributes = {} } = await client.send(command, { abortSignal });
    return Object.values(VerificationAttributes).some(
      ({ VerificationStatus }) => VerificationStatus === 'Success',
    );
  } catch (thrown) {
    const isFinal =
      thrown instanceof SESServiceException &&
      !THROTTLED.has(thrown.name) &&
      (thrown.$metadata.httpStatusCode ?? 500) < 500;
    return isFinal ? true : null;
  }
}

/** Asks again only after a while; what wasn't answered (null) is asked anew. */
function rememberFor<T>(milliseconds: number, ask: () => Promise<T | null>): () => Promise<T | null> {
  let known: T | null = null;
  let until = 0;
  return async () => {
    if (known !== null && performance.now() < until) return known;
    known = await ask();
    until = performance.now() + milliseconds;
    return known;
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
