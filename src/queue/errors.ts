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

// SQS names no error of its own for a message that is too large; the SDK's name and its `Code` differ by protocol.
const MESSAGE_REFUSED = new Set([
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'InvalidAttributeValue',
  'InvalidMessageContents',
]);

/** Whether SQS refused this message, such as for its size, and might take another. */
export function refusesMessage(thrown: unknown): boolean {
  const error = asError(thrown);
  const names = [error.name, 'Code' in error ? String(error.Code) : ''];
  // The older protocol's codes have a prefix: AWS.SimpleQueueService.InvalidParameterValue.
  return names.some((name) => MESSAGE_REFUSED.has(name.slice(name.lastIndexOf('.') + 1)));
}
