import * as http from 'node:http';
import * as https from 'node:https';
import { setTimeout as timer } from 'node:timers/promises';
import type { makeNodeTransport, NodeOptions } from '@sentry/node';
import { asError } from './errors.ts';

export type MakeTransport = NonNullable<NodeOptions['transport']>;
type HttpModule = NonNullable<Parameters<typeof makeNodeTransport>[0]['httpModule']>;
type Transport = ReturnType<MakeTransport>;
type Envelope = Parameters<Transport['send']>[0];
type Answer = Awaited<ReturnType<Transport['send']>>;

/** What came of sending one event: the server's last status, or why there was none. */
export type Delivery = { readonly status: number } | { readonly error: Error };

export interface StoreFallbackOptions {
  readonly dsn: string;
  /** Ours, as the server sees it: `bec-alerts/1.2.3`. */
  readonly client: string;
  readonly onDelivery?: (delivery: Delivery) => void;
  /** Ends what is on its way to the older endpoint. */
  readonly signal?: AbortSignal;
}

/**
 * How a server answers that doesn't know envelopes. Sentry 9 has a page for every address, so it asks for a login
 * (302) or for a page's token (403). A wrong key is 403 as well; asking twice does no harm then.
 */
function knowsNoEnvelopes(status: number): boolean {
  return (status >= 300 && status < 400) || status === 403 || status === 404 || status === 405;
}

const ANSWER_MILLISECONDS = 10_000;

/**
 * The SDK's own transport, and behind it, for a server that doesn't know the envelopes which that one sends, the older
 * endpoint: one event as JSON to `/api/PROJECT/store/`. Once it had to fall back it stays with that.
 */
export function withStoreFallback(
  makeTransport: MakeTransport,
  { dsn, client, onDelivery, signal }: StoreFallbackOptions,
): MakeTransport {
  const store = storeEndpoint(dsn, client);
  return (transportOptions) => {
    const transport = makeTransport(transportOptions);
    const pending = new Set<Promise<Answer>>();
    let onlyStore = false;

    const send = async (envelope: Envelope): Promise<Answer> => {
      const event = eventIn(envelope);
      if (!onlyStore) {
        const answer = await transport.send(envelope);
        if (event === undefined || !knowsNoEnvelopes(answer.statusCode ?? 0)) return answer;
      }
      // Counts of what was dropped and the like: nothing that an old server could take.
      if (event === undefined) return {};
      const answer = await post(store, event, signal);
      onlyStore = !knowsNoEnvelopes(answer.statusCode ?? 0);
      return answer;
    };

    return {
      send(envelope) {
        const sending = send(envelope);
        pending.add(sending);
        const tell = eventIn(envelope) === undefined ? undefined : onDelivery;
        sending
          .then(
            ({ statusCode }) => tell?.({ status: statusCode ?? 0 }),
            (thrown: unknown) => tell?.({ error: asError(thrown) }),
          )
          .finally(() => pending.delete(sending));
        return sending;
      },
      // The SDK's transport knows nothing of what is on its way to the other endpoint.
      async flush(timeout) {
        const all = Promise.allSettled([...pending]).then(() => true);
        if (timeout === undefined || timeout === 0) return all;
        const overdue = new AbortController();
        const late = timer(timeout, false, { signal: overdue.signal }).catch(() => false);
        const done = await Promise.race([all, late]);
        overdue.abort();
        return done;
      },
    };
  };
}

/** An envelope is its header and its items, an item its header and its payload. */
function eventIn([, items]: Envelope): unknown {
  for (const [header, payload] of items) {
    if (header.type === 'event') return payload;
  }
  return undefined;
}

interface StoreEndpoint {
  readonly url: string;
  readonly auth: string;
}

function storeEndpoint(dsn: string, client: string): StoreEndpoint {
  const { origin, username, password, pathname } = new URL(dsn);
  const [, prefix = '', project = ''] = /^(.*)\/([^/]+)$/.exec(pathname) ?? [];
  const secret = password === '' ? '' : `, sentry_secret=${password}`;
  return {
    url: `${origin}${prefix}/api/${project}/store/`,
    auth: `Sentry sentry_version=7, sentry_client=${client}, sentry_key=${username}${secret}`,
  };
}

async function post(
  { url, auth }: StoreEndpoint,
  event: unknown,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const late = AbortSignal.timeout(ANSWER_MILLISECONDS);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-sentry-auth': auth },
    body: JSON.stringify(event),
    redirect: 'manual',
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
  });
  // Read to its end, or the connection stays open and keeps the process from ending.
  await response.arrayBuffer();
  return { statusCode: response.status };
}

/**
 * The SDK's requests have no end of their own: one that is never answered would keep the process from ending.
 * @param signalOf asked for each request: what ends it
 */
export function boundedRequests(dsn: string, signalOf: () => AbortSignal): HttpModule {
  const { request } = new URL(dsn).protocol === 'https:' ? https : http;
  return {
    request(options, callback) {
      const bounded = { ...(options as http.RequestOptions), signal: signalOf() };
      // A client's response has a status always; only the server's side of the type may lack it.
      return request(bounded, (response) => callback?.(response as typeof response & { statusCode: number }));
    },
  };
}
