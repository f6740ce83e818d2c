import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Email } from 'postal-mime';
import PostalMime, { decodeWords } from 'postal-mime';
import { escapeHtml } from '../src/mail/html.ts';

interface KeptEmail {
  readonly email: Email;
  readonly source: Buffer;
}

/**
 * Lets the local SES show its emails as a mail program does: by thread, at `/threads`, each with its source. The inbox of
 * the local SES itself has neither headers nor threads.
 */
export function showThreads(server: Server): void {
  const [ses] = server.listeners('request') as RequestListener[];
  if (ses === undefined) throw new Error('the local SES has no handler of requests');
  const kept: KeptEmail[] = [];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const asked = /^\/threads(?:\/(\d+))?$/.exec(request.url ?? '');
    if (asked === null) {
      if (request.method === 'POST') keepAccepted(request, response, kept);
      ses(request, response);
    } else if (asked[1] === undefined) {
      answer(response, 200, 'text/html', page(kept));
    } else {
      const email = kept[Number(asked[1])];
      answer(response, email === undefined ? 404 : 200, 'text/plain', email?.source ?? 'no such email\n');
    }
  });
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` });
  response.end(body);
}

function keepAccepted(request: IncomingMessage, response: ServerResponse, kept: KeptEmail[]): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.on('finish', () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const raw = form.get('RawMessage.Data');
    if (raw === null || response.statusCode !== 200) return;
    const source = Buffer.from(raw, 'base64');
    void PostalMime.parse(source).then((email) => kept.push({ email, source }));
  });
}

/** The thread's id is the first one that an email refers to. */
function threadOf({ email }: KeptEmail): string {
  return (email.references ?? email.messageId ?? '').split(' ')[0] ?? '';
}

function page(kept: readonly KeptEmail[]): string {
  const places = kept.map((one, place) => ({ ...one, place }));
  const threads = [...Map.groupBy(places, threadOf).values()].map((emails) => {
    const [first] = emails;
    const to = first?.email.to?.map(({ address }) => address).join(', ') ?? '';
    const items = emails.map(({ email, place }) => {
      const trigger =
        email.headers.find(({ key }) => key === 'x-bec-alerts-trigger')?.value ?? 'several alerts';
      return `<li><a href="/threads/${place}">${escapeHtml(email.date ?? '')}</a> ${escapeHtml(decodeWords(trigger))}</li>`;
    });
    return `<h2>${escapeHtml(first?.email.subject ?? '')}</h2><p>To ${escapeHtml(to)}</p><ol>${items.join('')}</ol>`;
  });
  const content = threads.length === 0 ? '<p>No email has arrived yet.</p>' : threads.reverse().join('');
  return `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Threads</title><style>:root{color-scheme:light dark}body{font:15px/1.5 sans-serif;margin:2em auto;max-width:45em;padding:0 1em;overflow-wrap:anywhere}h2{font-size:1.1em;margin:1.5em 0 0}p,ol{margin:.2em 0}</style>
<h1>Emails by thread</h1><p><a href="/">The inbox</a></p>${content}</html>`;
}
