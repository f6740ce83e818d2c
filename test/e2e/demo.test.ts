import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { expect, inject, it, onTestFinished } from 'vitest';
import { poll } from '../../dev/poll.ts';
import { query } from '../../dev/postgres/server.ts';
import { runInOwnProcess } from '../support/command.ts';

const DEMO = fileURLToPath(new URL('../../dev/demo/main.ts', import.meta.url));

/** On the tests' own Postgres: a cluster more would only cost time. */
function startDemo(parameters: readonly string[], env: Record<string, string> = {}, cwd = tmpdir()) {
  const child = spawn(process.execPath, [DEMO, ...parameters], {
    cwd,
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
    poll(`"${part}" in the output`, async () => (text.includes(part) ? true : undefined));
  return { child, code, printed, text: () => text };
}

/** The databases that the demo left on the server. */
async function databasesOf(pid: number | undefined): Promise<string[]> {
  const sql = 'SELECT datname FROM pg_database WHERE starts_with(datname, $1)';
  const rows = await query<{ datname: string }>(inject('adminUrl'), sql, [`bec_alerts_${pid}_`]);
  return rows.map(({ datname }) => datname);
}

/** No part of it accepts connections any more. */
async function expectClosed(text: string): Promise<void> {
  const addresses = [...text.matchAll(/^ {2}(?:SQS|SES|Sentry stand-in) +(http:\S+)/gm)].map(
    ([, address = '']) => new URL(address).origin,
  );
  expect(addresses).toHaveLength(3);
  for (const address of addresses) await expect(fetch(address)).rejects.toThrow('fetch failed');
}

it('the demo shows errors becoming emails, exits 0 and leaves nothing behind', async () => {
  // Anybody can write to the temporary folder.
  const shared = await mkdtemp(join(tmpdir(), 'bec-alerts-shared-'));
  onTestFinished(() => rm(shared, { recursive: true }));
  await writeFile(join(shared, '.env'), 'TRIGGERS=/not/there.ts\n');
  const demo = startDemo(['--events', '300', '--issues', '20'], { TMPDIR: shared });
  expect(await demo.code).toBe(0);
  expect(await readdir(shared)).toEqual(['.env']);
  const text = demo.text();
  expect(text).toContain('302 of 302 errors counted');
  expect(text).toMatch(/evaluated \d+ issues with 2 triggers: \d+ alerts?/);
  expect(text).toMatch(/^ {2}issue +events +users\n {2}\S.* \d+ +\d+$/m);
  expect(text).toContain(
    'Subject          SimulatedError: bec-alerts-healthcheck: hello from the demo · Healthcheck [Firefox Browser Errors]',
  );
  expect(text).toMatch(/^ +at throwDeeply\(simulate\.ts:\d+:\d+\)$/m);
  expect(text).toMatch(/Inbox page +http:\/\/127\.0\.0\.1:\d+/);
  expect(text).toMatch(/^ +Open in Sentry: http:\/\/127\.0\.0\.1:\d+\/issues\/\d+\/$/m);
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

it('npm run dev stays up, with errors for a second terminal to evaluate, until Ctrl-C', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-dev-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const dev = startDemo(['--stay', '--events', '100', '--issues', '20'], {}, folder);
  await dev.printed('Log\n');
  const { DATABASE_URL = '' } = parseEnv(await readFile(join(folder, '.env'), 'utf8'));
  const toEvaluate = async () => {
    const sql = "SELECT FROM issues WHERE message LIKE '%evaluate me in a second terminal%'";
    return (await query(DATABASE_URL, sql)).length === 1 ? true : undefined;
  };
  await poll('the error to evaluate', toEvaluate);
  const runsAndAlerts =
    'SELECT (SELECT count(*) FROM trigger_runs) AS runs, (SELECT count(*) FROM alerts) AS alerts';
  const before = await query(DATABASE_URL, runsAndAlerts);

  const dryRun = ['watcher', '--once', '--console-alerts', '--dry-run'];
  const { code, stdout } = await runInOwnProcess(dryRun, {}, folder);
  expect(code).toBe(0);
  expect(stdout).toMatch(/evaluated \d+ issues? with 2 triggers: 1 alert /);
  expect(stdout).toContain('bec-alerts-healthcheck: evaluate me in a second terminal');
  expect(await query(DATABASE_URL, runsAndAlerts)).toEqual(before);

  const [, link = ''] = /Open in Sentry: (\S+)/.exec(stdout) ?? [];
  const page = await fetch(link);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('<h1>SimulatedError: bec-alerts-healthcheck: evaluate me in a second');
  const [madeUp] = await query<{ group_id: string }>(
    DATABASE_URL,
    "SELECT group_id FROM issues WHERE message NOT LIKE '%bec-alerts%' AND stack_frames <> '[]' LIMIT 1",
  );
  const unknown = await fetch(link.replace(/\d+\/$/, `${madeUp?.group_id}/`));
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toContain('never pass through it');

  expect(dev.text()).toMatch(/^ {2}npx bec-alerts dead_letters {2,}/m);
  expect(dev.text()).toContain('102 of 102 errors counted');
  const letters = await runInOwnProcess(['dead_letters'], {}, folder);
  expect(letters).toMatchObject({ code: 0, stderr: '' });
  expect(letters.stdout).toMatch(
    /\nmissing_group_id +1 [\s\S]*\n1 dead letter in sentry_errors_dead_letters\n$/,
  );

  dev.child.kill('SIGINT');
  expect(await dev.code).toBe(0);
  expect(existsSync(join(folder, '.env'))).toBe(false);
  expect(await databasesOf(dev.child.pid)).toEqual([]);
  await expectClosed(dev.text());
});

it('a demo that can’t start says what to do, and exits 1', async () => {
  const demo = startDemo([], { DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/x' });
  expect(await demo.code).toBe(1);
  expect(demo.text()).toMatch(/demo failed: DATABASE_URL names a server .*correct it, or unset it/);
  expect(demo.text()).not.toContain('hunter2');
});
