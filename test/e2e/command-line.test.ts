import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCommand, runInOwnProcess, runUnread, startCommand } from '../support/command.ts';

/** Nobody listens there, so a command that gets that far fails at once, and names it. */
const NOWHERE = 'postgres://user:hunter2@127.0.0.1:1/';

async function folderWith(dotEnv: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '.env'), dotEnv);
  return folder;
}

describe('bec-alerts', () => {
  it.each(['watcher --help', 'triggers --json'])(
    'ends well where nobody reads its output, as with head: %s',
    async (command) => {
      expect(await runUnread(command.split(' '), {})).toEqual({ code: 0, stderr: '' });
    },
  );

  it('--help lists the commands and exits 0', async () => {
    const { code, stdout, stderr } = await runInOwnProcess(['--help'], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['processor', 'watcher', 'migrate', 'simulate_error']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(stdout).toContain('A .env file');
  });

  it.each([
    ['processor', ['--queue-name', '--process-count', 'SQS_QUEUE_NAME', 'PROCESSOR_WORKER_MESSAGE_COUNT']],
    [
      'processor',
      ['Required variables: DATABASE_URL, AWS_DEFAULT_REGION\n', '\nVariables without an option: ', ' PORT,'],
    ],
    ['watcher', ['--once', '--dry-run', '--triggers', 'WATCHER_SLEEP_DELAY']],
    ['watcher', ['Required variables: DATABASE_URL, AWS_DEFAULT_REGION\n', 'ALERT_EMAILS']],
    ['triggers', ['--triggers', 'without an option: ALERT_EMAILS\n']],
    ['explain', ['explain [options] <issue>', 'EXPLAIN_JSON', 'Required variables: DATABASE_URL\n']],
    ['backtest', ['--days', '--against', 'BACKTEST_AGAINST', 'Required variables: DATABASE_URL\n']],
    ['dead_letters', ['--redrive', 'Required variables: AWS_DEFAULT_REGION\n']],
    ['status', ['--connect-timeout', '--read-timeout', 'variables: DATABASE_URL, AWS_DEFAULT_REGION\n']],
    ['migrate', ['--down', 'Required variables: DATABASE_URL\n']],
    ['simulate_error', ['--dsn', '--no-traceback', 'required', 'SIMULATE_SENTRY_DSN']],
  ])('%s --help names its options and their variables', async (command, texts) => {
    const { code, stdout } = await runCommand([command, '--help'], {});
    expect(code).toBe(0);
    for (const text of texts) expect(stdout).toContain(text);
  });

  it('--version prints the package’s', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    expect(await runInOwnProcess(['--version'], {})).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('says on an old Node which one it needs, and where npm ci put one', async () => {
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });
      Object.defineProperty(process, 'version', { value: 'v20.20.2' });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(old)}` };
    const { code, stdout, stderr } = await runInOwnProcess(['processor'], env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^bec-alerts needs Node 22\.18 or newer, but this is Node v20\.20\.2; npm ci installed a newer/,
    );
    const [, brought = ''] = /start it with (\S+)\n$/.exec(stderr) ?? [];
    expect(await realpath(brought)).toMatch(/node_modules\/node\/bin\/node$/);
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['procesor']],
    ['an unknown option', ['watcher', '--onec']],
    ['an option without its value', ['watcher', '--triggers']],
    ['an argument too many', ['watcher', 'now']],
  ])('exits 2 for %s, and says where help is', async (_, parameters) => {
    const { code, stdout, stderr } = await runInOwnProcess(parameters, {});
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--help');
  });

  it('exits 2 with every mistake of a configuration at once, by variable', async () => {
    const { code, stdout, stderr } = await runInOwnProcess(['watcher', '--sleep-delay', 'soon'], {
      LOG_FORMAT: 'prose',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      SES_FROM_EMAIL: 'nobody',
      WATCHER_DRY_RUN: 'perhaps',
      RETENTION_DAYS: '0',
      SENTRY_ISSUE_URL: 'https://sentry.example.com/issues/',
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const named = stderr.match(/^ {2}[A-Z_]+/gm)?.map((name) => name.trim());
    expect(named?.sort()).toEqual([
      'AWS_DEFAULT_REGION',
      'DATABASE_URL',
      'LOG_FORMAT',
      'RETENTION_DAYS',
      'SENTRY_ISSUE_URL',
      'SES_FROM_EMAIL',
      'WATCHER_DRY_RUN',
      'WATCHER_SLEEP_DELAY',
    ]);
    expect(stderr).not.toContain('hunter2');
  });

  it.each(['processor', 'status', 'dead_letters'])(
    'exits 2 for a queue that has no name, as %s',
    async (command) => {
      const { code, stdout, stderr } = await runInOwnProcess(
        [command, '--queue-url', 'http://127.0.0.1:1/000000000000/errors/'],
        { DATABASE_URL: `${NOWHERE}x`, AWS_DEFAULT_REGION: 'us-east-1' },
      );
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^bec-alerts: wrong configuration\n {2}SQS_QUEUE_URL {2}must end with /);
    },
  );

  it('exits 2 for options that are empty, by their names, with the other mistakes', async () => {
    const { code, stdout, stderr } = await runInOwnProcess(
      ['--log-level', '', 'watcher', '--from-email', '', '--triggers', ' ', '--sleep-delay', 'soon'],
      { DATABASE_URL: `${NOWHERE}x`, SES_FROM_EMAIL: 'bec-alerts@example.com', TRIGGERS: 'triggers.ts' },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n').map((line) => line.trim().replace(/ +must be .*/, ' is wrong'))).toEqual([
      'bec-alerts: wrong configuration',
      '--log-level          is empty',
      '--from-email         is empty',
      '--triggers           is empty',
      'AWS_DEFAULT_REGION   is required but not set',
      'WATCHER_SLEEP_DELAY is wrong',
      '',
    ]);
  });

  it('exits 1 where the database is unreachable, and says where without the password', async () => {
    const { code, stderr } = await runInOwnProcess(['watcher', '--once'], {
      DATABASE_URL: `${NOWHERE}x`,
      AWS_DEFAULT_REGION: 'us-east-1',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bec-alerts: reaching the database failed .*ECONNREFUSED 127\.0\.0\.1:1/);
    expect(stderr).not.toContain('hunter2');
  });

  it('a processor whose queue doesn’t answer ends at SIGTERM with 0', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => {
      silent.close();
    });
    const asked = once(silent, 'connection');
    const { port } = silent.address() as AddressInfo;
    const processor = startCommand(['processor'], {
      DATABASE_URL: `${NOWHERE}x`,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      SQS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    });
    await asked;
    processor.child.kill('SIGTERM');
    const { code, stderr } = await processor.finished;
    expect({ code, stderr: stderr.includes('failed') }).toEqual({ code: 0, stderr: false });
    expect(processor.output()).toContain('stopped while waiting for the queue to answer');
  });
});

describe('a .env in the working directory', () => {
  it('is not read by a test without one, not even in the temporary folder, where anybody can put it', async () => {
    vi.stubEnv('TMPDIR', await folderWith('LOG_LEVEL=LOUD\n'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const { stderr } = await runInOwnProcess(['watcher'], {});
    expect(stderr).toMatch(/^ {2}DATABASE_URL/m);
    expect(stderr).not.toContain('LOG_LEVEL');
  });

  it('that can’t be read is a mistake, but not for --help', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-e2e-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, '.env'));
    const { code, stdout, stderr } = await runInOwnProcess(['triggers'], {}, folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(
        `^bec-alerts: wrong configuration\\n {2}\\.env in ${await realpath(folder)} {2}can't be read: EISDIR`,
      ),
    );
    expect((await runInOwnProcess(['triggers', '--help'], {}, folder)).code).toBe(0);
  });

  it('can’t set a variable that Node reads earlier, and says so with the other mistakes', async () => {
    const folder = await folderWith('NODE_EXTRA_CA_CERTS=/ca.pem\nNODE_OPTIONS=\nALERT_EMAILS=nobody\n');
    const { code, stderr } = await runInOwnProcess(['triggers'], {}, folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^ {2}NODE_EXTRA_CA_CERTS {2}has no effect in a \.env, [^\n]*\n {2}ALERT_EMAILS +must/m,
    );
    expect(stderr).not.toContain('NODE_OPTIONS');
    const set = { NODE_EXTRA_CA_CERTS: '/dev/null', ALERT_EMAILS: '' };
    expect((await runInOwnProcess(['triggers'], set, folder)).code).toBe(0);
  });

  it('is overridden by a variable that is set to nothing', async () => {
    const folder = await folderWith('ALERT_EMAILS=oncall@example.com\n');
    expect((await runInOwnProcess(['triggers'], {}, folder)).stdout).toContain('oncall@example.com');
    const { stdout } = await runInOwnProcess(['triggers'], { ALERT_EMAILS: '' }, folder);
    expect(stdout).toContain('nobody: set ALERT_EMAILS');
  });

  it('is read', async () => {
    const folder = await folderWith('WATCHER_SLEEP_DELAY=soon\nLOG_LEVEL="LOUD"\n');
    const { code, stderr } = await runInOwnProcess(['processor'], { DATABASE_URL: `${NOWHERE}x` }, folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(/LOG_LEVEL\s+must be one of/);
  });

  it('is overridden by the environment, which is overridden by an option', async () => {
    const folder = await folderWith('LOG_LEVEL=LOUD\nRETENTION_DAYS=0\nSES_FROM_EMAIL=nobody\n');
    const { code, stderr } = await runInOwnProcess(
      ['watcher', '--from-email', 'bec-alerts@example.com'],
      {
        LOG_LEVEL: 'INFO',
        RETENTION_DAYS: '20',
        SES_FROM_EMAIL: 'nobody either',
        DATABASE_URL: `${NOWHERE}x`,
      },
      folder,
    );
    expect(code).toBe(2);
    // Only variables that nobody set are left.
    expect(stderr.match(/^ {2}[A-Z_]+/gm)).toEqual(['  AWS_DEFAULT_REGION']);
  });
});
