import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';

export interface Proxy {
  readonly url: string;
  /** The `HOST:PORT` of each request that it forwarded. */
  readonly forwarded: readonly string[];
  /** The `HOST:PORT` of each tunnel that it opened. */
  readonly tunnels: readonly string[];
  /** Waits until no client is connected. */
  left(): Promise<void>;
  /** The credentials of the last request or tunnel; empty without them. */
  credentials(): string;
  /** Sets the answer to each CONNECT from now on: a tunnel, this status, or none. */
  answer: 'tunnel' | 'silence' | number;
}

/**
 * An HTTP proxy on this machine, which forwards requests for `http:` and opens tunnels for `https:`. Closed after the
 * test. Every name that it is asked for is a name of this machine.
 */
export async function startProxy(): Promise<Proxy> {
  const forwarded: string[] = [];
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let credentials = '';
  const proxy: Proxy & { url: string } = {
    url: '',
    forwarded,
    tunnels,
    credentials: () => credentials,
    async left() {
      await poll('the clients of the proxy to leave', async () => (clients.size === 0 ? true : undefined));
    },
    answer: 'tunnel',
  };
  const note = (incoming: IncomingMessage) => {
    const [, encoded = ''] = (incoming.headers['proxy-authorization'] ?? '').split(' ');
    credentials = Buffer.from(encoded, 'base64').toString();
  };
  const server = createServer((incoming, response) => {
    note(incoming);
    forwarded.push(new URL(incoming.url ?? '').host);
    forward(incoming, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    note(incoming);
    tunnels.push(incoming.url ?? '');
    if (proxy.answer === 'silence') {
      // Without a reader the end of the connection would not be noticed.
      client.resume().once('end', () => client.end());
      return;
    }
    if (proxy.answer !== 'tunnel') {
      client.end(`HTTP/1.1 ${proxy.answer} No\r\n\r\n`);
      return;
    }
    const upstream = connect(Number(incoming.url?.split(':').at(-1)), '127.0.0.1');
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.write(head);
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

function forward(incoming: IncomingMessage, response: ServerResponse): void {
  const { port, pathname, search } = new URL(incoming.url ?? '');
  const { method, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, path: `${pathname}${search}`, method, headers });
  onward.on('error', () => response.destroy());
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  response.once('close', () => onward.destroy());
  incoming.pipe(onward);
}
