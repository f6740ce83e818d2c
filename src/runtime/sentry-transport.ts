import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as timer } from 'node:timers/promises';
import type { makeNodeTransport, NodeOptions } from '@sentry/node';
import { asError } from './errors.ts';
import type { Proxies } from './proxy.ts';
import { proxyOptions } from './proxy.ts';

export type MakeTransport = NonNullable<NodeOptions['transport']>;
type HttpModule = NonNullable<Parameters<typeof makeNodeTransport>[0]['httpModule']>;
type Transport = ReturnType<MakeTransport>;
type Envelope = Parameters<Transport['send']>[0];
type Answer = Awaited<ReturnType<Transport['send']>>;

/** The result of sending one event: the server's last status, or the error if it didn't answer. */
export type Delivery = { readonly status: number } | { readonly error: Error };

export interface StoreFallbackOptions {
  readonly dsn: string;
  readonly proxies: Proxies;
  /** Our name and version for the server: `bec-alerts/1.2.3`. */
  readonly client: string;
  readonly onDelivery?: (delivery: Delivery) => void;
  /** Aborts requests to the older endpoint. */
  readonly signal?: AbortSignal;
}

/**
 * Whether the status is that of a server that doesn't know envelopes. Sentry 9 has a page at every address, so it
 * answers with a redirect to the login (302) or asks for the page's token (403). A wrong key is answered with 403 too;
 * then asking twice does no harm.
 */
function knowsNoEnvelopes(status: number): boolean {
  return (status >= 300 && status < 400) || status === 403 || status === 404 || status === 405;
}

const ANSWER_MILLISECONDS = 10_000;
/** After which an unused connection is closed, as by the SDK. */
const IDLE_MILLISECONDS = 2_000;

/**
 * Uses the SDK's own transport, which sends envelopes. If the server doesn't know envelopes, events are sent to the
 * older endpoint instead, as JSON to `/api/PROJECT/store/`. After one fallback the transport uses only the older
 * endpoint.
 */
export function withStoreFallback(
  makeTransport: MakeTransport,
  { dsn, proxies, client, onDelivery, signal }: StoreFallbackOptions,
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
      // Other envelopes, such as counts of dropped events, have no form that an old server accepts.
      if (event === undefined) return {};
      const answer = await post(store, proxies, event, signal);
      onlyStore = !knowsNoEnvelopes(answer.statusCode ?? 0);
      return answer;
    };

    return {
      send(envelope) {
        const sending = send(envelope);
        pending.add(sending);
        const delivered = eventIn(envelope) === undefined ? undefined : onDelivery;
        sending
          .then(
            ({ statusCode }) => delivered?.({ status: statusCode ?? 0 }),
            (thrown: unknown) => delivered?.({ error: asError(thrown) }),
          )
          .finally(() => pending.delete(sending));
        return sending;
      },
      // The SDK's transport doesn't know about requests to the older endpoint, so flush waits for all of them here.
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

/** An envelope consists of a header and items; an item consists of a header and a payload. */
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
  proxies: Proxies,
  event: unknown,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const late = AbortSignal.timeout(ANSWER_MILLISECONDS);
  const asked = clientOf(url).request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-sentry-auth': auth },
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    ...agentFor(url, proxies),
  });
  asked.end(JSON.stringify(event));
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
  // The body must be read to its end. Otherwise the connection stays open and keeps the process alive.
  await text(response);
  return { statusCode: response.statusCode ?? 0 };
}

/**
 * Makes the SDK's requests abortable, and sends them through the proxy. They have no timeout, so a request that is never
 * answered would keep the process alive. The SDK reads the variables of proxies too, but only those in small letters.
 * @param signalOf called for each request; returns the signal that aborts it
 */
export function boundedRequests(dsn: string, proxies: Proxies, signalOf: () => AbortSignal): HttpModule {
  const { request } = clientOf(dsn);
  const through = agentFor(dsn, proxies);
  return {
    request(options, callback) {
      const bounded = { ...(options as http.RequestOptions), ...through, signal: signalOf() };
      // A client's response always has a status. In the type it is optional, because the server uses the same type.
      return request(bounded, (response) => callback?.(response as typeof response & { statusCode: number }));
    },
  };
}

function clientOf(url: string): typeof http | typeof https {
  return new URL(url).protocol === 'https:' ? https : http;
}

/** An agent that uses the proxies; nothing without one. */
function agentFor(url: string, proxies: Proxies): { agent?: http.Agent } {
  const through = proxyOptions(proxies);
  if (through.proxyEnv === undefined) return {};
  const { Agent } = clientOf(url);
  return { agent: new Agent({ keepAlive: true, timeout: IDLE_MILLISECONDS, ...through }) };
}
