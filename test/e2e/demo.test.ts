import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';

const DEMO = fileURLToPath(new URL('../../dev/demo.ts', import.meta.url));

/** On the tests' own Postgres: a cluster more would only cost time. */
function startDemo(parameters: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [DEMO, ...parameters], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: inject('adminUrl'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
  }
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await code;
  });
  const printed = (part: string) =>
    poll(`"${part}" in the output`, async () => (text.includes(part) ? true : undefined), { seconds: 50 });
  return { child, code, printed, text: () => text };
}

/** What the demo would have left on the server: its database, or whoever is still connected to it. */
async function databasesOf(pid: number | undefined): Promise<string[]> {
  const client = new pg.Client({ connectionString: inject('adminUrl') });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [`bec_alerts_${pid}_`],
    );
    return rows.map(({ datname }) => datname);
  } finally {
    await client.end();
  }
}

/** No part of it takes connections any more. */
async function expectClosed(text: string): Promise<void> {
  const addresses = [...text.matchAll(/^ {2}(?:SQS|SES|Sentry stand-in) +(http:\S+)/gm)].map(
    ([, address = '']) => new URL(address).origin,
  );
  expect(addresses).toHaveLength(3);
  for (const address of addresses) await expect(fetch(address)).rejects.toThrow('fetch failed');
}

it('the demo shows errors becoming emails, exits 0 and leaves nothing behind', async () => {
  const demo = startDemo(['--events', '300', '--issues', '20']);
  expect(await demo.code).toBe(0);
  const text = demo.text();
  expect(text).toContain('302 of 302 errors counted');
  expect(text).toMatch(/evaluated \d+ issues with 2 triggers: \d+ alerts?/);
  expect(text).toMatch(/^ {2}issue +events +users\n {2}\S.* \d+ +\d+$/m);
  expect(text).toContain(
    'Subject          [Firefox Browser Errors] Healthcheck: SimulatedError: bec-alerts-healthcheck: hello',
  );
  expect(text).toMatch(/^ +at throwDeeply\(simulate\.ts:\d+:\d+\)$/m);
  expect(text).toMatch(/Inbox page +http:\/\/127\.0\.0\.1:\d+/);
  expect(await databasesOf(demo.child.pid)).toEqual([]);
  await expectClosed(text);
});

it('Ctrl-C in the middle of the demo cleans up, too', async () => {
  const demo = startDemo(['--events', '100000']);
  await demo.printed('browser errors of up to');
  demo.child.kill('SIGINT');
  expect(await demo.code).toBe(130);
  expect(demo.text()).toContain('All that it started is stopped and removed.');
  expect(await databasesOf(demo.child.pid)).toEqual([]);
  await expectClosed(demo.text());
});

it('a demo that can’t start says what to do, and exits 1', async () => {
  const demo = startDemo([], { DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/x' });
  expect(await demo.code).toBe(1);
  expect(demo.text()).toMatch(/demo failed: DATABASE_URL names a server .*correct it, or unset it/);
  expect(demo.text()).not.toContain('hunter2');
});
