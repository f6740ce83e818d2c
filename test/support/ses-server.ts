import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Email } from 'postal-mime';
import PostalMime from 'postal-mime';

/** A client's request to SES, in the query protocol: a form with an `Action`. */
export interface SesRequest {
  readonly action: string;
  readonly fields: URLSearchParams;
  /** Of a SendRawEmail: the first recipient, and the email's subject and bodies. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** The email as it travels, and as a parser of emails reads it; empty and null for another action. */
  readonly raw: string;
  readonly email: Email | null;
}

export type SesReply =
  /** The email is taken (another action is done). */
  | { readonly result?: string }
  | { readonly status: number; readonly code: string; readonly message: string }
  /** 200 with this text, as a proxy answers. */
  | { readonly page: string }
  /** The connection ends without an answer. */
  | 'hang up'
  /** No answer ever comes. */
  | 'silence'
  /** The answer begins, and its end never comes. */
  | 'half an answer';

export interface SesServer {
  readonly endpoint: string;
  close(): Promise<void>;
}

export const THROTTLED = { status: 400, code: 'Throttling', message: 'Maximum sending rate exceeded.' };
export const REJECTED = { status: 400, code: 'MessageRejected', message: 'Address blacklisted.' };
export const BROKEN = { status: 500, code: 'InternalFailure', message: 'try again' };

/** An HTTP server that speaks SES's query protocol. It answers each request as `decide` says. */
export async function startSesServer(
  decide: (request: SesRequest) => SesReply | Promise<SesReply>,
): Promise<SesServer> {
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await parse(await body(incoming));
    send(response, request, await decide(request));
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Whether SES accepts an email by this reply, even if the answer doesn't arrive. */
export function accepts({ action }: SesRequest, reply: SesReply): boolean {
  return typeof reply === 'object' && !('code' in reply || 'page' in reply) && action === 'SendRawEmail';
}

async function body(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function parse(form: string): Promise<SesRequest> {
  const fields = new URLSearchParams(form);
  const action = fields.get('Action') ?? '';
  const raw = Buffer.from(fields.get('RawMessage.Data') ?? '', 'base64').toString();
  const email = action === 'SendRawEmail' ? await PostalMime.parse(raw) : null;
  return {
    action,
    fields,
    to: fields.get('Destinations.member.1') ?? '',
    subject: email?.subject ?? '',
    text: email?.text ?? '',
    html: email?.html ?? null,
    raw,
    email,
  };
}

function send(response: ServerResponse, request: SesRequest, reply: SesReply): void {
  const { action } = request;
  if (reply === 'silence') return;
  if (reply === 'hang up') {
    response.destroy();
    return;
  }
  if (typeof reply === 'object' && 'page' in reply) {
    response.setHeader('content-type', 'text/html');
    response.end(reply.page);
    return;
  }
  response.setHeader('content-type', 'text/xml');
  if (typeof reply === 'object' && 'code' in reply) {
    response.statusCode = reply.status;
    const type = reply.status < 500 ? 'Sender' : 'Receiver';
    response.end(
      `<ErrorResponse><Error><Type>${type}</Type><Code>${reply.code}</Code><Message>${reply.message}</Message></Error>` +
        `<RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
    );
    return;
  }
  const result = reply === 'half an answer' ? usualResult(request) : (reply.result ?? usualResult(request));
  const text =
    `<${action}Response xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`;
  if (reply === 'half an answer') {
    response.setHeader('content-length', text.length);
    response.write(text.slice(0, text.length / 2));
    return;
  }
  response.end(text);
}

function usualResult({ action, fields }: SesRequest): string {
  if (action === 'SendRawEmail') return `<MessageId>${randomUUID()}</MessageId>`;
  if (action === 'GetIdentityVerificationAttributes') {
    return verification(fields.get('Identities.member.1') ?? '', 'Success');
  }
  return '';
}

/** The state of an identity in SES's answer to GetIdentityVerificationAttributes. */
export function verification(identity: string, status: 'Success' | 'Pending'): string {
  const value = `<value><VerificationStatus>${status}</VerificationStatus></value>`;
  return `<VerificationAttributes><entry><key>${identity}</key>${value}</entry></VerificationAttributes>`;
}

/** SES's answer to GetSendQuota. */
export function quota(maxSendRate: number): SesReply {
  return {
    result: `<Max24HourSend>200.0</Max24HourSend><MaxSendRate>${maxSendRate}</MaxSendRate><SentLast24Hours>0.0</SentLast24Hours>`,
  };
}
