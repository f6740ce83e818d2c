import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, deflate, gzip, zstdCompress } from 'node:zlib';
import * as Sentry from '@sentry/node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LocalSentry } from '../../../dev/sentry/stand-in.ts';
import { startSentry } from '../../../dev/sentry/stand-in.ts';
import { parseEvent } from '../../../src/domain/event.ts';
import type { JsonRecord } from '../../../src/domain/json.ts';
import type { TestQueue } from '../../support/queue.ts';
import { createQueue, takeAll } from '../../support/queue.ts';
import { createSentry } from '../../support/system.ts';

let queue: TestQueue;
let sentry: LocalSentry;
beforeAll(async () => {
  queue = await createQueue();
  sentry = await createSentry(queue);
});

/** Lets the real SDK send, and returns the events that Sentry would have forwarded. */
async function forwardedBy(capture: () => void): Promise<JsonRecord[]> {
  Sentry.init({
    dsn: sentry.dsn('7'),
    release: 'app@1.2.3',
    environment: 'nightly',
    defaultIntegrations: false,
    // Else the SDK makes up an exception for a message.
    attachStacktrace: false,
    integrations: [Sentry.linkedErrorsIntegration(), Sentry.contextLinesIntegration()],
  });
  capture();
  expect(await Sentry.close(10_000)).toBe(true);
  return (await takeAll(queue.client, queue.queueUrl)).map(({ Body }) => JSON.parse(Body ?? ''));
}

/** The encodings of the bodies that this process's servers receive until the test's end. */
function encodingsReceived(): string[] {
  const encodings: string[] = [];
  const hear = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.startsWith('/api/')) encodings.push(request.headers['content-encoding'] ?? 'identity');
  };
  subscribe('http.server.request.start', hear);
  onTestFinished(() => void unsubscribe('http.server.request.start', hear));
  return encodings;
}

function thrown(message: string): Error {
  try {
    throw new TypeError(message, { cause: new RangeError('the root cause') });
  } catch (error) {
    return error as Error;
  }
}

interface Thrown {
  readonly type: string;
  readonly stacktrace: { readonly frames: readonly JsonRecord[] };
}

const KEYS = [
  ...[
    '_meta',
    'context',
    'contexts',
    'crashFile',
    'culprit',
    'dateCreated',
    'dateReceived',
    'dist',
    'entries',
  ],
  ...[
    'errors',
    'eventID',
    'fingerprints',
    'groupID',
    'groupingConfig',
    'id',
    'location',
    'message',
    'metadata',
  ],
  ...['occurrence', 'packages', 'platform', 'projectID', 'sdk', 'size', 'tags', 'title', 'type', 'user'],
];

describe('an event of the real SDK', () => {
  it('arrives on the queue in the shape that Sentry forwards', async () => {
    const before = Date.now();
    const [event, ...others] = await forwardedBy(() => {
      Sentry.withScope((scope) => {
        scope.setUser({ id: '42', email: 'someone@example.com' });
        Sentry.captureException(thrown('x is undefined'));
      });
    });
    expect(others).toEqual([]);
    expect(Object.keys(event ?? {}).sort()).toEqual([...KEYS].sort());
    expect(event).toMatchObject({
      id: event?.eventID,
      eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
      groupID: expect.stringMatching(/^\d+$/),
      projectID: '7',
      message: '',
      title: 'TypeError: x is undefined',
      type: 'error',
      platform: 'node',
      dateReceived: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/),
      user: { id: '42', email: 'someone@example.com', username: null, ip_address: null },
    });
    expect(event?.tags).toEqual(
      expect.arrayContaining([
        { key: 'user', value: 'id:42' },
        { key: 'release', value: 'app@1.2.3' },
        { key: 'environment', value: 'nightly' },
      ]),
    );
    const parsed = parseEvent(JSON.stringify(event), new Date());
    if (!('event' in parsed)) throw new Error(`it can't be parsed: ${parsed.rejection.detail}`);
    expect(parsed.event).toMatchObject({ message: 'TypeError: x is undefined', user: 'id:42' });
    expect(parsed.event.stackFrames[0]).toMatchObject({ function: 'thrown', line: expect.any(Number) });
    expect(parsed.event.receivedAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('lists exceptions from the root cause to the one thrown, frames from the oldest call to the crash', async () => {
    const [event] = await forwardedBy(() => Sentry.captureException(thrown('thrown last')));
    const entries = event?.entries as { type: string; data: { values: Thrown[] } }[];
    const { values = [] } = entries.find(({ type }) => type === 'exception')?.data ?? {};
    expect(values.map(({ type }) => type)).toEqual(['RangeError', 'TypeError']);
    const frames = values[1]?.stacktrace.frames ?? [];
    expect(frames.at(-1)).toMatchObject({ function: 'thrown', lineNo: expect.any(Number), inApp: true });
    expect(frames.at(-1)?.context).toContainEqual([
      frames.at(-1)?.lineNo,
      expect.stringContaining('throw new TypeError'),
    ]);
  });

  it('may be a message without an exception', async () => {
    const [event] = await forwardedBy(() => Sentry.captureMessage('it took too long', 'warning'));
    expect(event).toMatchObject({ message: 'it took too long', title: 'it took too long', type: 'default' });
    expect(event?.tags).toContainEqual({ key: 'level', value: 'warning' });
  });

  it('is accepted as it is when it is small, and compressed when it is large', async () => {
    const encodings = encodingsReceived();
    const noise = Array.from({ length: 4_000 }, (_, index) => `item ${index}`);
    const [small] = await forwardedBy(() => Sentry.captureException(thrown('small')));
    const [large] = await forwardedBy(() => {
      // Without normalizeDepth's cut: an array of texts is one level.
      Sentry.captureException(thrown('large'), { extra: { noise: noise.join('\n') } });
    });
    expect(encodings).toEqual(['identity', 'gzip']);
    expect(small).toMatchObject({ title: 'TypeError: small' });
    expect(large).toMatchObject({ title: 'TypeError: large', context: { noise: noise.join('\n') } });
  });

  it('groups by the stack, whatever the message says', async () => {
    const events = await forwardedBy(() => {
      for (const message of ['item 1 is gone', 'item 2 is gone']) Sentry.captureException(thrown(message));
    });
    expect(events).toHaveLength(2);
    expect(events[0]?.groupID).toBe(events[1]?.groupID);
  });

  it('is not an issue where it is a session, so nothing is forwarded', async () => {
    const events = await forwardedBy(() => {
      Sentry.startSession();
      Sentry.endSession();
    });
    expect(events).toEqual([]);
  });
});

const EVENT = JSON.stringify({ message: 'by hand' });

function envelope(header: JsonRecord = {}): string {
  return [JSON.stringify(header), JSON.stringify({ type: 'event' }), EVENT].join('\n');
}

function post(body: string | Uint8Array, headers: Record<string, string> = {}, path = 'envelope') {
  const dsn = new URL(sentry.dsn('7'));
  return fetch(new URL(`/api/7/${path}/`, dsn.origin), {
    method: 'POST',
    headers: { 'x-sentry-auth': `Sentry sentry_version=7, sentry_key=${dsn.username}`, ...headers },
    body: body as Uint8Array<ArrayBuffer>,
  });
}

describe('a handmade request', () => {
  const pack = {
    gzip: promisify(gzip),
    deflate: promisify(deflate),
    br: promisify(brotliCompress),
    zstd: promisify(zstdCompress),
  };
  it.each(['gzip', 'deflate', 'br', 'zstd'] as const)('may be compressed with %s', async (encoding) => {
    const body = await pack[encoding](Buffer.from(envelope()));
    const response = await post(body, { 'content-encoding': encoding });
    expect(response.status).toBe(200);
    const [message] = await takeAll(queue.client, queue.queueUrl);
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ message: 'by hand', projectID: '7' });
  });

  it('may come by the older store endpoint', async () => {
    expect((await post(EVENT, {}, 'store')).status).toBe(200);
    const [message] = await takeAll(queue.client, queue.queueUrl);
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ title: 'by hand' });
  });

  it.each([
    ['without a key', 401, () => post(envelope(), { 'x-sentry-auth': '' })],
    ['with a wrong key', 403, () => post(envelope(), { 'x-sentry-auth': 'Sentry sentry_key=nope' })],
    ['that is not an envelope', 400, () => post('<html>')],
    ['that is not in the encoding it names', 400, () => post(envelope(), { 'content-encoding': 'gzip' })],
    ['to an endpoint that doesn’t exist', 404, () => post(envelope(), {}, 'minidump')],
    ['of more than 10 MB', 413, () => post(Buffer.alloc(11 * 1_024 * 1_024, 0x20))],
  ])('%s is refused with %i, and nothing is forwarded', async (_, status, send) => {
    expect((await send()).status).toBe(status);
    expect(await takeAll(queue.client, queue.queueUrl)).toEqual([]);
  });

  it('is answered 503 while the queue refuses it, so that the client knows', async () => {
    const broken = await startSentry({
      forward: async () => {
        throw new Error('the queue is unreachable');
      },
    });
    onTestFinished(() => broken.close());
    const dsn = new URL(broken.dsn());
    const url = new URL(`/api/1/envelope/?sentry_key=${dsn.username}`, dsn.origin);
    const response = await fetch(url, { method: 'POST', body: envelope() });
    expect(response.status).toBe(503);
  });
});

describe('the page of an issue', () => {
  const page = async (groupId: string) => {
    const response = await fetch(sentry.issueUrl.replace('{groupId}', encodeURIComponent(groupId)));
    return { status: response.status, headers: response.headers, html: await response.text() };
  };

  it('shows its title, its id and its last events with their stacks, the newest first', async () => {
    const message = `item is gone ${randomUUID()}`;
    const events = await forwardedBy(() => {
      // Without a stack of their own, so that they are of one issue.
      for (let index = 0; index < 12; index += 1) {
        Sentry.captureException(thrown(message), { fingerprint: [message], extra: { index } });
      }
    });
    const [{ groupID = '' } = {}] = events as { groupID?: string }[];
    const { status, headers, html } = await page(groupID);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.has('access-control-allow-origin')).toBe(false);
    expect(html).toContain(`<h1>TypeError: ${message}</h1>`);
    expect(html).toContain(`<dd>${groupID}</dd>`);
    expect(html).toContain('12 events since the stand-in started, the last 10 below');
    const shown = [...html.matchAll(/Event ([0-9a-f]{32})/g)].map(([, id]) => id);
    const sent = events.map(({ eventID }) => eventID);
    expect(new Set(shown).size).toBe(10);
    expect(sent).toEqual(expect.arrayContaining(shown));
    expect(html).toMatch(/<h2>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC<\/h2>/);
    expect(html).toMatch(
      /<h3>TypeError: item[^<]*<\/h3>\n<ol>\n<li>at thrown\([^<]*sentry\.test[^<]*:\d+:\d+\)<\/li>/,
    );
    expect(html).toContain('<h3>Caused by RangeError: the root cause</h3>');
    // For narrow screens: nothing is wider than the page, and long names break.
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    expect(html).toContain('overflow-wrap: anywhere');
  });

  it('escapes all text of an event', async () => {
    const harm = `"><script>alert(1)</script>\u202e&amp;'`;
    const [event] = await forwardedBy(() => {
      const error = thrown(harm);
      error.name = harm;
      error.stack = `Error\n    at ${harm} (/app/<b>file.js:1:2)`;
      Sentry.captureException(error);
      Sentry.captureMessage(harm);
    });
    const { html } = await page(String(event?.groupID));
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&#39;');
    expect(html).not.toMatch(/<script|<b>|\u202e/);
  });

  it('shows a message that has no stack', async () => {
    const [event] = await forwardedBy(() => Sentry.captureMessage('just a message'));
    const { html } = await page(String(event?.groupID));
    expect(html).toContain('<p class="message">just a message</p>\n<p>No stack: it is a message without');
  });

  it.each(['4200001', '<script>', '../../x', '%'])(
    'says of %s that nothing is known, and why',
    async (id) => {
      const { status, html } = await page(id);
      expect(status).toBe(404);
      expect(html).not.toContain('<script');
      expect(html.replace(/\s+/g, ' ')).toContain('made-up browser errors of <code>npm run dev</code>');
    },
  );
});
