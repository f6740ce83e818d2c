import { describe, expect, it } from 'vitest';
import { createLifetime } from '../../../../src/processor/worker/lifetime.ts';
import { createPasses } from '../../../../src/processor/worker/passes.ts';
import type { Round } from '../../../../src/processor/worker/receive.ts';
import { createReceiver } from '../../../../src/processor/worker/receive.ts';
import type { Rests } from '../../../../src/processor/worker/rests.ts';
import type { Queue, QueueMessage } from '../../../../src/queue/queue.ts';

interface QueueOptions {
  readonly bodyLength?: number;
  readonly fifo?: boolean;
  /** Every third receive gets a message less than it could, as SQS does with its sampling of servers. */
  readonly sampling?: boolean;
}

/** A queue that holds this many messages, and answers in the next turn. */
function queueOf(count: number, { bodyLength = 10, fifo = false, sampling = false }: QueueOptions = {}) {
  let sent = count;
  let received = 0;
  let requests = 0;
  let failure: Error | undefined;
  const waits: number[] = [];
  const queue: Queue = {
    async receive(waitSeconds, signal) {
      requests += 1;
      waits.push(waitSeconds);
      const most = sampling && requests % 3 === 0 ? 9 : 10;
      await new Promise((resolve) => setImmediate(resolve));
      if (failure !== undefined) throw failure;
      if (signal.aborted) return [];
      const messages = Array.from({ length: Math.min(most, sent - received) }, (_, index) => ({
        ...messageOf(received + index, bodyLength),
        messageGroupId: fifo ? 'group' : null,
      }));
      received += messages.length;
      return messages;
    },
    delete: async () => {},
    release: async () => {},
    deadLetter: async () => {},
    close: () => {},
  };
  return {
    queue,
    waits,
    requests: () => requests,
    received: () => received,
    send: (more: number) => {
      sent += more;
    },
    fail: (error: Error | undefined) => {
      failure = error;
    },
  };
}

function messageOf(number: number, bodyLength: number): QueueMessage {
  const id = `m${number}`;
  return {
    id,
    body: 'x'.repeat(bodyLength),
    receiptHandle: id,
    sentAt: new Date(0),
    receiveCount: 1,
    messageGroupId: null,
  };
}

const TOO_LONG = 1_000_000;

/** Its first rest is short; `rest` is how long the others are. */
function receiverOn(
  queue: Queue,
  {
    first = 0,
    rest = 0,
    messageCount = 1_000_000,
  }: { first?: number; rest?: number; messageCount?: number } = {},
) {
  const stop = new AbortController();
  let retirements = 0;
  const lifetime = createLifetime(messageCount, () => {
    retirements += 1;
  });
  const planned = [first];
  const rests: Rests = {
    next: () => planned.shift() ?? rest,
    checked: () => undefined,
    stored: () => 0,
  };
  const passes = createPasses(queue, { sleepDelaySeconds: 1, maxWaitSeconds: 20 }, lifetime);
  const receiver = createReceiver(passes, lifetime, rests, stop.signal);
  return { receiver, stop, lifetime, retirements: () => retirements };
}

const idsOf = (round: Round | null) => (round?.messages ?? []).map(({ id }) => id);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('rounds of a worker', () => {
  it('are one long poll while the queue is shallow', async () => {
    const { queue, waits } = queueOf(3);
    const { receiver } = receiverOn(queue);
    expect(idsOf(await receiver.next())).toEqual(['m0', 'm1', 'm2']);
    expect(waits[0]).toBe(1);
  });

  it('have twice as many receives as the one before while the queue is deep, to eight at most', async () => {
    const { queue } = queueOf(5_000);
    const { receiver } = receiverOn(queue);
    const sizes: number[] = [];
    for (let count = 0; count < 6; count += 1) sizes.push(idsOf(await receiver.next()).length);
    expect(sizes).toEqual([10, 20, 40, 80, 80, 80]);
  });

  it('have fewer receives if bodies are large', async () => {
    const { queue } = queueOf(5_000, { bodyLength: 100_000 });
    const { receiver } = receiverOn(queue);
    const sizes: number[] = [];
    for (let count = 0; count < 5; count += 1) sizes.push(idsOf(await receiver.next()).length);
    expect(sizes).toEqual([10, 20, 40, 40, 40]);
  });
});

describe('a worker that rests, because storing is slow', () => {
  it('takes all messages that came in the meantime, in one round', async () => {
    const { queue } = queueOf(137);
    const { receiver } = receiverOn(queue, { first: 1 });
    expect(idsOf(await receiver.next())).toHaveLength(137);
  });

  it('takes 400 messages at most, and then does not rest, because the queue is deep', async () => {
    const { queue } = queueOf(5_000);
    const { receiver } = receiverOn(queue, { first: 1, rest: TOO_LONG });
    // 10, 20, 40, and then 80 in each pass while there is room for twice as many.
    expect(idsOf(await receiver.next())).toHaveLength(10 + 20 + 40 + 80 * 3);
    expect(idsOf(await receiver.next())).toHaveLength(80);
  });

  it('takes all of them even if SQS does not fill each receive', async () => {
    const { queue } = queueOf(237, { sampling: true });
    const { receiver } = receiverOn(queue, { first: 1 });
    expect(idsOf(await receiver.next())).toHaveLength(237);
  });

  it.each([
    ['all of 137 messages', 137, 1_000, false],
    ['400 of 5,000 messages', 5_000, 1_000, true],
    ['as many as it may still receive', 5_000, 100, true],
  ])('knows whether messages are left after %s', async (_, count, messageCount, isDeep) => {
    const { queue } = queueOf(count);
    const { receiver } = receiverOn(queue, { first: 1, messageCount });
    expect(await receiver.next()).toMatchObject({ isDeep });
  });

  it('takes fewer messages if their bodies are large', async () => {
    const { queue } = queueOf(5_000, { bodyLength: 50_000 });
    const { receiver } = receiverOn(queue, { first: 1 });
    expect(idsOf(await receiver.next())).toHaveLength(10 + 20 + 40);
  });

  it('keeps the messages that it has if a later pass fails', async () => {
    const { queue, received, fail } = queueOf(5_000);
    const { receiver } = receiverOn(queue, { first: 1 });
    const round = receiver.next();
    while (received() < 70) await turn();
    fail(new Error('no answer'));
    expect(idsOf(await round)).toHaveLength(70);
    await expect(receiver.next()).rejects.toThrow('no answer');
  });

  it('returns what it has received when it is cancelled', async () => {
    const { queue, received } = queueOf(5_000);
    const { receiver } = receiverOn(queue, { first: 1, rest: 1 });
    const round = receiver.next();
    while (received() < 70) await turn();
    const unparsed = await receiver.cancel();
    expect(unparsed.length + idsOf(await round).length).toBe(received());
  });

  it('never takes more messages than it may still receive', async () => {
    const { queue, received } = queueOf(5_000);
    const { receiver, retirements } = receiverOn(queue, { first: 1, rest: 1, messageCount: 200 });
    let all = 0;
    for (let round = await receiver.next(); round !== null; round = await receiver.next())
      all += idsOf(round).length;
    expect([all, received(), retirements()]).toEqual([200, 200, 1]);
  });

  it('ends instead of resting once its replacement may start', async () => {
    const { queue, received } = queueOf(25);
    const { receiver, lifetime } = receiverOn(queue, { rest: TOO_LONG, messageCount: 200 });
    expect(idsOf(await receiver.next())).toHaveLength(10);
    // The second pass has two receives, so the retirement is announced.
    expect(idsOf(await receiver.next())).toHaveLength(15);
    expect(lifetime.retiring()).toBe(true);
    for (let round = await receiver.next(); round !== null; round = await receiver.next()) {
      expect(idsOf(round)).toEqual([]);
    }
    expect(received()).toBe(25);
  });

  it('does not rest on a FIFO queue, which gives no large rounds', async () => {
    const { queue, send } = queueOf(3, { fifo: true });
    const { receiver } = receiverOn(queue, { first: 1, rest: TOO_LONG });
    expect(idsOf(await receiver.next())).toHaveLength(3);
    send(4);
    let received = 0;
    while (received < 4) received += idsOf(await receiver.next()).length;
    expect(received).toBe(4);
  });

  it('receives nothing after a stop, and ends at once', async () => {
    const { queue, requests } = queueOf(5);
    const { receiver, stop } = receiverOn(queue, { first: TOO_LONG });
    const round = receiver.next();
    stop.abort();
    expect(idsOf(await round)).toEqual([]);
    expect(await receiver.next()).toBeNull();
    expect(requests()).toBe(0);
  });
});
