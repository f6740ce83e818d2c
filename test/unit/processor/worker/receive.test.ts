import { describe, expect, it } from 'vitest';
import { createLifetime } from '../../../../src/processor/worker/lifetime.ts';
import { createPasses } from '../../../../src/processor/worker/passes.ts';
import { createReceiver } from '../../../../src/processor/worker/receive.ts';
import type { Queue, QueueMessage } from '../../../../src/queue/queue.ts';

interface QueueOptions {
  readonly bodyLength?: number;
  /** Every third receive gets a message less than it could, as SQS does with its sampling of servers. */
  readonly sampling?: boolean;
}

/** A queue that holds this many messages, and answers in the next turn. */
function queueOf(count: number, { bodyLength = 10, sampling = false }: QueueOptions = {}) {
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
      const messages = Array.from({ length: Math.min(most, sent - received) }, (_, index) =>
        messageOf(received + index, bodyLength),
      );
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
  };
}

const TOO_LONG = 1_000_000;

/** A worker while old versions are kept. Its first rest is short; `rest` is how long the others are. */
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
  const passes = createPasses(queue, { sleepDelaySeconds: 1, maxWaitSeconds: 20 }, lifetime);
  const receiver = createReceiver(passes, lifetime, () => planned.shift() ?? rest, stop.signal);
  return { receiver, stop, lifetime, retirements: () => retirements };
}

const idsOf = (round: readonly QueueMessage[] | null) => (round ?? []).map(({ id }) => id);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number) => {
  for (let turned = 0; turned < count; turned += 1) await turn();
};

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

describe('a worker, while Postgres keeps old versions of rows', () => {
  it('rests with the messages that it has, and adds the messages that came in the meantime', async () => {
    const { queue, received, send } = queueOf(3);
    const { receiver } = receiverOn(queue, { first: 20 });
    const round = receiver.next();
    while (received() < 3) await turn();
    send(137);
    expect(idsOf(await round)).toHaveLength(140);
  });

  it('does not rest if it received nothing', async () => {
    const { queue } = queueOf(0);
    const { receiver } = receiverOn(queue, { first: TOO_LONG });
    expect(idsOf(await receiver.next())).toEqual([]);
  });

  it('takes 400 messages at most, and does not rest then', async () => {
    const { queue } = queueOf(5_000);
    const { receiver } = receiverOn(queue, { first: TOO_LONG, rest: TOO_LONG });
    // Passes of 10, 20 and 40 messages, and then of 80 while there is room for one.
    expect(idsOf(await receiver.next())).toHaveLength(10 + 20 + 40 + 80 * 4);
    expect(idsOf(await receiver.next())).toHaveLength(80 * 5);
  });

  it.each([
    ['rests with 199', 199, true],
    ['does not rest with 200', 200, false],
  ])('%s', async (_, count, rests) => {
    const { queue, received } = queueOf(count);
    const { receiver } = receiverOn(queue, { first: TOO_LONG, rest: TOO_LONG });
    const round = receiver.next();
    while (received() < count) await turn();
    const ended = Promise.race([round.then(() => 'stored'), turns(20).then(() => 'rests')]);
    expect(await ended).toBe(rests ? 'rests' : 'stored');
    await receiver.cancel();
  });

  it('takes all of them even if SQS does not fill each receive', async () => {
    const { queue } = queueOf(237, { sampling: true });
    const { receiver } = receiverOn(queue, { first: 1 });
    expect(idsOf(await receiver.next())).toHaveLength(237);
  });

  it('takes fewer messages if their bodies are large, and does not rest then', async () => {
    const { queue } = queueOf(5_000, { bodyLength: 100_000 });
    const { receiver } = receiverOn(queue, { first: TOO_LONG });
    expect(idsOf(await receiver.next())).toHaveLength(10 + 20 + 40);
  });

  it('keeps the messages that it has if a later pass fails, and does not rest', async () => {
    const { queue, received, fail } = queueOf(5_000);
    const { receiver } = receiverOn(queue, { first: TOO_LONG });
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

  it('has a large last round, even if that exceeds its message count, and then ends', async () => {
    const { queue, received } = queueOf(5_000);
    const { receiver, retirements } = receiverOn(queue, { first: 1, rest: 1, messageCount: 200 });
    const sizes: number[] = [];
    for (let round = await receiver.next(); round !== null; round = await receiver.next())
      sizes.push(idsOf(round).length);
    expect([sizes, received(), retirements()]).toEqual([[390], 390, 1]);
  });

  it('does not rest once its replacement may start', async () => {
    const { queue, send } = queueOf(10);
    const { receiver, lifetime } = receiverOn(queue, { rest: TOO_LONG, messageCount: 200 });
    expect(idsOf(await receiver.next())).toHaveLength(10);
    lifetime.deepRound();
    expect(lifetime.retiring()).toBe(true);
    send(7);
    let received = 0;
    for (let round = await receiver.next(); round !== null; round = await receiver.next())
      received += idsOf(round).length;
    expect(received).toBe(7);
  });

  it('ends its rest at a stop, with the messages that it has', async () => {
    const { queue, received } = queueOf(5);
    const { receiver, stop } = receiverOn(queue, { first: TOO_LONG });
    const round = receiver.next();
    while (received() < 5) await turn();
    stop.abort();
    expect(idsOf(await round)).toHaveLength(5);
    expect(await receiver.next()).toBeNull();
  });
});
