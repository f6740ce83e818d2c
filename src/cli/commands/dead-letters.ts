import type { Command } from 'commander';
import type { DeadLettersSettings } from '../../config/env.ts';
import { ConfigError, deadLettersSettings } from '../../config/env.ts';
import { readDeadLetters } from '../../queue/dead-letters/list.ts';
import { redriveDeadLetters } from '../../queue/dead-letters/redrive.ts';
import type { QueueDepth } from '../../queue/depth.ts';
import { queueDepth } from '../../queue/depth.ts';
import { findQueues } from '../../queue/provision.ts';
import type { QueueUrls } from '../../queue/sqs.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import type { OptionVariables } from '../options.ts';
import { AWS_OPTIONS } from '../options.ts';
import { createJsonListing, createTable, shownListing, shownRedrive } from './dead-letters-text.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--redrive',
    variable: 'DEAD_LETTERS_REDRIVE',
    about: 'send them back through the queue, after a fix',
  },
  { flags: '--reason <reason>', variable: 'DEAD_LETTERS_REASON', about: 'only those of this reason' },
  {
    flags: '--limit <count>',
    variable: 'DEAD_LETTERS_LIMIT',
    about: 'list or move so many at most; default 1000 to list, all to move',
  },
  { flags: '--json', variable: 'DEAD_LETTERS_JSON', about: 'print every letter as JSON' },
  {
    flags: '--bodies',
    variable: 'DEAD_LETTERS_BODIES',
    about: "with --json: the letters' bodies too, which hold user data",
  },
  { flags: '--queue-name <name>', variable: 'SQS_QUEUE_NAME', about: 'queue that Sentry forwards to' },
  { flags: '--queue-url <url>', variable: 'SQS_QUEUE_URL', about: 'the same by its URL' },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'where the dead letters are',
  },
  { flags: '--endpoint-url <url>', variable: 'SQS_ENDPOINT_URL', about: 'of a local SQS' },
  ...AWS_OPTIONS,
];

type Client = ReturnType<typeof createSqsClient>;

const LISTED_BY_DEFAULT = 1_000;
const PROGRESS_MILLISECONDS = 1_000;

export function addDeadLetters(program: Command, register: Register): void {
  register(
    program
      .command('dead_letters')
      .description('list the messages that were no events with the reasons, or send them back')
      .addHelpText(
        'after',
        '\nListing leaves them where they are; other readers see them again when it ends. Sending back loses none:' +
          '\neach is sent before it is deleted, and an event that comes twice is counted once.',
      ),
    deadLettersSettings,
    OPTIONS,
    runDeadLetters,
  );
}

async function runDeadLetters(settings: DeadLettersSettings, { stopSignal }: CommandContext): Promise<void> {
  if (settings.DEAD_LETTERS_BODIES && (!settings.DEAD_LETTERS_JSON || settings.DEAD_LETTERS_REDRIVE)) {
    throw new ConfigError([{ variable: '--bodies', problem: 'goes with --json, to list' }]);
  }
  const client = createSqsClient(sqsOptions(settings));
  // Who reads our output may leave, as `head` does: then too the letters must become visible again.
  const unread = new AbortController();
  process.stdout.on('error', () => unread.abort());
  try {
    const found = await findQueues(client, queueNames(settings));
    const { deadLetterQueueUrl: url, deadLetterQueueName: name, queueUrl, queueName } = found;
    if (url === null) throw missing('dead-letter queue', name, 'SQS_DEAD_LETTER_QUEUE_NAME');
    const depth = await queueDepth(client, url);
    // From here on there are letters in hand.
    const signal = AbortSignal.any([stopSignal(), unread.signal]);
    if (!settings.DEAD_LETTERS_REDRIVE) return await list(client, { url, name, depth }, settings, signal);
    if (queueUrl === null) throw missing('queue', queueName, 'SQS_QUEUE_NAME');
    const queues = { queueUrl, deadLetterQueueUrl: url, from: name, to: queueName, depth };
    await redrive(client, queues, settings, signal);
  } finally {
    client.destroy();
  }
}

function missing(what: string, name: string, variable: string): Error {
  return new Error(`there is no ${what} ${name}: check ${variable}; the processor makes it when it starts`);
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
  else print(shownListing(table, { ...listing, queue: queue.name, reason, stopped }));
}

async function redrive(
  client: Client,
  queues: QueueUrls & { readonly from: string; readonly to: string; readonly depth: QueueDepth },
  settings: DeadLettersSettings,
  signal: AbortSignal,
): Promise<void> {
  let toldAt = performance.now();
  const progress = (moved: number, total: number) => {
    if (performance.now() - toldAt < PROGRESS_MILLISECONDS) return;
    toldAt = performance.now();
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
  else print(shownRedrive(result, { ...names, reason, stopped: signal.aborted }));
  if (failure !== null) throw failure;
  const [first, ...more] = result.refused;
  if (first !== undefined) {
    throw new Error(
      `the queue ${names.to} refused ${more.length + 1} of them, which stay among the dead letters; ` +
        `the first is ${first.id} (${first.why})`,
    );
  }
}

function print(text: string): void {
  process.stdout.write(text);
}
