import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { records } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { countedEvents, drained, startProcessor } from '../../support/processor.ts';
import { createQueue, depth, sendBodies } from '../../support/queue.ts';

const database = await createDatabase();
const { pool } = database;

/** Each batch takes 0.6 s, so workers rest for ten seconds, the longest rest. */
async function slowDown(): Promise<void> {
  await pool.query(`
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT ON issue_activity FOR EACH ROW EXECUTE FUNCTION wait()`);
}

describe('a processor whose database stores slowly', () => {
  it('rests between batches, also after a worker is replaced, counts every event, and stops without the next message', async () => {
    await slowDown();
    const queue = await createQueue();
    const send = (count: number) =>
      sendBodies(
        queue.client,
        queue.queueUrl,
        Array.from({ length: count }, () => JSON.stringify(forwarded({ groupID: 'g' }))),
      );
    const settings = { PROCESSOR_PROCESS_COUNT: '1', PROCESSOR_WORKER_MESSAGE_COUNT: '5' };
    const processor = startProcessor(queue, database, settings);
    // The first worker stores five events, one after the other, and is replaced.
    for (let count = 1; count <= 5; count += 1) {
      await send(1);
      const stored = async () => ((await countedEvents(pool)) === count ? true : undefined);
      await poll(`event ${count} to be counted`, stored);
    }
    await processor.printed(/storing is slow/);
    await processor.printed(/worker-2[^\n]*polling the queue/);
    // A worker that doesn't rest would store the first of them at once, and alone.
    for (let count = 1; count <= 3; count += 1) await send(1);
    await drained(queue);
    expect(await countedEvents(pool)).toBe(8);
    const batches = records(processor.output()).filter(({ Fields }) => Fields.msg === 'stored a batch');
    expect(batches.map(({ Fields }) => Fields.events)).toEqual([1, 1, 1, 1, 1, 3]);

    // The message that comes during the next rest stays in the queue.
    await send(1);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await depth(queue.client, queue.queueUrl)).toMatchObject({ visible: 1, inFlight: 0 });
  });
});
