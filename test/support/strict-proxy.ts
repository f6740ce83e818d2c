import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** The parameters of a connection's start that every pooler knows. */
const KNOWN = new Set(['user', 'database', 'client_encoding', 'application_name']);
/** Type, length and content of the message BackendKeyData. */
const KEY_TYPE = 'K'.charCodeAt(0);

/**
 * Starts a stand-in for RDS Proxy. It refuses parameters such as `options` when a connection begins. It answers with a
 * process id that no server process has.
 * @returns the database's URL through the proxy, and the parameters that it refused
 */
export async function startStrictProxy(
  databaseUrl: string,
): Promise<{ readonly url: string; readonly refused: readonly string[] }> {
  const { hostname, port } = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const refused: string[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(port === '' ? 5432 : port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => other.destroy());
    }
    client.once('data', (start) => {
      const unknown = parametersOf(start).filter((name) => !KNOWN.has(name));
      if (unknown.length > 0) {
        refused.push(...unknown);
        client.end(refusal(unknown));
        return;
      }
      upstream.write(start);
      client.pipe(upstream);
      forwardWithOtherKey(upstream, client);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href, refused };
}

/** The names in a startup message: length, version, then names and values, each ended by a zero. */
function parametersOf(start: Buffer): string[] {
  const texts = start.subarray(8).toString().split('\0');
  return texts.filter((text, index) => index % 2 === 0 && text !== '');
}

function refusal(names: readonly string[]): Buffer {
  const fields = ['SFATAL', 'C0A000', `Mthese parameters are not supported: ${names.join(', ')}`, ''];
  const content = Buffer.from(`${fields.join('\0')}\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

/** Forwards message by message until the key has passed, and then as it comes. */
function forwardWithOtherKey(upstream: Socket, client: Socket): void {
  let rest = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const end = 1 + rest.readInt32BE(1);
      if (rest.length < end) return;
      const message = rest.subarray(0, end);
      rest = rest.subarray(end);
      if (message[0] === KEY_TYPE) {
        message.writeInt32BE(message.readInt32BE(5) ^ 0x40000000, 5);
        client.write(Buffer.concat([message, rest]));
        upstream.off('data', read);
        upstream.pipe(client);
        return;
      }
      client.write(message);
    }
  };
  upstream.on('data', read);
}
