import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { Logger } from '../../../src/runtime/logger.ts';
import { createReporter } from '../../../src/runtime/report.ts';

const SILENT: Logger = { debug() {}, info() {}, warning() {}, error() {}, critical() {} };

it('close() lets go of a request that the server receives and never answers', async () => {
  const server = createServer();
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;

  const reporter = await createReporter(SILENT, `http://key@127.0.0.1:${port}/1`, '0.0.0');
  const connected = once(server, 'connection');
  reporter.report(new Error('nobody answers'), 'a test failed');
  await connected;
  await reporter.close();

  // The request's own end would be after ten seconds.
  await expect.poll(() => sockets.map((socket) => socket.closed), { timeout: 6_000 }).toEqual([true]);
});
