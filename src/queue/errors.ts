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

/**
 * Wraps an error of SQS or of the connection to it. A person must act on `queue_refused`; other errors may pass by themselves.
 */
export function queueError(operation: string, queue: string, thrown: unknown): CodedError {
  const error = asError(thrown);
  const refused = REFUSED.has(error.name);
  return new CodedError(
    refused ? 'queue_refused' : 'queue_unavailable',
    `${operation} failed at ${queue} (${error.name}: ${messageOf(error)})`,
    { retryable: !refused, cause: error },
  );
}

// SQS has no error of its own for a message that is too large. The SDK's name and `Code` of an error differ by
// protocol.
const MESSAGE_REFUSED = new Set([
  'InvalidParameterValue',
  'InvalidParameterValueException',
  'InvalidAttributeValue',
  'InvalidMessageContents',
]);

/** Whether SQS refused only this message, for example because of its size, and may accept another one. */
export function refusesMessage(thrown: unknown): boolean {
  const error = asError(thrown);
  const names = [error.name, 'Code' in error ? String(error.Code) : ''];
  // The older protocol's codes have a prefix: AWS.SimpleQueueService.InvalidParameterValue.
  return names.some((name) => MESSAGE_REFUSED.has(name.slice(name.lastIndexOf('.') + 1)));
}
