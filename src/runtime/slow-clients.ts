import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds the server's connections, so that slow clients don't shut out the others. Above the bound, a new connection
 * replaces the one that has waited the longest without a complete request. A connection whose request is being
 * answered is never replaced.
 *
 * Without this, Node would refuse the new connection and keep the slow ones.
 */
export function replaceSlowest(server: Server, most: number): void {
  /** Connections without a request in progress, in the order in which they began to wait. */
  const waiting = new Set<Socket>();
  const open = new Set<Socket>();

  // Node counts a connection until its handle is closed, which is after all connections of one turn were accepted.
  // Such a turn accepts at most the backlog, 511. Above this second bound Node refuses new connections.
  server.maxConnections = most + 512;
  server.on('connection', (socket) => {
    open.add(socket);
    waiting.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      waiting.delete(socket);
    });
    if (open.size <= most) return;
    const [slowest] = waiting;
    if (slowest === undefined) return;
    open.delete(slowest);
    waiting.delete(slowest);
    slowest.destroy();
  });
  server.on('request', ({ socket }, response) => {
    waiting.delete(socket);
    // The whole answer is written by now. A client that doesn't read it is slow, and so may be replaced.
    response.once('prefinish', () => {
      if (open.has(socket)) waiting.add(socket);
    });
  });
}
