import { createSocket } from 'node:dgram';
import { onTestFinished } from 'vitest';

export interface StatsdListener {
  /** Variables by which a command finds it. */
  readonly env: Readonly<Record<string, string>>;
  /** Every metric so far, as sent: `name:value|type`, tags after. */
  metrics(): string[];
}

/** A DogStatsD agent's ear: a real UDP socket. Closed after the test. */
export async function listenForMetrics(): Promise<StatsdListener> {
  const socket = createSocket('udp4');
  const lines: string[] = [];
  socket.on('message', (packet) => {
    lines.push(...packet.toString('utf8').trim().split('\n'));
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return {
    env: { DD_AGENT_HOST: '127.0.0.1', DD_DOGSTATSD_PORT: String(socket.address().port) },
    metrics: () => [...lines],
  };
}
