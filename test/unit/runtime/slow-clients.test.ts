import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveDockerflow } from '../../../src/runtime/dockerflow.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { replaceSlowest } from '../../../src/runtime/slow-clients.ts';

const destination = { write: () => {} };
const logger = createLogger({ format: 'mozlog', level: 'DEBUG', name: 'test', destination });

async function health(requestMilliseconds: number): Promise<number> {
  const server = await serveDockerflow({
    port: 0,
    version: {},
    checks: { postgres: async () => null },
    logger,
    requestMilliseconds,
  });
  onTestFinished(() => server.close());
  return server.port;
}

/** A connection that does what `use` makes it do, until the test ends. */
async function client(port: number, use: (socket: Socket) => void = () => {}): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  use(socket);
  return socket;
}

const START = 'GET /__heartbeat__ HTTP/1.1\r\nhost: x\r\n';

const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  'sends nothing': (socket) => socket.resume(),
  'sends a byte four times a second': (socket) => {
    const header = `${START}x-slow: `;
    let sent = 0;
    const bytes = setInterval(() => socket.write(header[sent++] ?? 'y'), 250);
    socket.once('close', () => clearInterval(bytes));
  },
  'reads nothing': (socket) => {
    socket.pause();
    socket.write(`${START}\r\n`.repeat(10));
    // It notices its end only when it writes.
    const writes = setInterval(() => socket.write('x'), 250);
    socket.once('close', () => clearInterval(writes));
  },
  'never sends the end of a body': (socket) => {
    socket.resume();
    socket.write(`${START}content-length: 9\r\n\r\n1`);
  },
};
const SLOW = Object.values(KINDS);

/** The status of a heartbeat on a connection of its own, or the error's code. */
function heartbeat(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', path: '/__heartbeat__', agent: false };
    const asked = request(options, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}

describe('slow clients of the health pages', () => {
  it('keep none of 20 heartbeats from its answer, 500 of them and 100 more that connect again each time', async () => {
    const port = await health(5_000);
    let over = false;
    onTestFinished(() => {
      over = true;
    });
    const again = async (kind: (socket: Socket) => void): Promise<void> => {
      const socket = await client(port, kind);
      socket.once('close', () => over || void again(kind));
    };
    const slow = Array.from({ length: 500 }, (_, index) => client(port, SLOW[index % SLOW.length]));
    const returning = Array.from({ length: 100 }, (_, index) =>
      again(SLOW[index % SLOW.length] ?? (() => {})),
    );
    await Promise.all([...slow, ...returning]);
    for (let asked = 0; asked < 20; asked += 1) expect(await heartbeat(port)).toBe(200);
  });

  it.each(Object.entries(KINDS))('are disconnected: one that %s', async (_, use) => {
    const socket = await client(await health(100), use);
    const gone = new Promise((resolve) => socket.once('close', () => resolve(true)));
    expect(await gone).toBe(true);
  });
});

describe('a connection to the health pages', () => {
  const read = async (requests: number) => {
    const socket = await client(await health(5_000));
    socket.write(`${START}\r\n`.repeat(requests));
    return await text(socket).catch(() => '');
  };

  it('ends after the answer', async () => {
    const answer = await read(1);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"status":"ok"/);
    // Otherwise it would end only when it has been idle for a while.
    expect(answer).toContain('\r\nconnection: close\r\n');
  });

  it('ends without more than one answer if the client sends many requests at once', async () => {
    expect((await read(1_000)).match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThan(2);
  });
});

describe('above the bound of connections', () => {
  /** A server with at most two connections, which answers a request when `answer` is called. */
  async function bounded() {
    const answers: (() => void)[] = [];
    const arrived: (() => void)[] = [];
    const server: Server = createServer((_, response) => {
      answers.push(() => response.end());
      arrived.shift()?.();
    });
    // Only the bound may end a connection here.
    server.keepAliveTimeout = 0;
    replaceSlowest(server, 2);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    return {
      open: () => client(port),
      /** Sends a request, and waits until the server has it. */
      async ask(socket: Socket) {
        const got = new Promise<void>((resolve) => arrived.push(resolve));
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        await got;
      },
      async answer(socket: Socket) {
        answers.shift()?.();
        const [data] = await once(socket, 'data');
        return String(data).split('\r\n')[0];
      },
    };
  }

  it('the connection that waits the longest is replaced, and not the new one', async () => {
    const { open, ask, answer } = await bounded();
    const [first, second] = [await open(), await open()];
    const gone = once(first, 'close');
    const third = await open();
    await gone;
    for (const socket of [second, third]) {
      await ask(socket);
      expect(await answer(socket)).toBe('HTTP/1.1 200 OK');
    }
  });

  it('a connection whose request is being answered stays', async () => {
    const { open, ask, answer } = await bounded();
    const [first, second] = [await open(), await open()];
    await ask(first);
    const gone = once(second, 'close');
    await open();
    await gone;
    expect(await answer(first)).toBe('HTTP/1.1 200 OK');
  });

  it('a connection that got its answer is replaced too, after those that wait longer', async () => {
    const { open, ask, answer } = await bounded();
    const [first, second] = [await open(), await open()];
    await ask(first);
    await answer(first);
    const secondGone = once(second, 'close');
    await open();
    await secondGone;
    const firstGone = once(first, 'close');
    await open();
    expect(await firstGone).toEqual([false]);
  });
});
