import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import pg from 'pg';
import { onTestFinished } from 'vitest';

/** The credentials whose tokens the stand-in accepts. */
export const ACCESS_KEY = { id: 'AKIDEXAMPLE', secret: 'marked-secret-key' } as const;
const SSL_REQUEST = 80_877_103;
const EXPIRES_MILLISECONDS = 900_000;

export interface Rds {
  readonly port: number;
  /** The tokens of the connections so far, refused ones included. */
  readonly tokens: readonly string[];
  /** Ends all connections. From now on a token that was made earlier has expired. */
  expire(): void;
}

/**
 * Puts the login of RDS before a Postgres server. TLS is required. The password must be a token that `ACCESS_KEY` signed
 * for this server and role, at most 15 minutes ago. Each accepted connection is a session of the real
 * server.
 */
export async function startRds(
  databaseUrl: string,
  identity: { key: string; cert: string },
  { host, user, region }: { host: string; user: string; region: string },
): Promise<Rds> {
  const sockets = new Set<Socket>();
  const tokens: string[] = [];
  let expiredBefore = 0;
  const login = async (client: Socket) => {
    if ((await next(client)).readInt32BE(4) !== SSL_REQUEST) throw new Error('the client asks for no TLS');
    client.write('S');
    const secure = new TLSSocket(client, { isServer: true, ...identity });
    secure.on('error', () => client.destroy());
    await next(secure);
    secure.write(message('R', Buffer.from([0, 0, 0, 3])));
    const token = (await next(secure)).toString('utf8', 5).replace(/\0$/, '');
    tokens.push(token);
    const { port } = server.address() as AddressInfo;
    const problem = problemOf(token, { host: `${host}:${port}`, user, region }, expiredBefore);
    if (problem === null) await join(secure, databaseUrl, sockets);
    else
      secure.end(
        message(
          'E',
          Buffer.from(`SFATAL\0C28000\0MPAM authentication failed for user "${user}" (${problem})\0\0`),
        ),
      );
  };
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    login(client).catch(() => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const expire = () => {
    // A token has the second in which it was made.
    expiredBefore = Math.floor(Date.now() / 1_000) * 1_000 + 1_000;
    cut();
  };
  return { port, tokens, expire };
}

/** Gives the client a session of the real server, whose own login is over. */
async function join(client: TLSSocket, databaseUrl: string, sockets: Set<Socket>): Promise<void> {
  const session = new pg.Client({ connectionString: databaseUrl });
  session.on('error', () => undefined);
  const { connection } = session as unknown as { connection: { stream: Socket } & NodeJS.EventEmitter };
  const answers: Buffer[] = [message('R', Buffer.from([0, 0, 0, 0]))];
  connection.on('parameterStatus', ({ parameterName, parameterValue }) =>
    answers.push(message('S', Buffer.from(`${parameterName}\0${parameterValue}\0`))),
  );
  connection.on('backendKeyData', ({ processID, secretKey }) => {
    const key = Buffer.alloc(8);
    key.writeInt32BE(processID, 0);
    key.writeInt32BE(secretKey, 4);
    answers.push(message('K', key));
  });
  await session.connect();
  const { stream } = connection;
  sockets.add(stream);
  stream.removeAllListeners('data');
  stream.once('close', () => client.destroy());
  client.once('close', () => stream.destroy());
  client.write(Buffer.concat([...answers, message('Z', Buffer.from('I'))]));
  client.pipe(stream).pipe(client);
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** The next bytes. The client waits for an answer after each message, and TLS delivers a record of it as a whole. */
async function next(from: Readable): Promise<Buffer> {
  const [chunk] = (await once(from, 'data')) as [Buffer];
  return chunk;
}

/** Checks a token as AWS does: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
function problemOf(
  token: string,
  expected: { host: string; user: string; region: string },
  expiredBefore: number,
): string | null {
  const { host, pathname, searchParams } = new URL(`https://${token}`);
  const signed = [...searchParams].filter(([name]) => name !== 'X-Amz-Signature').sort();
  const query = signed.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  const time = searchParams.get('X-Amz-Date') ?? '';
  const scope = `${time.slice(0, 8)}/${expected.region}/rds-db/aws4_request`;
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const canonical = ['GET', pathname, query, `host:${host}`, '', 'host', hash('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, hash(canonical)].join('\n');
  const sign = (key: string | Buffer, part: string) => createHmac('sha256', key).update(part).digest();
  const key = scope.split('/').reduce<string | Buffer>(sign, `AWS4${ACCESS_KEY.secret}`);
  const made = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (sign(key, text).toString('hex') !== searchParams.get('X-Amz-Signature')) return 'wrong signature';
  if (searchParams.get('X-Amz-Credential') !== `${ACCESS_KEY.id}/${scope}`) return 'wrong key or region';
  if (host !== expected.host) return `for ${host}`;
  if (searchParams.get('Action') !== 'connect' || searchParams.get('DBUser') !== expected.user)
    return 'for another user';
  if (made < expiredBefore || made + EXPIRES_MILLISECONDS < Date.now()) return 'expired';
  return null;
}
