import { asError, CodedError, messageOf } from '../runtime/errors.ts';

const REFUSED = new Set([
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'AccessDenied',
  'AccessDeniedException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
  'InvalidAddress',
]);

/** What SQS or the way to it answered: refusals need a person, anything else may pass. */
export function queueError(operation: string, queue: string, thrown: unknown): CodedError {
  const error = asError(thrown);
  const refused = REFUSED.has(error.name);
  return new CodedError(
    refused ? 'queue_refused' : 'queue_unavailable',
    `${operation} failed at ${queue} (${error.name}: ${messageOf(error)})`,
    { retryable: !refused, cause: error },
  );
}
