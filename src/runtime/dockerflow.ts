import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as timer } from 'node:timers/promises';
import { asError, CodedError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import { replaceSlowest } from './slow-clients.ts';

/**
 * Checks one condition that the service needs. Returns null if it holds; otherwise returns a reason or throws. A reason
 * is shown to everybody who asks. An error is only logged, because it can name hosts and users.
 */
export type HealthCheck = (signal: AbortSignal) => Promise<string | null>;

/** A page that isn't JSON. */
export interface Page {
  readonly contentType: string;
  readonly text: string;
}

export interface DockerflowOptions {
  /** 0 chooses any free port. */
  readonly port: number;
  /** The content of `/__version__`. */
  readonly version: Readonly<Record<string, unknown>>;
  /** Checks by name. `/__heartbeat__` runs them all at the same time. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** More pages, by path. */
  readonly pages?: Readonly<Record<string, () => Promise<Page>>>;
  readonly logger: Logger;
  /** Time after which a check that hasn't answered counts as failed. Default 5,000. */
  readonly checkMilliseconds?: number;
  /** Time in which a request must arrive. Default 5,000. */
  readonly requestMilliseconds?: number;
}

export interface DockerflowServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Health {
  readonly status: 'ok' | 'error';
  readonly checks: Readonly<Record<string, 'ok' | 'error'>>;
  /** Reasons of the failed checks. */
  readonly details: Readonly<Record<string, string>>;
}

type Routes = Readonly<Record<string, () => Promise<{ status: number; page: Page }>>>;

// An import would load Node's WebSocket client too, which takes 45 ms of CPU.
const { createServer } = process.getBuiltinModule('node:http');

const CHECK_MILLISECONDS = 5_000;
/** Far more than monitors and load balancers need. A connection takes some 20 kB. */
const MAX_CONNECTIONS = 512;
const REQUEST_MILLISECONDS = 5_000;

/** Serves `/__lbheartbeat__`, `/__heartbeat__` and `/__version__`: https://github.com/mozilla-services/Dockerflow */
export async function serveDockerflow(options: DockerflowOptions): Promise<DockerflowServer> {
  const { requestMilliseconds = REQUEST_MILLISECONDS } = options;
  // Requests at the same time share one check, so that the services behind it are asked only once.
  let checking: Promise<Health> | undefined;
  const health = () => {
    checking ??= checkAll(options).finally(() => {
      checking = undefined;
    });
    return checking;
  };
  const routes: Routes = {
    '/__heartbeat__': async () => {
      const body = await health();
      return { status: body.status === 'ok' ? 200 : 500, page: json(body) };
    },
    '/__lbheartbeat__': async () => ({ status: 200, page: json({ status: 'ok' }) }),
    '/__version__': async () => ({ status: 200, page: json(options.version) }),
    ...Object.fromEntries(
      Object.entries(options.pages ?? {}).map(([path, page]) => [
        path,
        async () => ({ status: 200, page: await page() }),
      ]),
    ),
  };
  const asked = new WeakSet<Socket>();
  const server = createServer(
    {
      requestTimeout: requestMilliseconds,
      headersTimeout: requestMilliseconds,
      // Node looks for late requests this often. Its default of 30 s would let slow clients stay that long.
      connectionsCheckingInterval: requestMilliseconds / 5,
      maxHeaderSize: 8_192,
    },
    (request, response) => {
      // A client can send thousands of requests at once, without waiting for an answer. A health check doesn't do that.
      if (asked.has(request.socket)) {
        request.socket.destroy();
        return;
      }
      asked.add(request.socket);
      handle(request, response, routes).catch((error: unknown) => {
        options.logger.error('answering a health request failed', { error: asError(error) });
        response.destroy();
      });
    },
  );
  replaceSlowest(server, MAX_CONNECTIONS);
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  options.logger.info(`serving ${Object.keys(routes).join(', ')}`, { port });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, routes: Routes): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return send(response, 405, json({ status: 'error', message: 'only GET and HEAD are allowed' }), {
      allow: 'GET, HEAD',
    });
  }
  if (route === undefined) return send(response, 404, json({ status: 'error', message: 'no such page' }));
  const { status, page } = await route();
  send(response, status, page);
}

function json(body: object): Page {
  return { contentType: 'application/json; charset=utf-8', text: `${JSON.stringify(body)}\n` };
}

function send(
  response: ServerResponse,
  status: number,
  { contentType, text }: Page,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'cache-control': 'no-store',
    // One request for each connection: a client that sends many and reads no answer would otherwise keep its own.
    connection: 'close',
  });
  response.end(text);
}

async function checkAll({
  checks,
  logger,
  checkMilliseconds = CHECK_MILLISECONDS,
}: DockerflowOptions): Promise<Health> {
  const names = Object.keys(checks);
  const problems = await Promise.all(
    Object.values(checks).map((check, index) =>
      checkOne(names[index] ?? '', check, checkMilliseconds, logger),
    ),
  );
  const failed = Object.fromEntries(
    names.flatMap((name, index) => {
      const problem = problems[index];
      return problem === null || problem === undefined ? [] : [[name, problem]];
    }),
  );
  return {
    status: Object.keys(failed).length === 0 ? 'ok' : 'error',
    checks: Object.fromEntries(names.map((name) => [name, name in failed ? 'error' : 'ok'])),
    details: failed,
  };
}

async function checkOne(
  name: string,
  check: HealthCheck,
  milliseconds: number,
  logger: Logger,
): Promise<string | null> {
  const overdue = new AbortController();
  const done = new AbortController();
  try {
    const late = timer(milliseconds, undefined, { signal: done.signal }).then(() => {
      overdue.abort();
      return `did not answer within ${milliseconds} ms`;
    });
    // If the check ends first, the timer is aborted and rejects. Nothing awaits it by then.
    late.catch(() => {});
    const problem = await Promise.race([check(overdue.signal), late]);
    if (problem !== null) logger.warning('a health check failed', { check: name, problem });
    return problem;
  } catch (thrown) {
    logger.warning('a health check failed', { check: name, error: asError(thrown) });
    return thrown instanceof CodedError ? thrown.code : 'failed; the log has the error';
  } finally {
    done.abort();
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `can't listen on PORT ${port} (${messageOf(cause)}); choose another port, or unset PORT`;
      reject(new CodedError('startup_failed', message, { retryable: false, cause }));
    });
    server.listen(port, resolve);
  });
}
