import type { Message } from '@aws-sdk/client-sqs';
import { ReceiveMessageCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { storeEvents } from '../../../../src/db/events.ts';
import { MAX_STORED_BYTES, parseEvent } from '../../../../src/domain/event.ts';
import { deleteMessages } from '../../../../src/queue/batches.ts';
import type { Body } from '../../../support/bad-input.ts';
import { generated, handMade, large } from '../../../support/bad-input.ts';
import { records } from '../../../support/command.ts';
import { createDatabase } from '../../../support/database.ts';
import { exception, exceptionEntry, forwarded } from '../../../support/events.ts';
import { drained, startProcessor } from '../../../support/processor.ts';
import type { TestQueue } from '../../../support/queue.ts';
import { createQueue } from '../../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;

describe('ten thousand bad bodies', () => {
  it('are counted or dead-lettered, each with its reason and its bytes, and kill no worker', async () => {
    const bodies = [...handMade(), ...large(), ...generated(10_000, 20261124)];
    const queue = await createQueue();
    await send(queue, bodies);
    const processor = startProcessor(queue, database, {
      PROCESSOR_WORKER_MESSAGE_COUNT: '4000',
      LOG_LEVEL: 'INFO',
    });
    await drained(queue);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });

    expect(await countedByGroup()).toEqual(tally(bodies.filter(counted).map(({ groupId }) => groupId)));
    const letters = await take(queue);
    const rejected = bodies.filter((body) => !counted(body));
    expect(tally(letters.map(({ reason, text }) => `${reason} ${text}`))).toEqual(
      tally(rejected.map(({ outcome, text }) => `${outcome} ${text}`)),
    );
    expect(letters.length).toBeGreaterThan(4_000);

    const lines = records(processor.output());
    // 3 is mozlog's ERROR: a worker that died would be one.
    expect(lines.filter(({ Severity }) => Number(Severity) <= 3)).toEqual([]);
    const reported = lines.filter(({ Fields }) => String(Fields.msg).includes('dead-letter queue'));
    expect(reported.length).toBe(letters.length);
  });
});

describe('the largest event', () => {
  it('takes no more room in Postgres than MAX_STORED_BYTES, before compression', async () => {
    const text = (length: number) => '\u3042'.repeat(length);
    const frame = { function: text(9_000), module: text(9_000), lineNo: 2 ** 53 - 1, colNo: 2 ** 53 - 1 };
    const frames = Array.from({ length: 60 }, () => frame);
    const tags = ['release', 'environment'].map((key) => ({ key, value: text(9_000) }));
    const fields = { groupID: text(128), projectID: text(128), message: text(9_000), tags };
    const thrown = exception('A', text(9_000).replace('あ', 'い'), {
      module: text(9_000),
      stacktrace: { frames },
    });
    const parsed = parseEvent(
      JSON.stringify(forwarded({ ...fields, entries: [exceptionEntry([thrown])] })),
      new Date(),
    );
    if ('rejection' in parsed) throw new Error(parsed.rejection.detail);
    await storeEvents(pool, [parsed.event]);
    // Adding an empty text or object unpacks what is stored compressed.
    const { rows } = await pool.query<{ bytes: number }>(
      `SELECT pg_column_size(group_id || '') + pg_column_size(project_id || '') + pg_column_size(message || '')
         + pg_column_size(log_message || '') + pg_column_size(first_release || '') + pg_column_size(environment || '')
         + pg_column_size(module || '') + pg_column_size(stack_frames || '[]'::jsonb) AS bytes
       FROM issues WHERE group_id = $1`,
      [fields.groupID],
    );
    expect(rows[0]?.bytes).toBeGreaterThan(0.9 * MAX_STORED_BYTES);
    expect(rows[0]?.bytes).toBeLessThanOrEqual(MAX_STORED_BYTES);
  });
});

const counted = ({ outcome }: Body) => outcome === 'counted';

function tally(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of [...keys].sort()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** Exact: no bucket holds more than 160. */
async function countedByGroup(): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ group_id: string; events: number; most: number }>(
    `SELECT group_id, sum(hll_cardinality(event_set))::int AS events, max(hll_cardinality(event_set))::int AS most
     FROM issue_buckets JOIN issues ON id = issue_id GROUP BY group_id ORDER BY group_id`,
  );
  expect(Math.max(...rows.map(({ most }) => most))).toBeLessThanOrEqual(160);
  return new Map(rows.map(({ group_id, events }) => [group_id, events]));
}

/** Ten at a time, and no more than a megabyte, which is SQS's limit for one request. */
async function send({ client, queueUrl: QueueUrl }: TestQueue, bodies: readonly Body[]): Promise<void> {
  let Entries: { Id: string; MessageBody: string }[] = [];
  let size = 0;
  const flush = async () => {
    if (Entries.length === 0) return;
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`SQS refused ${Failed.length}: ${Failed[0]?.Message}`);
    Entries = [];
    size = 0;
  };
  for (const [index, { text }] of bodies.entries()) {
    const bytes = Buffer.byteLength(text);
    if (Entries.length === 10 || size + bytes > 1_048_576) await flush();
    Entries.push({ Id: String(index), MessageBody: text });
    size += bytes;
  }
  await flush();
}

async function take({ client, deadLetterQueueUrl }: TestQueue): Promise<{ reason: string; text: string }[]> {
  const taken: Message[] = [];
  for (;;) {
    const command = new ReceiveMessageCommand({
      QueueUrl: deadLetterQueueUrl,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['reason'],
    });
    const { Messages = [] } = await client.send(command);
    if (Messages.length === 0) break;
    await deleteMessages(
      client,
      deadLetterQueueUrl,
      Messages.map(({ ReceiptHandle = '' }) => ({ receiptHandle: ReceiptHandle })),
    );
    taken.push(...Messages);
  }
  return taken.map(({ Body = '', MessageAttributes = {} }) => ({
    reason: MessageAttributes.reason?.StringValue ?? 'no reason',
    text: Body,
  }));
}
