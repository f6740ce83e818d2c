import { describe, expect, it } from 'vitest';
import { agentOf } from '../../../src/config/dogstatsd.ts';
import { readSettings, watcherSettings } from '../../../src/config/env.ts';

const REQUIRED = { DATABASE_URL: 'postgres://u:p@db/bec', AWS_DEFAULT_REGION: 'us-west-2' };
const read = (variables: Record<string, string>) =>
  agentOf(readSettings(watcherSettings, { ...REQUIRED, ...variables }));

describe('the address of the Datadog agent', () => {
  it.each([
    [{}, undefined, 8125],
    [{ DD_AGENT_HOST: 'agent', DD_DOGSTATSD_PORT: '9000' }, 'agent', 9000],
    [{ DD_AGENT_HOST: '[::1]' }, '::1', 8125],
    [{ DD_AGENT_HOST: 'fe80::1%eth0' }, 'fe80::1%eth0', 8125],
    [{ DD_DOGSTATSD_URL: 'udp://agent:9000', DD_AGENT_HOST: 'other' }, 'agent', 9000],
    [{ DD_DOGSTATSD_URL: 'udp://agent', DD_DOGSTATSD_PORT: '9000' }, 'agent', 8125],
    [{ DD_DOGSTATSD_URL: 'udp://[fd00::5]:9000' }, 'fd00::5', 9000],
    [{ DD_DOGSTATSD_URL: 'UDP://10.0.0.1:8125/' }, '10.0.0.1', 8125],
  ])('of %j', (variables, host, port) => {
    expect(read(variables)).toEqual({ host, port });
  });

  it.each([
    ['DD_DOGSTATSD_URL', 'unix:///var/run/datadog/dsd.socket', 'Unix socket'],
    ['DD_DOGSTATSD_URL', 'unixstream:///dsd.socket', 'Unix socket'],
    ['DD_DOGSTATSD_SOCKET', '/var/run/datadog/dsd.socket', 'Unix socket'],
    ['DD_DOGSTATSD_URL', 'http://agent:8125', 'must be a URL such as udp://HOST:8125'],
    ['DD_DOGSTATSD_URL', 'agent:8125', 'must be a URL'],
    ['DD_DOGSTATSD_URL', 'udp://:8125', 'must be a URL'],
    ['DD_DOGSTATSD_URL', 'udp://agent:99999', 'must be a URL'],
    ['DD_DOGSTATSD_URL', 'udp://fd00::5:9000', 'must be a URL'],
    ['DD_DOGSTATSD_URL', 'udp://[agent]:9000', 'must be a URL'],
    ['DD_DOGSTATSD_PORT', 'udp', 'must be a whole number from 1 to 65535'],
    ['DD_AGENT_HOST', 'agent:8125', 'must be a host name or an IP address'],
    ['DD_AGENT_HOST', 'udp://agent', 'must be a host name or an IP address'],
  ])('is refused where %s is %j, by which no metric would arrive', (variable, value, problem) => {
    expect(() => read({ [variable]: value })).toThrow(new RegExp(`${variable} +.*${problem}`));
  });
});
