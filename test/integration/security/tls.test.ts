import { describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import { createAuthority, startTlsFront } from '../../support/tls.ts';

const database = await createDatabase();

interface Front {
  /** The database's URL through TLS, with these parameters. */
  url(parameters: string): string;
  readonly ca: string;
  encrypted(): number;
}

async function front(certifiedName = 'localhost'): Promise<Front> {
  const authority = await createAuthority();
  const server = await startTlsFront(database.url, await authority.issue(certifiedName));
  return {
    url(parameters) {
      const url = new URL(database.url);
      url.hostname = 'localhost';
      url.port = String(server.port);
      url.search = parameters;
      return url.href;
    },
    ca: authority.file,
    encrypted: server.encrypted,
  };
}

const migrate = (url: string, env: Record<string, string> = {}) =>
  runCommand(['migrate'], { DATABASE_URL: url, ...env });

describe('a Postgres with TLS and sslmode=verify-full', () => {
  it('is used by migrate with the authority’s file in sslrootcert', async () => {
    const { url, ca, encrypted } = await front();
    const { code, stderr } = await migrate(url(`sslmode=verify-full&sslrootcert=${ca}`));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(encrypted()).toBeGreaterThan(0);
  });

  it('is used with the authority in NODE_EXTRA_CA_CERTS', async () => {
    const { url, ca, encrypted } = await front();
    expect((await migrate(url('sslmode=verify-full'), { NODE_EXTRA_CA_CERTS: ca })).code).toBe(0);
    expect(encrypted()).toBeGreaterThan(0);
  });

  it('is used by the processor’s workers, and by the watcher', async () => {
    const { url, ca, encrypted } = await front();
    const secure = { ...database, url: url(`sslmode=verify-full&sslrootcert=${ca}`) };
    const queue = await createQueue();
    await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
    const processor = startProcessor(queue, secure);
    await drained(queue);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    const before = encrypted();
    expect(before).toBeGreaterThan(0);
    const watcher = await runCommand(['watcher', '--once', '--console-alerts'], {
      AWS_DEFAULT_REGION: 'us-east-1',
      DATABASE_URL: secure.url,
      // The event is of long ago.
      WATCHER_SINCE: '520w',
    });
    expect(watcher).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('evaluated 1 issue'),
    });
    expect(encrypted()).toBeGreaterThan(before);
  });

  it.each(['verify-full', 'require'])('is refused where the authority is unknown (%s)', async (mode) => {
    const { url } = await front();
    const { code, stderr } = await migrate(url(`sslmode=${mode}`));
    expect(code).toBe(1);
    expect(stderr).toMatch(/certificate/);
    expect(stderr).not.toContain(new URL(database.url).password || 'no password');
  });

  it('is refused where the certificate is another host’s', async () => {
    const { url, ca } = await front('db.example.com');
    const { code, stderr } = await migrate(url(`sslmode=verify-full&sslrootcert=${ca}`));
    expect(code).toBe(1);
    expect(stderr).toMatch(/Host: localhost. is not in the cert's altnames/);
  });

  it('gets no unencrypted connection where a URL forgets it', async () => {
    const { url } = await front();
    expect((await migrate(url(''))).code).toBe(1);
  });
});
