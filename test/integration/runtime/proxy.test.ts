import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSesMailer } from '../../../src/mail/ses.ts';
import { createObjects } from '../../../src/queue/objects.ts';
import { createSqsClient, createSqsQueue } from '../../../src/queue/sqs.ts';
import { NO_PROXIES } from '../../../src/runtime/proxy.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { countedEvents, drained, startProcessor } from '../../support/processor.ts';
import { startProxy } from '../../support/proxy.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, SQS_OPTIONS, sendBodies } from '../../support/queue.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { createAuthority } from '../../support/tls.ts';

const database = await createDatabase();
const hostOf = (url: string) => new URL(url).host;

/** The queue behind TLS, under the name `localhost`. */
async function behindTls(queue: TestQueue) {
  const authority = await createAuthority();
  const server = createServer(await authority.issue('localhost'), async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { 'x-amz-target': target = '', 'content-type': type = '' } = incoming.headers;
    const headers = { 'x-amz-target': String(target), 'content-type': type };
    const answer = await fetch(queue.endpoint, { method: 'POST', headers, body: Buffer.concat(chunks) });
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  return {
    host,
    env: { ...queue.env, SQS_ENDPOINT_URL: `https://${host}`, NODE_EXTRA_CA_CERTS: authority.file },
  };
}

describe('a proxy for https:', () => {
  const list = (env: Record<string, string>) => runCommand(['dead_letters'], env);

  it.each(['HTTPS_PROXY', 'https_proxy'])(
    'carries the requests to SQS where %s names it',
    async (variable) => {
      const [proxy, secure] = [await startProxy(), await behindTls(await createQueue())];
      const { code, stderr } = await list({ ...secure.env, [variable]: proxy.url });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(new Set(proxy.tunnels)).toEqual(new Set([secure.host]));
    },
  );

  it('gets the user and the password of its URL, and keeps its connection', async () => {
    const [proxy, secure] = [await startProxy(), await behindTls(await createQueue())];
    const url = proxy.url.replace('://', '://me:p%40ss@');
    const { code, stdout, stderr } = await list({ ...secure.env, HTTPS_PROXY: url, LOG_LEVEL: 'DEBUG' });
    expect(code).toBe(0);
    expect(proxy.credentials()).toBe('me:p@ss');
    // The command asks SQS several times.
    expect(proxy.tunnels).toEqual([secure.host]);
    expect(stdout + stderr).not.toMatch(/p(@|%40)ss/);
  });

  it('is not used for the hosts in NO_PROXY', async () => {
    const [proxy, secure] = [await startProxy(), await behindTls(await createQueue())];
    const { code } = await list({ ...secure.env, HTTPS_PROXY: proxy.url, NO_PROXY: '10.0.0.0/8, localhost' });
    expect({ code, tunnels: proxy.tunnels }).toEqual({ code: 0, tunnels: [] });
  });

  it('that refuses is named in the error', async () => {
    const [proxy, secure] = [await startProxy(), await behindTls(await createQueue())];
    proxy.answer = 407;
    const { code, stderr } = await list({ ...secure.env, HTTPS_PROXY: proxy.url, AWS_MAX_ATTEMPTS: '1' });
    expect(code).toBe(1);
    expect(stderr).toContain(`via ${proxy.url}: HTTP/1.1 407`);
  });

  it('that never answers is given up after AWS_CONNECT_TIMEOUT', async () => {
    const [proxy, secure] = [await startProxy(), await behindTls(await createQueue())];
    proxy.answer = 'silence';
    const env = { ...secure.env, HTTPS_PROXY: proxy.url, AWS_MAX_ATTEMPTS: '1', AWS_CONNECT_TIMEOUT: '0.5' };
    const { code, stderr } = await list(env);
    expect(code).toBe(1);
    expect(stderr).toContain('TimeoutError');
  });
});

describe('a proxy that never opens the tunnel', () => {
  it('is left, so that retries don’t fill the process with connections', async () => {
    const proxy = await startProxy();
    proxy.answer = 'silence';
    const client = createSqsClient({
      ...SQS_OPTIONS,
      connectTimeoutSeconds: 0.1,
      endpoint: 'https://sqs.invalid',
      proxies: { ...NO_PROXIES, https: proxy.url },
    });
    onTestFinished(() => client.destroy());
    await expect(client.send(new ListQueuesCommand({}))).rejects.toMatchObject({ name: 'TimeoutError' });
    await proxy.left();
    expect(proxy.tunnels.length).toBeGreaterThan(1);
  });
});

describe('a proxy for http:', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])(
    'carries the processor’s requests where %s names it',
    async (variable) => {
      const [proxy, queue] = [await startProxy(), await createQueue()];
      await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
      const before = await countedEvents(database.pool);
      const processor = startProcessor(queue, database, { [variable]: proxy.url });
      await drained(queue);
      processor.child.kill('SIGTERM');
      expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
      expect((await countedEvents(database.pool)) - before).toBe(1);
      // The supervisor looks for two queues; the worker receives and deletes.
      expect(proxy.forwarded.length).toBeGreaterThanOrEqual(4);
      expect(new Set(proxy.forwarded)).toEqual(new Set([hostOf(queue.endpoint)]));
    },
  );

  it.each([5, 30])(
    'lets a poll outlast the connect timeout, with a read timeout of %d s',
    async (readTimeoutSeconds) => {
      const [proxy, queue] = [await startProxy(), await createQueue()];
      const proxies = { ...NO_PROXIES, http: proxy.url };
      const timeouts = { connectTimeoutSeconds: 0.1, readTimeoutSeconds };
      const client = createSqsClient({ ...SQS_OPTIONS, ...timeouts, endpoint: queue.endpoint, proxies });
      const polling = createSqsQueue(client, queue);
      onTestFinished(() => polling.close());
      const never = new AbortController().signal;
      // The second one uses the connection of the first.
      for (const seconds of [4, 2]) expect(await polling.receive(seconds, never)).toEqual([]);
    },
  );

  it('carries the request for a role’s credentials to STS', async () => {
    const [proxy, queue] = [await startProxy(), await createQueue()];
    const { code, stderr } = await runCommand(['dead_letters'], {
      AWS_DEFAULT_REGION: 'us-east-1',
      SQS_ENDPOINT_URL: queue.endpoint,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/bec-alerts',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/dev/null',
      // The proxy finds this name, but this machine doesn't. Nothing listens on the port.
      AWS_ENDPOINT_URL_STS: 'http://sts.invalid:9',
      AWS_MAX_ATTEMPTS: '1',
      HTTP_PROXY: proxy.url,
    });
    expect({ code, forwarded: proxy.forwarded }, stderr).toEqual({ code: 1, forwarded: ['sts.invalid:9'] });
  });

  it('carries emails to SES', async () => {
    const [proxy, ses] = [await startProxy(), await startSesStandIn()];
    const mailer = createSesMailer({
      ...SQS_OPTIONS,
      endpoint: ses.endpoint,
      from: { name: '', address: 'alerts@example.com' },
      configurationSet: undefined,
      proxies: { ...NO_PROXIES, http: proxy.url },
    });
    onTestFinished(() => mailer.close());
    await mailer.verifyFrom();
    expect(proxy.forwarded).toEqual([hostOf(ses.endpoint)]);
  });

  it('carries requests to S3', async () => {
    const [proxy, { endpoint }] = [await startProxy(), await createQueue()];
    const objects = createObjects({ ...SQS_OPTIONS, endpoint, proxies: { ...NO_PROXIES, http: proxy.url } });
    onTestFinished(() => objects.close());
    const place = { bucket: 'events', region: 'us-east-1', key: 'one' };
    await objects.fetch(place, new AbortController().signal).catch(() => {});
    expect(new Set(proxy.forwarded)).toEqual(new Set([hostOf(endpoint)]));
  });

  it('is not used for the hosts in NO_PROXY, and without a variable no proxy is', async () => {
    const [proxy, { endpoint }] = [await startProxy(), await createQueue()];
    for (const proxies of [{ ...NO_PROXIES, http: proxy.url, except: '127.0.0.1' }, NO_PROXIES]) {
      const client = createSqsClient({ ...SQS_OPTIONS, endpoint, proxies });
      onTestFinished(() => client.destroy());
      await client.send(new ListQueuesCommand({}));
    }
    expect(proxy.forwarded).toEqual([]);
  });
});

describe('a proxy for the requests to Sentry', () => {
  /** A Sentry that knows only the older endpoint, or envelopes too. */
  async function sentry(knowsEnvelopes: boolean) {
    const server = createHttp((incoming, response) => {
      incoming.resume();
      response.writeHead(knowsEnvelopes || incoming.url?.includes('/store/') ? 200 : 404).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const simulate = (host: string, env: Record<string, string>) =>
    runCommand(['simulate_error'], { SIMULATE_SENTRY_DSN: `http://key@${host}/1`, ...env });

  it.each([
    ['HTTP_PROXY', true],
    ['http_proxy', true],
    ['HTTP_PROXY', false],
  ])('is used where %s names it, knowing envelopes: %s', async (variable, knowsEnvelopes) => {
    const [proxy, host] = [await startProxy(), await sentry(knowsEnvelopes)];
    const { code, stderr } = await simulate(host, { [variable]: proxy.url });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(proxy.forwarded).toEqual(knowsEnvelopes ? [host] : [host, host]);
  });

  it('is not used for the hosts in NO_PROXY', async () => {
    const [proxy, host] = [await startProxy(), await sentry(true)];
    const { code } = await simulate(host, { http_proxy: proxy.url, NO_PROXY: '127.0.0.0/8' });
    expect({ code, forwarded: proxy.forwarded }).toEqual({ code: 0, forwarded: [] });
  });
});
