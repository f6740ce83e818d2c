import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DockerflowServer, HealthCheck } from '../../../src/runtime/dockerflow.ts';
import { serveDockerflow } from '../../../src/runtime/dockerflow.ts';
import { CodedError } from '../../../src/runtime/errors.ts';
import { createLogger } from '../../../src/runtime/logger.ts';

async function serve(
  checks: Record<string, HealthCheck>,
  checkMilliseconds = 5_000,
): Promise<{ server: DockerflowServer; lines: string[] }> {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const logger = createLogger({ format: 'mozlog', level: 'DEBUG', name: 'test', destination });
  const server = await serveDockerflow({
    port: 0,
    version: { version: '1.2.3' },
    checks,
    logger,
    checkMilliseconds,
  });
  onTestFinished(() => server.close());
  return { server, lines };
}

async function ask(server: DockerflowServer, path: string, init?: RequestInit) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
}

const fine: HealthCheck = async () => null;

describe('/__heartbeat__', () => {
  it('is 200 while every check passes', async () => {
    const { server } = await serve({ postgres: fine, queue: fine });
    const { status, body, headers } = await ask(server, '/__heartbeat__');
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'ok', queue: 'ok' }, details: {} },
    });
    expect(headers.get('content-type')).toContain('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is 500 and names the check that fails, with its reason', async () => {
    const { server } = await serve({ postgres: fine, workers: async () => 'no worker runs' });
    const { status, body } = await ask(server, '/__heartbeat__');
    expect({ status, body }).toEqual({
      status: 500,
      body: {
        status: 'error',
        checks: { postgres: 'ok', workers: 'error' },
        details: { workers: 'no worker runs' },
      },
    });
  });

  it('shows an error’s code and leaves its words to the log', async () => {
    const check: HealthCheck = async () => {
      throw new CodedError('database_unavailable', 'connecting to db.internal as app failed', {
        retryable: true,
      });
    };
    const { server, lines } = await serve({
      postgres: check,
      other: () => Promise.reject(new Error('secret')),
    });
    const { body } = await ask(server, '/__heartbeat__');
    expect(body.details).toEqual({
      postgres: 'database_unavailable',
      other: 'failed; the log has the error',
    });
    expect(lines.join('')).toContain('db.internal');
  });

  it('doesn’t wait for a check that hangs, and aborts it', async () => {
    let aborted = false;
    const hanging: HealthCheck = (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      });
    const { server } = await serve({ queue: hanging }, 20);
    const { status, body } = await ask(server, '/__heartbeat__');
    expect({ status, details: body.details }).toEqual({
      status: 500,
      details: { queue: 'did not answer within 20 ms' },
    });
    expect(aborted).toBe(true);
  });

  it('asks the services once, however many ask it at the same time', async () => {
    let asked = 0;
    const release = Promise.withResolvers<void>();
    const check: HealthCheck = async () => {
      asked += 1;
      await release.promise;
      return null;
    };
    const { server } = await serve({ postgres: check });
    const answers = Promise.all(Array.from({ length: 20 }, () => ask(server, '/__heartbeat__')));
    // One that doesn't wait for the checks comes back while they hang.
    expect((await ask(server, '/__lbheartbeat__')).status).toBe(200);
    release.resolve();
    expect((await answers).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked).toBeLessThan(20);
    await ask(server, '/__heartbeat__');
    expect(asked).toBeGreaterThan(1);
  });
});

describe('the other pages', () => {
  it('report that the process lives, whatever the checks report, and the version', async () => {
    const { server } = await serve({ postgres: async () => 'away' });
    expect(await ask(server, '/__lbheartbeat__?x=1')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask(server, '/__version__')).toMatchObject({ status: 200, body: { version: '1.2.3' } });
  });

  it('answer HEAD without a body', async () => {
    const { server } = await serve({});
    expect(await ask(server, '/__lbheartbeat__', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: null,
    });
  });

  it.each(['/', '/__heartbeat__/', '/constructor', '/__proto__'])('are not found at %s', async (path) => {
    const { server } = await serve({});
    expect((await ask(server, path)).status).toBe(404);
  });

  it('take no other method', async () => {
    const { server } = await serve({});
    const { status, headers } = await ask(server, '/__heartbeat__', { method: 'POST', body: 'x' });
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD' });
  });

  it('end when the daemon ends, open connections included', async () => {
    const { server } = await serve({ queue: () => new Promise(() => undefined) });
    const hanging = new Promise((resolve) => {
      request({ port: server.port, path: '/__heartbeat__' }).once('error', resolve).end();
    });
    await ask(server, '/__lbheartbeat__');
    await server.close();
    expect(await hanging).toBeInstanceOf(Error);
  });
});

it('names the variable where the port is taken', async () => {
  const { server } = await serve({});
  const logger = createLogger({
    format: 'mozlog',
    level: 'DEBUG',
    name: 'test',
    destination: { write: () => {} },
  });
  const again = serveDockerflow({ port: server.port, version: {}, checks: {}, logger });
  await expect(again).rejects.toThrow(/^can't listen on PORT \d+ \(.*EADDRINUSE.*\); choose another/);
});
