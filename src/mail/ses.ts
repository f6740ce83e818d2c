import {
  GetIdentityVerificationAttributesCommand,
  GetSendQuotaCommand,
  SESClient,
  SESServiceException,
  SendRawEmailCommand,
  VerifyEmailIdentityCommand,
} from '@aws-sdk/client-ses';
import type { Mailbox } from '../domain/email.ts';
import { emailDomain } from '../domain/email.ts';
import type { AwsConnection } from '../runtime/aws.ts';
import { requestHandler } from '../runtime/aws.ts';
import { keepAnswer, withAnswer } from '../runtime/aws-answer.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import { asError, CodedError, messageOf } from '../runtime/errors.ts';
import type { Email, Mailer } from './mailer.ts';
import { rawEmail } from './raw-email.ts';

export interface SesOptions extends AwsConnection {
  readonly region: string;
  /** URL of a local SES; undefined for AWS. */
  readonly endpoint: string | undefined;
  readonly from: Mailbox;
  /** The name of the configuration set by which SES publishes metrics and events of each email; undefined for none. */
  readonly configurationSet: string | undefined;
}

export interface SesMailer extends Mailer {
  /** Asks SES to verify the From address. SES sends an email with a link to it. @throws CodedError */
  verifyFrom(): Promise<void>;
}

/** Time limit for requests that aren't necessary. The local SES never answers them. */
const OPTIONAL_REQUEST_MILLISECONDS = 5_000;
/** SES allows one request about identities a second, and an unverified From address makes it reject every alert. */
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
 * SES v1 answers MessageRejected in two cases: it will never accept the message, or the account has a problem that a
 * person can fix. Only the text differs.
 */
const SENDING_PAUSED =
  /^(?:Sending (?:paused|suspended) for this account|Email sending for the account is paused)/;
const NOT_VERIFIED = /^Email address(?:es)? (?:is|are) not verified/;

export function createSesMailer(options: SesOptions): SesMailer {
  const client = new SESClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // The outbox retries later. A retry here, after a timeout, could send the same alert twice.
    maxAttempts: 1,
    requestHandler: requestHandler(options),
  });
  const { from } = options;
  const isVerified = rememberFor(REMEMBERED_MILLISECONDS, () => fromIsVerified(client, from.address));

  /** The problem that a person must fix before SES accepts the rejected email; null if SES will never accept it. */
  const fixableProblem = async (rejection: string): Promise<{ code: ErrorCode; message: string } | null> => {
    const ofAllEmails = (message: string) => ({ code: 'mail_unavailable' as const, message });
    if (SENDING_PAUSED.test(rejection))
      return ofAllEmails("AWS paused the account's sending; the SES console says how to end the pause");
    const verified = await isVerified();
    if (verified === false) return ofAllEmails(`${from.address} is not verified with SES yet`);
    if (NOT_VERIFIED.test(rejection)) {
      const message =
        'the SES account is in the sandbox, which requires verified recipients: verify them, or ask AWS for production access';
      return { code: 'mail_refused', message };
    }
    return verified === null ? ofAllEmails(`SES did not say whether ${from.address} is verified`) : null;
  };

  return {
    async send(email, signal) {
      const command = new SendRawEmailCommand({
        Source: from.address,
        Destinations: [email.to],
        ...(options.configurationSet === undefined ? {} : { ConfigurationSetName: options.configurationSet }),
        RawMessage: { Data: await composed(email, from, options.region) },
      });
      const answer = keepAnswer(command);
      try {
        const { MessageId = '' } = await client.send(command, { abortSignal: signal });
        if (MessageId === '') throw new Error('the answer has no message id');
        return MessageId;
      } catch (thrown) {
        const error = withAnswer(thrown, answer());
        const refusal = sesError(`sending to ${email.to} through SES`, error);
        const { name, message } = asError(error);
        const problem = name === 'MessageRejected' ? await fixableProblem(message) : null;
        if (problem === null) throw refusal;
        throw new CodedError(problem.code, problem.message, { retryable: true, cause: refusal });
      }
    },
    async maxSendRate() {
      try {
        const abortSignal = AbortSignal.timeout(OPTIONAL_REQUEST_MILLISECONDS);
        const { MaxSendRate } = await client.send(new GetSendQuotaCommand({}), { abortSignal });
        if (MaxSendRate !== undefined && MaxSendRate > 0) return MaxSendRate;
        throw new Error('the answer has no MaxSendRate');
      } catch (error) {
        throw sesError('asking SES for the send rate', error);
      }
    },
    async verifyFrom() {
      try {
        await client.send(new VerifyEmailIdentityCommand({ EmailAddress: from.address }));
      } catch (error) {
        throw sesError(`asking SES to verify ${from.address}`, error);
      }
    },
    close: () => client.destroy(),
  };
}

/** An email that can't be composed fails each time, and must not hold up the others. */
async function composed(email: Email, from: Mailbox, region: string): Promise<Buffer> {
  try {
    return await rawEmail(email, from, region);
  } catch (cause) {
    throw new CodedError('mail_refused', 'composing the email failed', { retryable: false, cause });
  }
}

/**
 * Asks SES whether the From address is verified. MessageRejected can mean the message or the From address. An address
 * that waits for a click on SES's link must not cost the alerts of these minutes. If SES can't or may not answer this
 * at all, as a local SES, the address counts as verified and the message as rejected.
 * @returns null if SES may answer later: it throttled, failed or couldn't be reached
 */
async function fromIsVerified(client: SESClient, from: string): Promise<boolean | null> {
  const domain = emailDomain(from).split('.');
  // A verified domain verifies its subdomains and their addresses.
  const Identities = [from, ...domain.map((_, index) => domain.slice(index).join('.'))];
  try {
    const abortSignal = AbortSignal.timeout(OPTIONAL_REQUEST_MILLISECONDS);
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

/** Remembers an answer for a while. A missing answer (null) isn't remembered. */
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
 * Wraps an error of SES. Problems of the account, such as missing permissions, are retryable: the alerts wait until a
 * person has fixed them. Only errors about this message itself are final.
 */
function sesError(operation: string, thrown: unknown): CodedError {
  const error = asError(thrown);
  const code = THROTTLED.has(error.name)
    ? 'mail_throttled'
    : REFUSED.has(error.name)
      ? 'mail_refused'
      : 'mail_unavailable';
  return new CodedError(code, `${operation} failed (${error.name}: ${messageOf(error)})`, {
    retryable: code !== 'mail_refused',
    cause: error,
  });
}
