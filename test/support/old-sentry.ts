import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

export interface SentryRequest {
  readonly path: string;
  readonly auth: string | undefined;
  readonly body: string;
}

export interface OldSentry {
  dsn(path?: string): string;
  /** All that was sent to it, in order. */
  readonly requests: readonly SentryRequest[];
  /** The events that came by the old endpoint. */
  events(): Record<string, unknown>[];
}

/** A server that only knows `/api/PROJECT/store/`, and answers anything else with that status. */
export async function startOldSentry(answers: { other: number; store: number }): Promise<OldSentry> {
  const requests: SentryRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const sent = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const path = request.url ?? '';
    requests.push({ path, auth: request.headers['x-sentry-auth']?.toString(), body: body.toString() });
    const store = /\/api\/\d+\/store\/$/.test(path);
    response.writeHead(store ? answers.store : answers.other, { location: '/auth/login/' });
    response.end(store ? '{"id":"0123"}' : '<html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    dsn: (path = '/2') => `http://publickey@127.0.0.1:${port}${path}`,
    requests,
    events: () => requests.filter(({ path }) => path.endsWith('/store/')).map(({ body }) => JSON.parse(body)),
  };
}
