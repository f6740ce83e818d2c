import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { openConnections } from '../../../dev/process-tree.ts';

it('the connections of a process to a port are counted, and no others', async () => {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
  });
  await Promise.all(clients.map((client) => once(client, 'connect')));
  expect(openConnections(process.pid, port)).toBe(2);
  expect(openConnections(process.ppid, port)).toBe(0);
  clients[0]?.destroy();
  await poll('one connection', async () => openConnections(process.pid, port) === 1 || undefined);
});
