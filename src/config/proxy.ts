import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { isDecodable } from './values.ts';

// The variables of HTTP proxies, as curl and Python's requests read them. Both spellings count; the one in small
// letters wins.

/** The Node versions whose agents can use a proxy: the first of each line. */
const FIRST_WITH_PROXIES: Readonly<Record<number, number>> = { 22: 21, 23: Number.POSITIVE_INFINITY, 24: 5 };

/** Whether the agents of this Node version obey `proxyEnv`. An older Node ignores it without a word. */
export function supportsProxies(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 24 || minor >= (FIRST_WITH_PROXIES[major] ?? Number.POSITIVE_INFINITY);
}

const proxyUrl = z
  .string()
  .trim()
  // curl and Python accept a proxy without its scheme too.
  .transform((value) => (/^[\w.-]+:\d+\/?$/.test(value) ? `http://${value}` : value))
  .refine(isProxy, {
    error: 'must be an http:// or https:// URL such as http://proxy.example.com:3128',
    abort: true,
  })
  .refine(() => supportsProxies(process.versions.node), {
    error: `needs Node 22.21 or 24.5; this is Node ${process.versions.node}`,
  });

function isProxy(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, pathname } = new URL(value);
  return /^https?:$/.test(protocol) && pathname === '/' && isDecodable(username) && isDecodable(password);
}

/**
 * Rewrites the list for Node, which reads some entries differently from curl and Python. For those two, `example.com`
 * includes its subdomains, and `10.0.0.0/8` is a network.
 */
const exceptions = z
  .string()
  .transform((value) => value.split(/[\s,]+/).filter((entry) => entry !== ''))
  .transform((entries) => entries.map(forNode).join(','));

function forNode(entry: string): string {
  const [address = '', bits = ''] = entry.split('/');
  if (isIPv4(address) && /^(?:[12]?\d|3[0-2])$/.test(bits)) return network(address, Number(bits));
  const bare = entry.replace(/^\[(.*)\]$/, '$1').replace(/^\./, '');
  const isName = /^[a-z0-9_][a-z0-9_.-]*$/i.test(bare) && isIP(bare) === 0;
  // Not `.example.com`: for Node 22 that includes badexample.com.
  return isName ? `${bare},*.${bare}` : bare;
}

/** The first and the last address of an IPv4 network, as `10.0.0.0-10.255.255.255`. */
function network(address: string, bits: number): string {
  const size = 2 ** (32 - bits);
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const first = Math.floor(value / size) * size;
  return `${dotted(first)}-${dotted(first + size - 1)}`;
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export const proxyVariables = {
  HTTPS_PROXY: proxyUrl.optional(),
  https_proxy: proxyUrl.optional(),
  HTTP_PROXY: proxyUrl.optional(),
  http_proxy: proxyUrl.optional(),
  NO_PROXY: exceptions.optional(),
  no_proxy: exceptions.optional(),
};

export type ProxySettings = { readonly [name in keyof typeof proxyVariables]?: string | undefined };

/** The proxies by the scheme of a request, and the hosts that are reached without a proxy. */
export function proxiesOf(settings: ProxySettings) {
  return {
    https: settings.https_proxy ?? settings.HTTPS_PROXY,
    http: settings.http_proxy ?? settings.HTTP_PROXY,
    except: settings.no_proxy ?? settings.NO_PROXY,
  };
}
