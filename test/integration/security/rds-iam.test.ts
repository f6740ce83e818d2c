import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import type { Environment } from '../../support/command.ts';
import { ON_THE_DATABASE, runCommand, startCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { countedEvents, drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import type { Rds } from '../../support/rds.ts';
import { ACCESS_KEY, startRds } from '../../support/rds.ts';
import { createAuthority } from '../../support/tls.ts';

const database = await createDatabase();
const ROLE = { host: 'localhost', user: 'bec_iam', region: 'eu-west-3' };

/** A stand-in for RDS, and the variables with which a command logs in. */
async function rdsWithEnv(): Promise<{ rds: Rds; env: Record<string, string> }> {
  const authority = await createAuthority();
  const rds = await startRds(database.url, await authority.issue(ROLE.host), ROLE);
  const url = `postgres://${ROLE.user}@LOCALHOST:${rds.port}/${database.name}?sslmode=verify-full`;
  const env = {
    DATABASE_URL: `${url}&sslrootcert=${authority.file}`,
    DATABASE_AUTH: 'rds-iam',
    AWS_DEFAULT_REGION: ROLE.region,
    AWS_ACCESS_KEY_ID: ACCESS_KEY.id,
    AWS_SECRET_ACCESS_KEY: ACCESS_KEY.secret,
    LOG_LEVEL: 'DEBUG',
  };
  return { rds, env };
}

/** Neither the secret key nor a token may be in any output. */
function expectNoSecret(output: string, { tokens }: Rds): void {
  expect(tokens.length).toBeGreaterThan(0);
  expect(output).not.toContain(ACCESS_KEY.secret);
  expect(output).not.toContain('X-Amz-Signature');
}

const migrate = (env: Environment) => runCommand(['migrate'], env);

describe('a database that accepts tokens of RDS', () => {
  it('is used by each command, with a token for each connection, and nothing logs one', async () => {
    const { rds, env } = await rdsWithEnv();
    for (const command of ON_THE_DATABASE) {
      const before = rds.tokens.length;
      const { code, stdout, stderr } = await runCommand(command, env);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
      expect(rds.tokens.length).toBeGreaterThan(before);
      expectNoSecret(stdout, rds);
    }
    for (const [command = '', ...more] of [['explain'], ['silence', '--for', '1h', '--because', 'why']]) {
      const { stderr } = await runCommand([command, '1', ...more], env);
      expect(stderr).toContain('there is no issue 1');
    }
  });

  it('is used by the processor’s workers, its health check, and status', async () => {
    const { rds, env } = await rdsWithEnv();
    const queue = await createQueue();
    await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
    const ports = { PORT: '0' };
    const processor = startProcessor(queue, database, { ...env, ...ports, SQS_REGION: 'us-east-1' });
    await drained(queue);
    const [, port] = await processor.printed(/"port":(\d+)/);
    const heartbeat = await fetch(`http://127.0.0.1:${port}/__heartbeat__`);
    expect(await heartbeat.json()).toMatchObject({ status: 'ok' });
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
    expect(await countedEvents(database.pool)).toBe(1);
    expectNoSecret(processor.output(), rds);
    const status = await runCommand(['status'], { ...queue.env, ...env, SQS_REGION: 'us-east-1' });
    expect(status.stdout).toMatch(/^issue_buckets +1 row/m);
  });

  it('gets a new token for a new connection: one that has expired is not used again', async () => {
    const { rds, env } = await rdsWithEnv();
    const watcher = startCommand(['watcher', '--console-alerts', '--sleep-delay', '0.2'], env);
    await watcher.printed(/evaluated \d+ issues/);
    const old = new Set(rds.tokens);
    rds.expire();
    const renewed = await poll('a run with a new token', async () => {
      const runs = watcher.output().split('a database connection was lost').at(-1) ?? '';
      const fresh = rds.tokens.filter((token) => !old.has(token));
      return fresh.length > 0 && /evaluated \d+ issues/.test(runs) ? fresh : undefined;
    });
    watcher.child.kill('SIGTERM');
    expect(await watcher.finished).toMatchObject({ code: 0, stderr: '' });
    expect(renewed.every((token) => !old.has(token))).toBe(true);
    expectNoSecret(watcher.output(), rds);
  });
});

describe('a login with a token that fails', () => {
  it('names the missing credentials', async () => {
    const { env } = await rdsWithEnv();
    const without = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };
    const { code, stderr } = await migrate({ ...env, ...without });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /making a token of RDS for bec_iam at LOCALHOST:\d+ failed \(Could not load credentials/,
    );
  });

  it('names the refusal of the database, and what the role needs', async () => {
    const { rds, env } = await rdsWithEnv();
    const { code, stderr } = await migrate({ ...env, AWS_SECRET_ACCESS_KEY: 'another' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/28000 PAM authentication failed.*; the role must be granted rds_iam/);
    expectNoSecret(stderr, rds);
  });

  it('reaches no server whose certificate is unknown', async () => {
    const { rds, env } = await rdsWithEnv();
    const url = env.DATABASE_URL?.replace(/&sslrootcert=.*/, '');
    const { code, stderr } = await migrate({ ...env, DATABASE_URL: url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/certificate/);
    expect(rds.tokens).toEqual([]);
  });
});
