import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { JsonRecord } from '../../src/domain/json.ts';
import { messageOf } from '../../src/runtime/errors.ts';
import { onPreferredPort } from '../ports.ts';
import { authorize } from './auth.ts';
import { readBody } from './body.ts';
import { object, parseEnvelope, SentryRequestError } from './envelope.ts';
import type { ForwardedEvent } from './forwarded.ts';
import { forwardedEvent } from './forwarded.ts';
import type { Page } from './issue-page.ts';
import { askedIssue, issuePage, issueUrlPattern, unknownIssuePage } from './issue-page.ts';
import type { KeptIssues } from './kept-issues.ts';
import { createKeptIssues } from './kept-issues.ts';

export interface SentryOptions {
  /** Preferred; another where it is taken. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1: this server is for one machine. */
  readonly host?: string;
  /** Puts the body on the queue. Where it throws, the SDK is answered 503. */
  readonly forward: (body: string) => Promise<void>;
  /** Called after the event was forwarded. */
  readonly onEvent?: (event: ForwardedEvent) => void;
}

/** Stands in for Sentry: accepts events from its SDKs and forwards them in the shape that Sentry forwards. */
export interface LocalSentry {
  readonly port: number;
  /** For an SDK. The project can be any number; default 1. */
  dsn(projectId?: string): string;
  /** Of an issue's page, with `{groupId}` in it: for `SENTRY_ISSUE_URL`. */
  readonly issueUrl: string;
  close(): Promise<void>;
}

const PATH = /^\/api\/(\d{1,19})\/(envelope|store)\/?$/;
/** Sentry refuses larger events. */
const MAX_EVENT = 1_024 * 1_024;
/** Sentry's forwarder drops larger bodies; it counts characters. */
const MAX_FORWARDED = 262_144;
const EVENT_ID = /^[0-9a-f]{32}$/;
/** A page's own SDK may send from any origin, as to Sentry. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'content-type, content-encoding, x-sentry-auth',
  'access-control-expose-headers': 'x-sentry-error',
};
/** A page of other people's text: it loads and runs nothing, whatever the text is. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

export async function startSentry(options: SentryOptions): Promise<LocalSentry> {
  const host = options.host ?? '127.0.0.1';
  const publicKey = randomBytes(16).toString('hex');
  const issues = createKeptIssues();
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const page = askedPage(request, issues);
    if (page !== null) {
      response.writeHead(page.status, PAGE_HEADERS);
      response.end(page.html);
      return;
    }
    try {
      answer(response, 200, await receive(request, publicKey, issues, options));
    } catch (error) {
      const status = error instanceof SentryRequestError ? error.status : 503;
      answer(response, status, { detail: messageOf(error) });
    }
  };
  const start = async (port: number) => {
    const server = createServer(
      { requestTimeout: 30_000 },
      (request, response) => void handle(request, response),
    );
    await listen(server, port, host);
    return server;
  };
  const server = await onPreferredPort(options.port, start);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    dsn: (projectId = '1') => `http://${publicKey}@${host}:${port}/${projectId}`,
    issueUrl: issueUrlPattern(`http://${host}:${port}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answer(response: ServerResponse, status: number, body: JsonRecord): void {
  const detail = typeof body.detail === 'string' ? { 'x-sentry-error': headerText(body.detail) } : {};
  response.writeHead(status, { ...CORS, ...detail, 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

/** The page that a browser asks for; null where an SDK asks for something. */
function askedPage({ method, url = '/' }: IncomingMessage, issues: KeptIssues): Page | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const groupId = askedIssue(new URL(url, 'http://localhost').pathname);
  if (groupId === null) return null;
  const issue = issues.get(groupId);
  return issue === null ? unknownIssuePage(groupId) : issuePage(issue);
}

async function receive(
  request: IncomingMessage,
  publicKey: string,
  issues: KeptIssues,
  options: SentryOptions,
): Promise<JsonRecord> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'OPTIONS') return {};
  const [, projectId, endpoint] = PATH.exec(url.pathname) ?? [];
  if (projectId === undefined) throw new SentryRequestError(404, 'no such endpoint');
  if (request.method !== 'POST') throw new SentryRequestError(405, 'only POST');

  const body = await readBody(request);
  const received = endpoint === 'store' ? storeRequest(body) : envelopeRequest(body);
  const auth = request.headers['x-sentry-auth'];
  const header = typeof auth === 'string' ? auth : undefined;
  authorize({ header, query: url.searchParams.get('sentry_key'), envelope: received.header }, publicKey);
  const remoteAddress = request.socket.remoteAddress;
  let id: string | undefined;
  for (const payload of received.events) {
    id = await forward(payload, received.header, { projectId, remoteAddress }, issues, options);
  }
  return id === undefined ? {} : { id };
}

interface Received {
  readonly header: JsonRecord | undefined;
  readonly events: readonly Buffer[];
}

function storeRequest(body: Buffer): Received {
  return { header: undefined, events: [body] };
}

/** Only error events become issues; sessions, transactions and the like are taken and dropped. */
function envelopeRequest(body: Buffer): Received {
  const { header, items } = parseEnvelope(body);
  return { header, events: items.filter(({ type }) => type === 'event').map(({ payload }) => payload) };
}

async function forward(
  payload: Buffer,
  header: JsonRecord | undefined,
  sender: { projectId: string; remoteAddress: string | undefined },
  issues: KeptIssues,
  options: SentryOptions,
): Promise<string> {
  if (payload.length > MAX_EVENT)
    throw new SentryRequestError(413, `the event is larger than ${MAX_EVENT} bytes`);
  const event = object(payload, 'the event');
  const eventId = eventIdOf(event.event_id ?? header?.event_id);
  if (!isForwardable(event)) return eventId;
  const receivedAt = new Date();
  const forwarded = forwardedEvent(event, eventId, { ...sender, receivedAt, size: payload.length });
  const body = JSON.stringify(forwarded);
  if (body.length > MAX_FORWARDED) return eventId;
  await options.forward(body);
  issues.add(forwarded, receivedAt);
  options.onEvent?.(forwarded);
  return eventId;
}

/** Old SDKs send transactions to the same endpoint. */
function isForwardable(event: JsonRecord): boolean {
  return event.type !== 'transaction';
}

/** Sentry makes up a missing id, and accepts one with dashes. */
function eventIdOf(given: unknown): string {
  if (given === undefined || given === null) return randomBytes(16).toString('hex');
  const id = String(given).replaceAll('-', '').toLowerCase();
  if (!EVENT_ID.test(id)) throw new SentryRequestError(400, 'the event id is not 32 hexadecimal digits');
  return id;
}
