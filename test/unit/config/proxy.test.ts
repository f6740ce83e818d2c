import { Agent } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { BlockList, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, readSettings, simulateSettings } from '../../../src/config/env.ts';
import { proxiesOf, supportsProxies } from '../../../src/config/proxy.ts';

const proxies = (variables: Record<string, string>) => proxiesOf(readSettings(simulateSettings, variables));

describe('the variables of proxies', () => {
  it.each([
    [{ HTTPS_PROXY: 'http://a:1' }, 'http://a:1'],
    [{ HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:1' }, 'http://b:1'],
    [{ HTTPS_PROXY: 'http://a:1', https_proxy: '' }, 'http://a:1'],
    [{ HTTP_PROXY: 'http://a:1' }, undefined],
  ])('%j: the small letters win, and an empty variable is not set', (variables, expected) => {
    expect(proxies(variables).https).toBe(expected);
  });

  it('may name a proxy without its scheme, as for curl', () => {
    expect(proxies({ http_proxy: ' proxy.example.com:3128 ' }).http).toBe('http://proxy.example.com:3128');
  });

  it.each(['socks5://a:1', 'proxy', 'http://', 'http://a:1/path', 'http://u:%zz@a:1'])(
    'refuse %j, which Node would ignore or fail on, without quoting it',
    (value) => {
      const read = () => proxies({ HTTPS_PROXY: value, http_proxy: value });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(/HTTPS_PROXY +must be an http:\/\/ or https:\/\/ URL[\s\S]*http_proxy +must be/);
      expect(read).not.toThrow(/socks5|%zz/);
    },
  );

  it.each([
    ['22.20.1', false],
    ['22.21.0', true],
    ['23.11.0', false],
    ['24.4.9', false],
    ['24.5.0', true],
    ['26.0.0', true],
  ])('need a Node whose agents obey them; is %s one? %s', (version, expected) => {
    expect(supportsProxies(version)).toBe(expected);
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['example.com', 'example.com', true],
    ['example.com', 'sqs.example.com', true],
    ['example.com', 'badexample.com', false],
    ['.example.com', 'sqs.example.com', true],
    ['.example.com', 'badexample.com', false],
    ['*.example.com', 'sqs.example.com', true],
    ['a, b\tc', 'c', true],
    ['10.0.0.0/8', '10.9.8.7', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.168.1.77/30', '192.168.1.76', true],
    ['192.168.1.77/30', '192.168.1.80', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.10', false],
    ['[::1]', '::1', true],
    ['localhost:9324', 'localhost', false],
    ['*', 'anything', true],
  ])('%j exempts %s: %s', async (NO_PROXY, host, exempt) => {
    expect(await goesDirect(proxies({ NO_PROXY }).except ?? '', host)).toBe(exempt);
  });
});

/** Asks Node itself. A direct connection is refused before it begins; the proxy is on this machine. */
async function goesDirect(except: string, host: string): Promise<boolean> {
  const proxy = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const agent = new Agent({ proxyEnv: { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: except } });
  const everywhere = new BlockList();
  everywhere.addSubnet('0.0.0.0', 0, 'ipv4');
  everywhere.addSubnet('::', 0, 'ipv6');
  const lookup: LookupFunction = (_, __, answer) => answer(null, [{ address: '192.0.2.1', family: 4 }]);
  const place = { host, port: 80, lookup, blockList: everywhere };
  const socket = agent.createConnection(place);
  if (!socket) throw new Error('the agent makes no connection');
  return await new Promise((resolve) => {
    socket.once('connect', () => resolve(false));
    socket.once('error', (error) => resolve('code' in error && error.code === 'ERR_IP_BLOCKED'));
  });
}
