import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { records } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { hold } from '../../support/locks.ts';
import { countedEvents, drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;

/** Each of another issue. */
const SENT = 120;
const bodies = () =>
  Array.from({ length: SENT }, (_, index) => JSON.stringify(forwarded({ groupID: `g${index}` })));

/** Of a worker. A round is larger only while old versions are kept. A worker has one round then, or two. */
const MESSAGE_COUNT = 80;

describe('a processor, while a transaction holds a snapshot', () => {
  it('stores larger batches until the transaction ends, and counts every event once', async () => {
    const queue = await createQueue();
    const processor = startProcessor(queue, database, {
      PROCESSOR_WORKER_MESSAGE_COUNT: String(MESSAGE_COUNT),
    });
    const holder = await hold(
      pool,
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM issues',
    );

    let sent = 0;
    /** @returns the size of the largest batch in which they were stored */
    const storeSome = async (): Promise<number> => {
      const before = processor.output().length;
      await sendBodies(queue.client, queue.queueUrl, bodies());
      sent += SENT;
      await drained(queue);
      const batches = records(processor.output().slice(before)).filter(
        ({ Fields }) => Fields.msg === 'stored a batch',
      );
      return Math.max(...batches.map(({ Fields }) => Number(Fields.events)));
    };
    const untilTrue = (what: string, isTrue: (largest: number) => boolean) =>
      poll(what, async () => (isTrue(await storeSome()) ? true : undefined), { everyMilliseconds: 1_000 });

    await untilTrue('a batch of all events', (largest) => largest > MESSAGE_COUNT);
    await holder.release();
    await untilTrue('batches of usual size', (largest) => largest <= MESSAGE_COUNT);

    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await countedEvents(pool)).toBe(sent);
  });
});
