import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { wholeNumber } from './values.ts';

// The address of the Datadog agent. Its client, hot-shots, would ignore what it can't use, and send no metric.

const DEFAULT_PORT = 8125;
const NO_SOCKETS = 'names a Unix socket, which is not supported: use udp://HOST:8125';

const host = z
  .string()
  .trim()
  .refine((value) => hostOf(value) !== null, 'must be a host name or an IP address, without a port');

const agentUrl = z
  .string()
  .trim()
  .refine((value) => !/^unix/i.test(value), { error: NO_SOCKETS, abort: true })
  .refine((value) => agentIn(value) !== null, 'must be a URL such as udp://HOST:8125');

export const agentVariables = {
  DD_AGENT_HOST: host.optional(),
  DD_DOGSTATSD_PORT: wholeNumber(1, 65_535).default(DEFAULT_PORT),
  DD_DOGSTATSD_URL: agentUrl.optional(),
  DD_DOGSTATSD_SOCKET: z
    .string()
    .refine(() => false, NO_SOCKETS)
    .optional(),
};

interface AgentSettings {
  readonly DD_AGENT_HOST?: string | undefined;
  readonly DD_DOGSTATSD_PORT: number;
  readonly DD_DOGSTATSD_URL?: string | undefined;
}

/** Where the metrics go; `host` is undefined for this machine. */
export interface Agent {
  readonly host: string | undefined;
  readonly port: number;
}

/** `DD_DOGSTATSD_URL`, or else `DD_AGENT_HOST` and `DD_DOGSTATSD_PORT`. */
export function agentOf(settings: AgentSettings): Agent {
  const { DD_AGENT_HOST: name, DD_DOGSTATSD_PORT: port, DD_DOGSTATSD_URL: url } = settings;
  const fromUrl = url === undefined ? null : agentIn(url);
  return fromUrl ?? { host: name === undefined ? undefined : (hostOf(name) ?? undefined), port };
}

function agentIn(url: string): Agent | null {
  const [, name = '', port = String(DEFAULT_PORT)] =
    /^udp:\/\/(\[[^\]]+\]|[^:/[\]]+)(?::(\d{1,5}))?\/?$/i.exec(url) ?? [];
  const host = hostOf(name);
  return host === null || !isPort(Number(port)) ? null : { host, port: Number(port) };
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** A name, or an address without the brackets that an IPv6 address has in a URL. */
function hostOf(value: string): string | null {
  const bare = value.replace(/^\[(.*)\]$/, '$1');
  const [address = ''] = bare.split('%');
  if (isIPv6(address)) return bare;
  return /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(value) ? value : null;
}
