/** Whether the text is a valid name of an SQS queue. The limit of 80 characters includes the ending `.fifo`. */
export function isQueueName(text: string): boolean {
  return /^(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?$/.test(text);
}

/** The queue's name at the end of its URL; empty if the URL has no name. */
export function nameInUrl(url: string): string {
  return URL.canParse(url) ? (new URL(url).pathname.split('/').at(-1) ?? '') : '';
}

/** Whether the queue with this name, or with a URL that ends with it, is a FIFO queue. SQS requires the ending. */
export function isFifo(nameOrUrl: string): boolean {
  return nameOrUrl.endsWith('.fifo');
}

/** The default name of a queue's dead-letter queue. A FIFO queue needs a FIFO dead-letter queue. */
export function deadLetterQueueName(queueName: string): string {
  return isFifo(queueName)
    ? `${queueName.slice(0, -'.fifo'.length)}_dead_letters.fifo`
    : `${queueName}_dead_letters`;
}
