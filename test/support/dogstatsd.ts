import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';

export interface Metric {
  readonly name: string;
  readonly value: number;
  /** `c` a counter, `g` a gauge, `d` a distribution. */
  readonly type: string;
  readonly tags: readonly string[];
}

export interface Agent {
  /** The variables with which a command finds it. */
  readonly env: Readonly<Record<string, string>>;
  readonly metrics: readonly Metric[];
  /** Waits for a metric of that name. */
  received(name: string): Promise<Metric>;
  of(name: string): Metric[];
}

/** A real UDP socket that reads what an agent would: `name:value|type|#tag:value,tag:value`. */
export async function startAgent(address = '127.0.0.1'): Promise<Agent> {
  const metrics: Metric[] = [];
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (packet) => {
    const all = packet.toString().trim().split('\n').map(parse);
    // The client's metrics of itself aren't ours.
    metrics.push(...all.filter(({ name }) => !name.startsWith('datadog.')));
  });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  onTestFinished(() => {
    socket.close();
  });
  const of = (name: string) => metrics.filter((metric) => metric.name === name);
  return {
    env: { DD_AGENT_HOST: address, DD_DOGSTATSD_PORT: String(socket.address().port) },
    metrics,
    of,
    received: (name) => poll(`the metric ${name}`, async () => of(name)[0]),
  };
}

function parse(line: string): Metric {
  const [, name = '', value = '', type = '', tags = ''] =
    // The client adds its container as `|c:…`, so that the agent can name it.
    /^([A-Za-z][\w.-]*):(-?[\d.]+)\|(\w+)(?:\|#([^|]*))?(?:\|c:[^|]*)?$/.exec(line) ?? [];
  if (name === '') throw new Error(`"${line}" is not a metric`);
  return { name, value: Number(value), type, tags: tags === '' ? [] : tags.split(',').sort() };
}
