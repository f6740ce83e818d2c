/** Whether SQS could have a queue of that name. Its limit of 80 characters includes the ending of a FIFO queue. */
export function isQueueName(text: string): boolean {
  return /^(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?$/.test(text);
}

/** The name that a queue's URL ends with; empty where it ends with none. */
export function nameInUrl(url: string): string {
  return URL.canParse(url) ? (new URL(url).pathname.split('/').at(-1) ?? '') : '';
}

/** What a queue's dead-letter queue is called unless it is named: it must be a FIFO queue where the other one is. */
export function deadLetterQueueName(queueName: string): string {
  return queueName.endsWith('.fifo')
    ? `${queueName.slice(0, -'.fifo'.length)}_dead_letters.fifo`
    : `${queueName}_dead_letters`;
}
