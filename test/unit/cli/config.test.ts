import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.ts';

/** Nobody listens there: a command that connects to it fails. */
const COMPLETE = { DATABASE_URL: 'postgres://bec@127.0.0.1:1/bec', AWS_DEFAULT_REGION: 'us-west-2' };

afterEach(() => {
  vi.restoreAllMocks();
});

async function folderWith(dotEnv: string): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'bec-alerts-config-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '.env'), dotEnv);
  return folder;
}

/** @param folder where the command looks for a .env; default: an empty folder */
async function run(parameters: readonly string[], env: Record<string, string>, folder?: string) {
  const texts = { stdout: '', stderr: '' };
  const cwd = folder ?? (await folderWith(''));
  vi.spyOn(process, 'cwd').mockReturnValue(cwd);
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      texts[name] += String(text);
      return true;
    });
  }
  const code = await runCommandLine(['node', 'bec-alerts', 'config', ...parameters], { ...env });
  vi.restoreAllMocks();
  return { code, ...texts };
}

interface Shown {
  readonly dotEnv: string | null;
  readonly variables: readonly { name: string; from: string; value: string | null; problem: string | null }[];
  readonly clients: readonly { service: string; target: string }[];
  readonly awsCredentials: readonly { name: string; from: string }[] | null;
  readonly notes: readonly { variable: string; note: string }[];
}

async function shown(parameters: readonly string[], env: Record<string, string>, folder?: string) {
  const { code, stdout, stderr } = await run(['--json', ...parameters], env, folder);
  const config = JSON.parse(stdout) as Shown;
  const rows = Object.fromEntries(config.variables.map(({ name, from, value }) => [name, [from, value]]));
  const clients = Object.fromEntries(config.clients.map(({ service, target }) => [service, target]));
  const notes = Object.fromEntries(config.notes.map(({ variable, note }) => [variable, note]));
  return { code, stderr, config, rows, clients, notes };
}

describe('config', () => {
  it('shows every variable of the README, once', async () => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, section = ''] = /^## Configuration$(.*?)^## /ms.exec(readme) ?? [];
    const listed = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
      names.replaceAll('`', '').split(', '),
    );
    expect(listed.length).toBeGreaterThan(60);
    const { config } = await shown([], COMPLETE);
    expect(config.variables.map(({ name }) => name).sort()).toEqual(listed.sort());
  });

  it('says for each value whether an option, the environment, the .env file or nothing set it', async () => {
    const folder = await folderWith('AWS_READ_TIMEOUT=7\nSQS_QUEUE_NAME=from_file\nPORT=1\nTRIGGERS=x.ts');
    const env = { ...COMPLETE, AWS_CONNECT_TIMEOUT: ' 8 ', SQS_QUEUE_NAME: 'from_environment', PORT: '' };
    const { code, config, rows, notes } = await shown(['processor', '--queue-name', 'mine'], env, folder);
    expect({ code, dotEnv: config.dotEnv }).toEqual({ code: 0, dotEnv: join(folder, '.env') });
    expect(rows).toMatchObject({
      SQS_QUEUE_NAME: ['--queue-name', 'mine'],
      AWS_CONNECT_TIMEOUT: ['environment', '8'],
      AWS_READ_TIMEOUT: ['.env', '7'],
      PROCESSOR_SLEEP_DELAY: ['default', '20'],
      // Set to nothing, which still overrides the file.
      PORT: ['not set', null],
    });
    expect(rows).not.toHaveProperty('TRIGGERS');
    expect(notes.PORT).toContain('the environment overrides it');
  });

  it('shows no secret, wherever it is', async () => {
    const folder = await folderWith('AWS_SECRET_ACCESS_KEY=hunter2-a\nDATADOG_API_KEY=hunter2-b');
    const env = {
      DATABASE_URL: 'postgres://bec:hunter2-c@db/bec?sslpassword=hunter2-d',
      AWS_DEFAULT_REGION: 'us-west-2',
      AWS_ACCESS_KEY_ID: 'hunter2-e',
      AWS_SESSION_TOKEN: 'hunter2-f',
      SENTRY_DSN: 'https://hunter2g:hunter2h@sentry.example.com/3',
      SIMULATE_SENTRY_DSN: 'https://hunter2i@sentry.example.com/4',
      HTTPS_PROXY: 'http://hunter2-j:hunter2-k@proxy.example.com:3128',
      AWS_ENDPOINT_URL: 'http://hunter2-l:hunter2-m@localhost:4566',
      DJANGO_SECRET_KEY: 'hunter2-n',
      // Wrong values may have secrets that nobody can find.
      SENTRY_ISSUE_URL: 'https://hunter2-o/',
      http_proxy: 'socks5://hunter2-p@proxy',
    };
    for (const parameters of [[], ['--json'], ['watcher'], ['processor']]) {
      const { stdout, stderr } = await run(parameters, env, folder);
      expect(stdout).toContain('postgres://bec:***@db/bec?sslpassword=***');
      expect(stdout).toContain('https://***:***@sentry.example.com/3');
      expect(stdout + stderr).not.toContain('hunter2');
    }
  });

  it('exits 2 with every mistake at once, and shows the other values', async () => {
    const env = {
      DATABASE_URL: 'mysql://db/x',
      RETENTION_DAYS: '1',
      ALERT_DIGEST: 'run',
      LOG_FORMAT: 'prose',
    };
    const { code, stdout, stderr } = await run(['watcher', '--sleep-delay', 'soon'], env);
    expect(code).toBe(2);
    expect(
      stderr
        .match(/^ {2}[A-Z_]+/gm)
        ?.map((name) => name.trim())
        .sort(),
    ).toEqual(['AWS_DEFAULT_REGION', 'DATABASE_URL', 'LOG_FORMAT', 'RETENTION_DAYS', 'WATCHER_SLEEP_DELAY']);
    expect(stdout).toMatch(/^ALERT_DIGEST +environment +run$/m);
    expect(stdout).toMatch(/^RETENTION_DAYS +environment +WRONG$/m);
    expect(stdout).toMatch(/^WATCHER_SLEEP_DELAY +--sleep-delay +WRONG$/m);
    expect(stdout).toMatch(/^AWS_DEFAULT_REGION +not set +REQUIRED$/m);
    expect(stdout).toMatch(/SES: not known, because AWS_DEFAULT_REGION is wrong or missing/);
  });

  it('reports a mistake of several variables together, and one of several commands once', async () => {
    const queue = { SQS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/errors', SQS_REGION: 'us-west-2' };
    const { code, stderr, config } = await shown([], { ...COMPLETE, ...queue });
    expect(code).toBe(2);
    expect(stderr.match(/SQS_QUEUE_URL +is in the region eu-west-1/g)).toHaveLength(1);
    expect(config.variables.find(({ name }) => name === 'SQS_QUEUE_URL')).toMatchObject({
      value: queue.SQS_QUEUE_URL,
      problem: expect.stringContaining('eu-west-1'),
    });
  });

  it('doesn’t ask for the options that a single call needs', async () => {
    expect(await shown(['silence'], COMPLETE)).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows where each client connects to, and through which proxy', async () => {
    const proxies = { https_proxy: 'proxy.example.com:3128', NO_PROXY: 'localhost' };
    const { clients } = await shown(['processor'], {
      ...COMPLETE,
      ...proxies,
      AWS_ENDPOINT_URL: 'https://localhost:4566',
      AWS_ENDPOINT_URL_SQS: 'http://localhost:9324',
      SENTRY_DSN: 'https://key@sentry.example.com/3',
      DD_AGENT_HOST: '::1',
    });
    const through = ', through http://proxy.example.com:3128, unless NO_PROXY has its host';
    expect(clients).toEqual({
      Postgres: COMPLETE.DATABASE_URL,
      SQS: 'http://localhost:9324',
      S3: `https://localhost:4566${through}`,
      Sentry: `https://sentry.example.com${through}`,
      DogStatsD: 'udp://[::1]:8125',
    });
    expect((await shown(['watcher'], { ...COMPLETE, ...proxies })).clients).toEqual({
      Postgres: COMPLETE.DATABASE_URL,
      SES: `AWS, region us-west-2${through}`,
      DogStatsD: 'udp://localhost:8125',
    });
    expect((await shown(['migrate'], COMPLETE)).clients).toEqual({ Postgres: COMPLETE.DATABASE_URL });
  });

  it('names the wrong variable where nobody knows the client’s target, for clients that are used', async () => {
    const unknown = 'not known, because https_proxy is wrong or missing';
    const { clients } = await shown(['watcher'], { ...COMPLETE, https_proxy: 'socks5://proxy' });
    expect(clients).toEqual({
      Postgres: COMPLETE.DATABASE_URL,
      SES: unknown,
      DogStatsD: 'udp://localhost:8125',
    });
    const dsn = { SIMULATE_SENTRY_DSN: 'https://key@sentry.example.com/3' };
    expect((await shown(['simulate_error'], { ...dsn, https_proxy: 'socks5://proxy' })).clients).toEqual({
      'Sentry, simulated errors': unknown,
    });
  });

  it('names the Sentry of the watcher’s canaries only if it sends some', async () => {
    const dsn = { ...COMPLETE, SIMULATE_SENTRY_DSN: 'https://key@sentry.example.com/3' };
    const name = 'Sentry, simulated errors';
    expect((await shown(['watcher'], dsn)).clients).not.toHaveProperty(name);
    const canaries = await shown(['watcher'], { ...dsn, CANARY_INTERVAL: '300' });
    expect(canaries.clients).toHaveProperty([name], 'https://sentry.example.com');
  });

  it('notes variables that are ignored or misspelled, and no others', async () => {
    const wrong = {
      DJANGO_SECRET_KEY: 'x',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'x',
      PROCESSOR_PROCES_COUNT: '4',
      SES_FROM: 'a@example.com',
      retention_days: '30',
    };
    const others = {
      WATCHER_PORT: 'tcp://10.0.0.1:80',
      WATCHER_SERVICE_HOST: '10.0.0.1',
      AWS_ENDPOINT_URL_STS: 'http://localhost:1',
      ftp_proxy: 'http://proxy',
      HOST: 'web-1',
      DD_ENV: 'prod',
    };
    const { code, notes } = await shown(['watcher'], { ...COMPLETE, ...wrong, ...others });
    expect(code).toBe(0);
    expect(Object.keys(notes).sort()).toEqual(Object.keys(wrong).sort());
    expect(notes.PROCESSOR_PROCES_COUNT).toContain('did you mean PROCESSOR_PROCESS_COUNT?');
    expect(notes.retention_days).toContain('did you mean RETENTION_DAYS?');
    expect(notes.AWS_ACCESS_KEY_ID).toContain('AWS_SECRET_ACCESS_KEY is not set');
  });

  it('fits 80 columns, except for words that are longer', async () => {
    const { stdout } = await run([], {
      ...COMPLETE,
      ALERT_SUBJECT_PREFIX: 'long '.repeat(19),
    });
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('exits 2 for a command that doesn’t exist', async () => {
    const { code, stdout, stderr } = await run(['procesor'], COMPLETE);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain("unknown command 'procesor'");
  });
});
