import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { afterAll } from 'vitest';
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

/** A way to the real SQS-protocol server on which requests can be hurt, and which counts deliveries. */
export interface FaultyQueue {
  readonly endpoint: string;
  /** Decides each request's fate; default: all pass. `action` is such as `ReceiveMessage`, `queue` a queue's name. */
  fate: (action: string, queue: string) => Fate;
  /** Answers of the fate `page`. */
  page: string;
  /** Which entries of a batch delete fail; default none. They aren't forwarded, and answered as failed. */
  failsToDelete: (receiptHandle: string) => boolean;
  /** How often each message was handed out, by its id. */
  readonly deliveries: ReadonlyMap<string, number>;
  /** Ids of messages that were received here and not deleted or released here since, by their receipt handle. */
  readonly receipts: ReadonlyMap<string, string>;
}

export async function startFaultyQueue(target: string): Promise<FaultyQueue> {
  const deliveries = new Map<string, number>();
  const receipts = new Map<string, string>();
  const way = {
    endpoint: '',
    fate: (): Fate => 'pass',
    page: '',
    failsToDelete: () => false,
    deliveries,
    receipts,
  } as FaultyQueue & { endpoint: string };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const action = String(request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', '');
    const body = await textOf(request);
    const fate = way.fate(action, queueIn(body));
    if (fate === 'silence') return;
    if (fate === 'error' || fate === 'deny') {
      const [code, type] = fate === 'error' ? [500, 'InternalFailure'] : [403, 'AccessDeniedException'];
      response
        .writeHead(code, { 'content-type': 'application/x-amz-json-1.0' })
        .end(JSON.stringify({ __type: type }));
      return;
    }
    if (fate === 'page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(way.page);
      return;
    }
    if (fate === 'drop') {
      request.socket.destroy();
      return;
    }
    const { forwarded, failed } =
      action === 'DeleteMessageBatch'
        ? withoutFailures(body, way.failsToDelete)
        : { forwarded: body, failed: [] };
    const answer = await fetch(target, {
      method: 'POST',
      headers: headersOf(request),
      body: forwarded,
    });
    const text = await answer.text();
    if (action === 'ReceiveMessage') count(text, deliveries, receipts);
    else for (const receipt of receiptsIn(forwarded)) receipts.delete(receipt);
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
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the faulty queue has no port');
  way.endpoint = `http://127.0.0.1:${address.port}`;
  return way;
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

function count(text: string, deliveries: Map<string, number>, receipts: Map<string, string>): void {
  const answer = JSON.parse(text) as { Messages?: JsonRecord[] };
  for (const { MessageId, ReceiptHandle } of answer.Messages ?? []) {
    deliveries.set(String(MessageId), (deliveries.get(String(MessageId)) ?? 0) + 1);
    receipts.set(String(ReceiptHandle), String(MessageId));
  }
}
