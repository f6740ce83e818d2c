import { createServer } from 'node:net';

/** `preferred` if nothing listens there, else any free port. It can be taken before it is used: retry then. */
export async function freePort(preferred?: number): Promise<number> {
  return (preferred === undefined ? null : await bind(preferred)) ?? (await bind(0)) ?? noPort();
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

function noPort(): never {
  throw new Error('no free TCP port on 127.0.0.1');
}
