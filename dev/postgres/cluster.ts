import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chown, constants, mkdtemp, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guard } from '../guard.ts';
import { guard } from '../guard.ts';
import { lastLines, output, run } from '../output.ts';
import { poll } from '../poll.ts';
import { freePort } from '../ports.ts';
import type { PostgresBinaries } from './binaries.ts';
import type { ClusterOptions, PostgresServer } from './server.ts';
import { serverSettings, untilReady } from './server.ts';

/** Ends the server as for a crash, waits for it, and removes its files. */
const CLEAN_UP =
  'kill -QUIT "$1"; i=0; while kill -0 "$1" && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; rm -rf "$2"';

/** Linux keeps these files in memory. */
const MEMORY = '/dev/shm';
/** `TMPFS_MAGIC` of linux/magic.h. */
const MEMORY_FILE_SYSTEM = 0x01021994;
/** The databases of a test run and their write-ahead log take less than half of it. */
const MEMORY_BYTES = 4 * 2 ** 30;

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A cluster of our own in a fresh temporary directory, on 127.0.0.1 alone, with a random password. */
export async function startCluster(
  binaries: PostgresBinaries,
  options: ClusterOptions,
): Promise<PostgresServer> {
  const account = await unprivilegedAccount();
  const directory = await mkdtemp(
    join(await parentDirectory(options.durable, account), 'bec-alerts-postgres-'),
  );
  try {
    const password = randomBytes(18).toString('hex');
    await initialise(binaries, directory, password, account);
    for (let attempt = 1; ; attempt++) {
      const port = await freePort(options.port);
      const cluster = new Cluster({ binaries, directory, password, port, account, durable: options.durable });
      try {
        await cluster.start();
        return cluster;
      } catch (error) {
        // Another process can have taken the port since we looked.
        if (attempt === 3 || !(await cluster.log()).includes('could not bind')) throw error;
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Data that may be lost is kept in memory, if there is room. Creating a database and dropping it again takes a third of
 * the CPU there.
 */
async function parentDirectory(durable: boolean, account: Account | undefined): Promise<string> {
  if (!durable && (await memoryHasRoom())) return MEMORY;
  // Root's TMPDIR can be where the unprivileged account may not go; every account can use /tmp.
  return account === undefined ? tmpdir() : '/tmp';
}

/** False also where there is no such folder, or where we may not write to it. */
async function memoryHasRoom(): Promise<boolean> {
  const writable = access(MEMORY, constants.W_OK);
  const memory = await writable.then(() => statfs(MEMORY)).catch(() => undefined);
  return memory?.type === MEMORY_FILE_SYSTEM && memory.bavail * memory.bsize >= MEMORY_BYTES;
}

/** For a server that refuses to run as root, as Postgres does. Undefined if this process isn't root. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const uid = await output('id', ['-u', name]);
    const gid = await output('id', ['-g', name]);
    if (uid !== null && gid !== null) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    'Postgres does not run as root, and there is neither a user postgres nor nobody to run it as',
  );
}

async function initialise(
  { binDir }: PostgresBinaries,
  directory: string,
  password: string,
  account: Account | undefined,
): Promise<void> {
  const passwordFile = join(directory, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) {
    await chown(passwordFile, account.uid, account.gid);
    await chown(directory, account.uid, account.gid);
  }
  const parameters = ['-D', join(directory, 'data'), '--username=postgres', `--pwfile=${passwordFile}`];
  parameters.push('--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync');
  const { ok, text } = await run(join(binDir, 'initdb'), parameters, {
    ...account,
    cwd: directory,
    env: environment(),
  });
  if (!ok) throw new Error(`${binDir}/initdb failed:\n${lastLines(text)}`);
  await rm(passwordFile);
}

/** Nothing of the caller's PG* variables, and messages in English, which `start` reads. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

interface ClusterSettings {
  readonly binaries: PostgresBinaries;
  readonly directory: string;
  readonly password: string;
  readonly port: number;
  readonly account: Account | undefined;
  readonly durable: boolean;
}

class Cluster implements PostgresServer {
  readonly description: string;
  readonly adminUrl: string;
  readonly binDir: string;
  readonly owned = true;
  readonly #settings: ClusterSettings;
  #server: ChildProcess | undefined;
  #guard: Guard | undefined;

  constructor(settings: ClusterSettings) {
    const { binaries, port, password } = settings;
    this.#settings = settings;
    this.binDir = binaries.binDir;
    this.description = `a private cluster of Postgres ${binaries.version} (${binaries.binDir}) on 127.0.0.1:${port}`;
    this.adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const { binaries, directory, port, account, durable } = this.#settings;
    const address = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories='];
    const parameters = ['-D', join(directory, 'data'), ...address.flatMap((setting) => ['-c', setting])];
    const log = await open(this.#logFile, 'a', 0o600);
    // A process group of its own: Ctrl-C in the terminal must not stop it before those who use it.
    const server = spawn(join(binaries.binDir, 'postgres'), [...parameters, ...serverSettings(durable)], {
      ...account,
      cwd: directory,
      env: environment(),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    let gone: string | undefined;
    const ended = (reason: string) => {
      gone ??= reason;
      if (this.#server === server) this.#server = undefined;
      this.#guard?.release();
      this.#guard = undefined;
    };
    this.#server = server;
    server.once('exit', (code, signal) => ended(`Postgres ended at start (${signal ?? `exit ${code}`})`));
    server.once('error', (error) => ended(`Postgres could not be started: ${error.message}`));
    await log.close();
    this.#guard = guard(CLEAN_UP, [String(server.pid), directory]);
    try {
      await untilReady(this.adminUrl, 60, () => gone);
    } catch (error) {
      await this.stop('immediate');
      throw new Error(`Postgres does not start; the end of its log:\n${lastLines(await this.log())}`, {
        cause: error,
      });
    }
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    const patience = { SIGINT: 20, SIGQUIT: 10, SIGKILL: 10 } as const;
    const signals =
      mode === 'fast' ? (['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) : (['SIGQUIT', 'SIGKILL'] as const);
    for (const signal of signals) {
      if (this.#server === undefined) return;
      this.#server.kill(signal);
      const gone = async () => (this.#server === undefined ? true : undefined);
      await poll('Postgres to end', gone, { seconds: patience[signal] }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.stop('immediate');
    await rm(this.#settings.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async log(): Promise<string> {
    return await readFile(this.#logFile, 'utf8').catch(() => '');
  }

  get #logFile(): string {
    return join(this.#settings.directory, 'log');
  }
}
