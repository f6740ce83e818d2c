import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { stop } from './drain.ts';
import type { Load } from './fill.ts';
import { events, sendBatch } from './fill.ts';
import type { Place, Stand } from './stand.ts';
import { startBuilt } from './stand.ts';

export interface Lag {
  readonly messagesPerSecond: number;
  /** Milliseconds from a message's entry into the queue to its commit, of each batch's oldest message. */
  readonly p50: number;
  readonly p99: number;
}

const WARM_SECONDS = 3;
const SECONDS = 15;
const BATCH = 10;

export interface LagOptions {
  readonly processes: number;
  /** Messages after which a worker is replaced. */
  readonly messageCount: number;
  /** Issues that the messages are drawn from; default 2,000. */
  readonly issues?: number;
  /** Default: a new database and a new queue. */
  readonly place?: Place;
}

/** Sends at a steady rate, and reads the lag where operators do: `bec-alerts.processor.lag` over DogStatsD. */
export async function lagAt(
  stand: Stand,
  messagesPerSecond: number,
  { processes, messageCount, issues = 2_000, place }: LagOptions,
): Promise<Lag> {
  const { queueUrl, env } = place ?? (await stand.place(`lag_${messageCount}`));
  const count = Math.ceil((WARM_SECONDS + SECONDS) * messagesPerSecond) + 2 * BATCH;
  const send = sender(stand, queueUrl, { issues, count });
  const lags: number[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (packet) => {
    for (const [, value] of String(packet).matchAll(/bec-alerts\.processor\.lag:([\d.:]+)\|d/g)) {
      lags.push(...(value ?? '').split(':').map(Number));
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const processor = startBuilt(['processor'], {
    ...env,
    PROCESSOR_PROCESS_COUNT: String(processes),
    PROCESSOR_WORKER_MESSAGE_COUNT: String(messageCount),
    DD_AGENT_HOST: '127.0.0.1',
    DD_DOGSTATSD_PORT: String(socket.address().port),
  });
  try {
    // Warm up first: the lag is measured, not the start of the service.
    await steadily(messagesPerSecond, WARM_SECONDS, send);
    lags.length = 0;
    await steadily(messagesPerSecond, SECONDS, send);
    await pause(2_000);
  } finally {
    await stop([processor]);
    socket.close();
  }
  lags.sort((a, b) => a - b);
  const at = (share: number) =>
    lags[Math.min(lags.length - 1, Math.floor(lags.length * share))] ?? Number.NaN;
  return { messagesPerSecond, p50: at(0.5), p99: at(0.99) };
}

/** The messages are made before the clock starts, because making them takes as long as processing them. */
function sender(
  { client }: Stand,
  QueueUrl: string,
  load: Pick<Load, 'issues' | 'count'>,
): (count: number) => Promise<void> {
  const bodies = Array.from(events({ ...load, seed: 99 }), ({ body }) => body).values();
  return async (count) => await sendBatch(client, QueueUrl, [...bodies.take(count)]);
}

/** Sends ten messages at a time, evenly over the seconds. @param send sends that number of messages */
export async function steadily(
  messagesPerSecond: number,
  seconds: number,
  send: (count: number) => Promise<void>,
): Promise<void> {
  const begun = performance.now();
  const under = new Set<Promise<void>>();
  for (let sent = 0; sent < messagesPerSecond * seconds; sent += BATCH) {
    const due = begun + (sent / messagesPerSecond) * 1_000;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const sending = send(BATCH).finally(() => under.delete(sending));
    under.add(sending);
  }
  await Promise.all(under);
}
