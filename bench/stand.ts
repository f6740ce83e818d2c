import type { ChildProcess } from 'node:child_process';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { LocalPostgres } from '../dev/postgres/local-postgres.ts';
import { startPostgres } from '../dev/postgres/local-postgres.ts';
import { findOrCreateQueues } from '../src/queue/provision.ts';
import { createSqsClient } from '../src/queue/sqs.ts';
import { NO_PROXIES } from '../src/runtime/proxy.ts';

/** The built command line, because production runs that. */
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const QUEUE_SERVER = new URL('./queue-server.ts', import.meta.url);

/** Commands that `startBuilt` started and that still run. */
const running = new Set<ChildProcess>();

/** The servers of a benchmark: Postgres with its default settings, and a local SQS in its own process. */
export interface Stand {
  readonly postgres: LocalPostgres;
  readonly client: SQSClient;
  readonly endpoint: string;
  readonly queueServerPid: number;
  /** A migrated database and a queue, both new; the variables that a command needs to use them. */
  place(name: string): Promise<Place>;
  close(): Promise<void>;
}

export interface Place {
  readonly databaseUrl: string;
  readonly queueUrl: string;
  readonly env: NodeJS.ProcessEnv;
}

export async function startStand(say: (line: string) => void): Promise<Stand> {
  // The SDK needs credentials; the local server doesn't check them.
  process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'local';
  const postgres = await startPostgres({ say, durable: true });
  const server = fork(QUEUE_SERVER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [endpoint] = (await once(server, 'message')) as [string];
  const client = createSqsClient({
    region: 'us-east-1',
    endpoint,
    connectTimeoutSeconds: 5,
    readTimeoutSeconds: 30,
    proxies: NO_PROXIES,
  });

  const place = async (name: string): Promise<Place> => {
    const databaseUrl = await postgres.createDatabase(name);
    const env = {
      ...process.env,
      DATABASE_URL: databaseUrl,
      AWS_DEFAULT_REGION: 'us-east-1',
      SQS_ENDPOINT_URL: endpoint,
      SQS_QUEUE_NAME: name,
      NO_PROXY: '*',
      no_proxy: '*',
    };
    const [code] = await once(spawn(process.execPath, [MAIN, 'migrate'], { env, stdio: 'ignore' }), 'exit');
    if (code !== 0) throw new Error(`migrating ${name} ended with exit code ${code}`);
    const names = { queueName: name, queueUrl: undefined, deadLetterQueueName: undefined };
    const { queueUrl } = await findOrCreateQueues(client, names);
    return { databaseUrl, queueUrl, env };
  };

  return {
    postgres,
    client,
    endpoint,
    queueServerPid: server.pid ?? 0,
    place,
    async close() {
      for (const child of running) child.kill('SIGKILL');
      client.destroy();
      server.kill('SIGTERM');
      await postgres.close();
    },
  };
}

/** Starts a built command. Its log is discarded; its standard error can be read. */
export function startBuilt(parameters: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...parameters], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}
