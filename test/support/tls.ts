import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { run } from '../../dev/output.ts';

export interface Authority {
  /** Its certificate, as a file. */
  readonly file: string;
  /** A key and a certificate for that name. */
  issue(host: string): Promise<{ key: string; cert: string }>;
}

/** A certificate authority of the test's own, made with openssl (Debian's ca-certificates bring it). */
export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const openssl = async (...parameters: string[]) => {
    const { ok, text } = await run('openssl', parameters, { cwd: folder });
    if (!ok) throw new Error(`openssl ${parameters[0]} failed; is it installed?\n${text}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test CA',
    '-days',
    '2',
  );
  return {
    file: join(folder, 'ca.pem'),
    async issue(host) {
      await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', `/CN=${host}`);
      await writeFile(join(folder, 'names'), `subjectAltName=DNS:${host}`);
      const signed = [
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-extfile',
        'names',
        '-days',
        '2',
      ];
      await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signed);
      const text = (name: string) => readFile(join(folder, name), 'utf8');
      return { key: await text('server.key'), cert: await text('server.pem') };
    },
  };
}

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Puts TLS before a Postgres server, as Postgres itself does it: the client asks, is answered `S`, and shakes hands.
 * @returns the port, and how many connections were encrypted
 */
export async function startTlsFront(
  databaseUrl: string,
  identity: { key: string; cert: string },
): Promise<{ port: number; encrypted(): number }> {
  const { hostname, port } = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let encrypted = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    client.once('data', (request) => {
      // Like a server whose pg_hba.conf has `hostssl` alone: nothing goes on in the clear.
      if (!request.equals(SSL_REQUEST)) return client.destroy();
      client.write('S');
      const secure = new TLSSocket(client, { isServer: true, ...identity });
      secure.on('error', () => client.destroy());
      secure.once('secure', () => {
        encrypted += 1;
      });
      const upstream = connect(Number(port || 5432), hostname);
      sockets.add(upstream);
      upstream.on('error', () => client.destroy());
      upstream.once('close', () => client.destroy());
      client.once('close', () => upstream.destroy());
      secure.pipe(upstream).pipe(secure);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, encrypted: () => encrypted };
}
