import { afterAll } from 'vitest';
import type { Fate } from './faulty-queue-server.ts';
import { startFaultyQueueServer } from './faulty-queue-server.ts';

export type { Fate } from './faulty-queue-server.ts';

/** A way to the real SQS-protocol server on which requests can be hurt, and which counts deliveries. */
export interface FaultyQueue {
  readonly endpoint: string;
  /** Decides each request's fate; default: all pass. `action` is such as `ReceiveMessage`, `queue` a queue's name. */
  fate: (action: string, queue: string) => Fate;
  /** Answers of the fate `page`. */
  page: string;
  /** Which entries of a batch delete fail; default none. They aren't forwarded, and answered as failed. */
  failsToDelete: (receiptHandle: string) => boolean;
  /** How often each message was handed out, by its id. */
  readonly deliveries: ReadonlyMap<string, number>;
  /** Ids of messages that were received here and not deleted or released here since, by their receipt handle. */
  readonly receipts: ReadonlyMap<string, string>;
}

/** Closed after the file's last test. */
export async function startFaultyQueue(target: string): Promise<FaultyQueue> {
  const deliveries = new Map<string, number>();
  const receipts = new Map<string, string>();
  const way = {
    endpoint: '',
    fate: (): Fate => 'pass',
    page: '',
    failsToDelete: () => false,
    deliveries,
    receipts,
  } as FaultyQueue & { endpoint: string };
  const server = await startFaultyQueueServer(target, {
    fate: (action, queue) => way.fate(action, queue),
    page: () => way.page,
    failsToDelete: (receipt) => way.failsToDelete(receipt),
    received(id, receipt) {
      deliveries.set(id, (deliveries.get(id) ?? 0) + 1);
      receipts.set(receipt, id);
    },
    finished: (receipt) => receipts.delete(receipt),
  });
  afterAll(() => server.close());
  way.endpoint = server.endpoint;
  return way;
}
