import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { JsonRecord } from '../../src/domain/json.ts';
import { isRecord } from '../../src/domain/json.ts';

/**
 * The fate of a request on its way to the queue.
 * - `pass`: it is forwarded and answered.
 * - `error`: it is answered 500 and not forwarded.
 * - `deny`: it is answered as AWS answers a role without the permission.
 * - `drop`: the connection is cut before it arrives.
 * - `drop_answer`: it arrives and its answer is lost.
 * - `half_answer`: its answer begins and stalls.
 * - `silence`: it doesn't arrive and is never answered.
 * - `page`: it doesn't arrive and is answered 200 with `page`, as by a proxy.
 */
export type Fate = 'pass' | 'error' | 'deny' | 'drop' | 'drop_answer' | 'half_answer' | 'silence' | 'page';

/** Decides the fate of a request. `action` is such as `ReceiveMessage`, `queue` a queue's name. */
export type DecideFate = (action: string, queue: string) => Fate | Promise<Fate>;

/** Called by the server. */
export interface FaultyQueueEvents {
  readonly fate: DecideFate;
  /** Answers of the fate `page`. */
  readonly page?: () => string;
  /** Which entries of a batch delete fail; default none. They aren't forwarded, and answered as failed. */
  readonly failsToDelete?: (receiptHandle: string) => boolean;
  /** SQS handed out a message. */
  readonly received?: (messageId: string, receiptHandle: string) => void;
  /** A message was deleted, or its visibility was changed. */
  readonly finished?: (receiptHandle: string) => void;
}

export interface FaultyQueueServer {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Starts a way to the real SQS-protocol server `target` on which requests can be hurt. */
export async function startFaultyQueueServer(
  target: string,
  events: FaultyQueueEvents,
): Promise<FaultyQueueServer> {
  const server = createServer((request, response) => {
    handle(target, events, request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the faulty queue has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(
  target: string,
  events: FaultyQueueEvents,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const action = String(request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', '');
  const body = await textOf(request);
  const fate = await events.fate(action, queueIn(body));
  if (fate === 'silence') return;
  if (fate === 'error' || fate === 'deny') {
    const [code, type] = fate === 'error' ? [500, 'InternalFailure'] : [403, 'AccessDeniedException'];
    response
      .writeHead(code, { 'content-type': 'application/x-amz-json-1.0' })
      .end(JSON.stringify({ __type: type }));
    return;
  }
  if (fate === 'page') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(events.page?.() ?? '');
    return;
  }
  if (fate === 'drop') {
    request.socket.destroy();
    return;
  }
  const { forwarded, failed } =
    action === 'DeleteMessageBatch' && events.failsToDelete !== undefined
      ? withoutFailures(body, events.failsToDelete)
      : { forwarded: body, failed: [] };
  const answer = await fetch(target, { method: 'POST', headers: headersOf(request), body: forwarded });
  const text = await answer.text();
  if (action === 'ReceiveMessage') reportReceived(text, events);
  else for (const receipt of receiptsIn(forwarded)) events.finished?.(receipt);
  if (fate === 'drop_answer') {
    request.socket.destroy();
    return;
  }
  if (fate === 'half_answer') {
    response.writeHead(answer.status, { 'content-length': text.length + 1 }).write('{');
    return;
  }
  response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(failed.length === 0 ? text : withFailed(text, failed));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function queueIn(body: string): string {
  const { QueueName, QueueUrl } = JSON.parse(body) as { QueueName?: string; QueueUrl?: string };
  return QueueName ?? QueueUrl?.split('/').at(-1) ?? '';
}

/** Of a batch that deletes messages or changes their visibility. */
function receiptsIn(body: string): string[] {
  const { Entries = [] } = JSON.parse(body) as { Entries?: { ReceiptHandle?: string }[] };
  return Entries.flatMap(({ ReceiptHandle }) => ReceiptHandle ?? []);
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const kept = ['content-type', 'x-amz-target', 'authorization', 'x-amz-date'];
  return Object.fromEntries(kept.map((name) => [name, String(headers[name] ?? '')]));
}

function withoutFailures(body: string, fails: (receiptHandle: string) => boolean) {
  const request = JSON.parse(body) as { Entries: { Id: string; ReceiptHandle: string }[] };
  const failed = request.Entries.filter(({ ReceiptHandle }) => fails(ReceiptHandle));
  const Entries = request.Entries.filter((entry) => !failed.includes(entry));
  return { forwarded: JSON.stringify({ ...request, Entries }), failed: failed.map(({ Id }) => Id) };
}

function withFailed(text: string, ids: readonly string[]): string {
  const answer: unknown = JSON.parse(text);
  const failures = ids.map((Id) => ({ Id, Code: 'InternalError', SenderFault: false }));
  return JSON.stringify({ ...(isRecord(answer) && 'Successful' in answer ? answer : {}), Failed: failures });
}

function reportReceived(text: string, { received }: FaultyQueueEvents): void {
  const answer = JSON.parse(text) as { Messages?: JsonRecord[] };
  for (const { MessageId, ReceiptHandle } of answer.Messages ?? []) {
    received?.(String(MessageId), String(ReceiptHandle));
  }
}
