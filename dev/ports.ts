import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to outgoing connections (from 32,768 on). So the port of a server that stops and
 * starts again is still free, even if many connections were opened meanwhile.
 */
const LISTENING_PORTS = [20_000, 32_000] as const;
const ATTEMPTS = 20;

/** `preferred` if nothing listens there, else any free port. It can be taken before it is used: retry then. */
export async function freePort(preferred?: number): Promise<number> {
  const random = Array.from({ length: ATTEMPTS }, () => randomInt(...LISTENING_PORTS));
  for (const port of [...(preferred === undefined ? [] : [preferred]), ...random, 0]) {
    const bound = await bind(port);
    if (bound !== null) return bound;
  }
  throw new Error('no free TCP port on 127.0.0.1');
}

/** Starts a server on its preferred port, or on any free one where that is taken. */
export async function onPreferredPort<T>(
  preferred: number | undefined,
  listen: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await listen(preferred ?? 0);
  } catch (error) {
    if (preferred === undefined || !isPortTaken(error)) throw error;
    return await listen(0);
  }
}

export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

async function bind(port: number): Promise<number | null> {
  const server = createServer();
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  if (!bound) return null;
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : null;
}
