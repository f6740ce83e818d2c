import type { DeadLettersSettings } from '../../config/env.ts';
import { plural } from '../../domain/text.ts';
import { readDeadLetters } from '../../queue/dead-letters/list.ts';
import { redriveDeadLetters } from '../../queue/dead-letters/redrive.ts';
import type { QueueDepth } from '../../queue/depth.ts';
import { queueDepth } from '../../queue/depth.ts';
import { findQueues } from '../../queue/provision.ts';
import type { QueueUrls } from '../../queue/sqs.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import { columnsOf } from '../columns.ts';
import type { CommandContext } from '../command.ts';
import {
  createJsonListing,
  createTable,
  LISTED_BY_DEFAULT,
  shownListing,
  shownRedrive,
} from './dead-letters-text.ts';

type Client = ReturnType<typeof createSqsClient>;

const PROGRESS_MILLISECONDS = 1_000;

/** Lists the dead letters, or with `DEAD_LETTERS_REDRIVE` sends them back to the queue. */
export async function listOrRedrive(
  settings: DeadLettersSettings,
  { stopSignal }: CommandContext,
): Promise<void> {
  const client = createSqsClient(sqsOptions(settings));
  // The reader of our output may leave, as `head` does. Then, too, the received letters must become visible again.
  const unread = new AbortController();
  process.stdout.on('error', () => unread.abort());
  try {
    const found = await findQueues(client, queueNames(settings));
    const { deadLetterQueueUrl: url, deadLetterQueueName: name, queueUrl, queueName } = found;
    if (url === null) throw missing('dead-letter queue', name, 'SQS_DEAD_LETTER_QUEUE_NAME');
    const depth = await queueDepth(client, url);
    // Called only now: from here on letters are received, and a signal must let us release them.
    const signal = AbortSignal.any([stopSignal(), unread.signal]);
    if (!settings.DEAD_LETTERS_REDRIVE) return await list(client, { url, name, depth }, settings, signal);
    if (queueUrl === null) throw missing('queue', queueName, 'SQS_QUEUE_NAME');
    const queues = { queueUrl, deadLetterQueueUrl: url, from: name, to: queueName, depth };
    await redrive(client, queues, settings, signal);
  } finally {
    client.destroy();
  }
}

function missing(kind: string, name: string, variable: string): Error {
  return new Error(
    `there is no ${kind} ${name}: check ${variable}, or start the processor, which creates it`,
  );
}

async function list(
  client: Client,
  queue: { readonly url: string; readonly name: string; readonly depth: QueueDepth },
  settings: DeadLettersSettings,
  signal: AbortSignal,
): Promise<void> {
  const { DEAD_LETTERS_REASON: reason, DEAD_LETTERS_LIMIT: limit = LISTED_BY_DEFAULT } = settings;
  const json = createJsonListing(queue.name, settings.DEAD_LETTERS_BODIES, print);
  const table = createTable();
  const output = settings.DEAD_LETTERS_JSON ? json : table;
  const listing = await readDeadLetters(
    client,
    queue,
    limit,
    (letter) => {
      if (reason === undefined || letter.reason === reason) output.add(letter);
    },
    signal,
  );
  const stopped = signal.aborted;
  if (settings.DEAD_LETTERS_JSON) json.end(listing, stopped);
  else print(shownListing(table, { ...listing, queue: queue.name, reason, stopped }, columns()));
}

async function redrive(
  client: Client,
  queues: QueueUrls & { readonly from: string; readonly to: string; readonly depth: QueueDepth },
  settings: DeadLettersSettings,
  signal: AbortSignal,
): Promise<void> {
  let printedAt = performance.now();
  const progress = (moved: number, total: number) => {
    if (performance.now() - printedAt < PROGRESS_MILLISECONDS) return;
    printedAt = performance.now();
    process.stderr.write(`moved ${moved} of about ${total}\n`);
  };
  const { DEAD_LETTERS_REASON: reason, DEAD_LETTERS_LIMIT: limit = Number.POSITIVE_INFINITY } = settings;
  const result = await redriveDeadLetters(
    client,
    queues,
    { began: new Date(), depth: queues.depth, limit, reason, progress },
    signal,
  );
  const { failure, ...counts } = result;
  const names = { from: queues.from, to: queues.to };
  if (settings.DEAD_LETTERS_JSON)
    print(`${JSON.stringify({ ...names, ...counts, stopped: signal.aborted })}\n`);
  else print(shownRedrive(result, { ...names, reason, stopped: signal.aborted }, columns()));
  if (failure !== null) throw failure;
  const refused = result.refused.length;
  if (refused > 0) throw new Error(`the queue ${names.to} refused ${plural(refused, 'dead letter')}`);
}

function columns(): number {
  return columnsOf(process.stdout);
}

function print(text: string): void {
  process.stdout.write(text);
}
