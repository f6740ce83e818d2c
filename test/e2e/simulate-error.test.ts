import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LocalSentry } from '../../dev/sentry/stand-in.ts';
import { runCommand, runInOwnProcess } from '../support/command.ts';
import type { TestQueue } from '../support/queue.ts';
import { createQueue, takeAll } from '../support/queue.ts';
import { createSentry } from '../support/system.ts';

let queue: TestQueue;
let sentry: LocalSentry;
beforeAll(async () => {
  queue = await createQueue();
  sentry = await createSentry(queue);
});

async function titles(): Promise<string[]> {
  const messages = await takeAll(queue.client, queue.queueUrl);
  return messages.map(({ Body }) => (JSON.parse(Body ?? '') as { title: string }).title);
}

/** A server that answers every request with this status, or never. */
async function serverAnswering(status: number | 'never'): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    if (status !== 'never') request.on('end', () => response.writeHead(status).end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://key@127.0.0.1:${(server.address() as AddressInfo).port}/1`;
}

describe('bec-alerts simulate_error', () => {
  it('says which event it sent, and exits 0 once Sentry has it', async () => {
    const { code, stdout } = await runCommand(['simulate_error'], {
      SIMULATE_SENTRY_DSN: sentry.dsn(),
      LOG_FORMAT: 'compose',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/simulate_error \| INFO \| sent an error to Sentry event=[0-9a-f]{32} message=/);
    expect(await titles()).toEqual(['SimulatedError: bec-alerts simulated error']);
  });

  it('takes the DSN from --dsn before the variable', async () => {
    const { code } = await runCommand(['simulate_error', '--dsn', sentry.dsn(), '--message', 'by option'], {
      SIMULATE_SENTRY_DSN: 'http://key@127.0.0.1:1/1',
    });
    expect(code).toBe(0);
    expect(await titles()).toEqual(['SimulatedError: by option']);
  });

  it('without a DSN exits 1 and says what to set', async () => {
    const { code, stderr } = await runCommand(['simulate_error'], {});
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bec-alerts: no DSN to send to: set SIMULATE_SENTRY_DSN or use --dsn/);
  });

  it('with an invalid DSN exits 2 and says what one looks like', async () => {
    const { code, stderr } = await runCommand(['simulate_error', '--dsn', 'sentry.example.com'], {});
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'bec-alerts: wrong configuration\n  SIMULATE_SENTRY_DSN  must be an http:// or https:// URL\n',
    });
  });

  it('with another project’s key exits 1 with Sentry’s answer', async () => {
    const { host } = new URL(sentry.dsn());
    const { code, stderr } = await runCommand(['simulate_error', '--dsn', `http://wrong@${host}/1`], {});
    expect(code).toBe(1);
    expect(stderr).toContain(`Sentry at ${host} did not accept the error: it answered 403`);
    expect(await titles()).toEqual([]);
  });

  it.each([429, 500, 503])('exits 1 where Sentry answers %i', async (status) => {
    const { code, stderr } = await runCommand(['simulate_error', '--dsn', await serverAnswering(status)], {});
    expect(code).toBe(1);
    expect(stderr).toContain(`it answered ${status}`);
  });

  it('exits 1 where nobody listens, and says where', async () => {
    const { code, stderr } = await runCommand(['simulate_error', '--dsn', 'http://key@127.0.0.1:1/1'], {});
    expect(code).toBe(1);
    expect(stderr).toMatch(/Sentry at 127\.0\.0\.1:1 did not accept the error: .*ECONNREFUSED/);
  });

  it('exits 1 where Sentry never answers', async () => {
    const { code, stderr } = await runInOwnProcess(
      ['simulate_error', '--dsn', await serverAnswering('never')],
      {},
    );
    expect(code).toBe(1);
    expect(stderr).toContain('did not answer within 10 s');
  });
});
