import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { JsonRecord } from '../src/domain/json.ts';
import { isRecord } from '../src/domain/json.ts';
import { onPreferredPort } from './ports.ts';
import { showThreads } from './threads.ts';

export interface LocalService {
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Preferred port; if it is in use, another one. */
  readonly port?: number | undefined;
  readonly say?: (line: string) => void;
}

const HOST = '127.0.0.1';

const require = createRequire(import.meta.url);

/**
 * SQS (and S3) in this process, in memory. Queue URLs name the host that the client asked, so that they work from
 * any process of this machine. `GET /_fauxqs/queues` lists the queues and their messages.
 */
export async function startSqs(options: ServiceOptions = {}): Promise<LocalService> {
  // Loaded where it is used, as the local SES is: together they take half a second, and most files need one of them.
  const { buildApp } = await import('fauxqs');
  // Its own startFauxqs would listen on all of the machine's addresses.
  const start = async (port: number) => {
    const app = buildApp({ logger: false });
    try {
      return { app, endpoint: await app.listen({ port, host: HOST }) };
    } catch (error) {
      await app.close();
      throw error;
    }
  };
  const { app, endpoint } = await onPreferredPort(options.port, start);
  options.say?.(`SQS: ${endpoint}`);
  return { endpoint, close: async () => await app.close() };
}

/**
 * SES in this process, with its inbox page at the endpoint, and its threads at `/threads`. It answers SendEmail and SendRawEmail, and never answers any
 * other action. Emails are kept once for the process: two servers in one process show the same inbox.
 */
export async function startSes(options: ServiceOptions = {}): Promise<LocalService> {
  const server = await onPreferredPort(options.port, listenSes);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the local SES has no port');
  const endpoint = `http://${HOST}:${address.port}`;
  options.say?.(`SES: ${endpoint} (its inbox page)`);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { endpoint, close };
}

/** An email as the local SES received it. */
export interface StoredEmail {
  readonly messageId: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Null for an email of text alone. */
  readonly html: string | null;
  readonly at: Date;
}

/** All emails, oldest first. Of several `To` addresses in one SendEmail the local SES keeps the first. */
export async function storedEmails(endpoint: string): Promise<StoredEmail[]> {
  const answer: unknown = await (await request(endpoint, '/store', 'GET')).json();
  const { emails } = isRecord(answer) ? answer : {};
  if (!Array.isArray(emails)) throw new Error(`${endpoint}/store answered without a list of emails`);
  return emails.filter(isRecord).map(toStoredEmail);
}

export async function clearEmails(endpoint: string): Promise<void> {
  await request(endpoint, '/clear-store', 'POST');
}

/** Ends what hangs. The server is in a process that may be busy with a test, on a machine that may be busy too. */
const REQUEST_MILLISECONDS = 120_000;

async function request(endpoint: string, path: string, method: 'GET' | 'POST'): Promise<Response> {
  const signal = AbortSignal.timeout(REQUEST_MILLISECONDS);
  const response = await fetch(new URL(path, endpoint), { method, signal });
  if (!response.ok) throw new Error(`the local SES answered ${response.status} to ${method} ${path}`);
  return response;
}

function toStoredEmail(email: JsonRecord): StoredEmail {
  const { to } = isRecord(email.destination) ? email.destination : {};
  const { text, html } = isRecord(email.body) ? email.body : {};
  return {
    messageId: String(email.messageId),
    from: String(email.from),
    to: Array.isArray(to) ? to.map(String) : [],
    subject: String(email.subject),
    text: typeof text === 'string' ? text : '',
    html: typeof html === 'string' ? html : null,
    at: new Date(Number(email.at) * 1_000),
  };
}

/** startSesServer resolves even if it could not listen, so `listening` is checked. */
async function listenSes(port: number): Promise<Server> {
  // CommonJS with a default export: Node and vitest disagree on what importing it yields, requiring it is the same for both.
  const { default: startSesServer } = require('aws-ses-v2-local') as typeof import('aws-ses-v2-local');
  const server = await startSesServer({ port, host: HOST });
  if (server.listening) {
    showThreads(server);
    return server;
  }
  throw Object.assign(new Error(`the local SES can't listen on ${HOST}:${port}`), { code: 'EADDRINUSE' });
}
