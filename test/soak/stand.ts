import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { guard } from '../../dev/guard.ts';
import { startPostgres } from '../../dev/postgres/local-postgres.ts';
import { query } from '../../dev/postgres/server.ts';
import { startSqs } from '../../dev/services.ts';
import { migrate } from '../../src/db/migrate.ts';
import { findOrCreateQueues } from '../../src/queue/provision.ts';
import type { QueueUrls } from '../../src/queue/sqs.ts';
import type { Teardown } from '../../src/runtime/lifecycle.ts';
import type { Logger } from '../../src/runtime/logger.ts';
import type { SesServer } from '../support/ses-server.ts';
import { Daemon } from './daemon.ts';
import type { Targets } from './faults.ts';
import { COMMIT_LOCK } from './faults.ts';
import type { Ses, Sqs } from './services.ts';
import { SOAK_QUEUE } from './services.ts';

/** Everything that a soak run starts. */
export interface Stand extends Targets {
  /** A client that reaches SQS without the faults. */
  readonly client: SQSClient;
  readonly urls: QueueUrls;
  /** The daemons' logs. */
  readonly folder: string;
  /** The folder with the size of each process's heap. */
  readonly heaps: string;
}

const TRIGGERS = fileURLToPath(new URL('./triggers.ts', import.meta.url));
const HEAP = new URL('./heap.ts', import.meta.url);
const WATCHERS = 2;
const AWS = { AWS_DEFAULT_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'soak', AWS_SECRET_ACCESS_KEY: 'soak' };
/** The messages of a killed worker come back after this time. */
const VISIBILITY_SECONDS = '10';

export async function startStand(
  ses: Ses,
  sqs: Sqs,
  logger: Logger,
  say: (line: string) => void,
  teardown: Teardown,
): Promise<Stand> {
  // A private server, because it is restarted. It keeps Postgres's own settings, because a crash must lose nothing.
  const postgres = await startPostgres({ say, durable: true });
  teardown.add('Postgres', () => postgres.close());
  const databaseUrl = await postgres.createDatabase('soak');
  await migrate({ connectionString: databaseUrl }, 0, logger);
  await letCommitsWait(databaseUrl);

  const server = await startSqs();
  teardown.add('SQS', () => server.close());
  const way = await sqs.serve(server.endpoint);
  teardown.add('the way to SQS', () => way.close());
  const credentials = { accessKeyId: 'soak', secretAccessKey: 'soak' };
  const client = new SQSClient({ region: AWS.AWS_DEFAULT_REGION, endpoint: server.endpoint, credentials });
  teardown.add('the SQS client', async () => client.destroy());
  const names = { queueName: SOAK_QUEUE, queueUrl: undefined, deadLetterQueueName: undefined };
  const urls = await findOrCreateQueues(client, names);
  const Attributes = { VisibilityTimeout: VISIBILITY_SECONDS };
  await client.send(new SetQueueAttributesCommand({ QueueUrl: urls.queueUrl, Attributes }));

  const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-soak-'));
  const compiled = join(folder, 'compiled');
  await mkdir(compiled);
  const removal = guard('rm -rf "$1"', [compiled]);
  teardown.add('the compile cache', async () => {
    await rm(compiled, { recursive: true, force: true, maxRetries: 3 });
    removal.release();
  });
  const heaps = join(folder, 'heaps');
  await mkdir(heaps);
  const variables = {
    ...basics(compiled),
    // As the image sets it, and with it the measuring of the heap.
    NODE_OPTIONS: `--max-semi-space-size=4 --import ${HEAP.href}`,
    SOAK_HEAPS: heaps,
    DATABASE_URL: databaseUrl,
    LOG_FORMAT: 'compose',
    LOG_LEVEL: 'INFO',
  };
  const processor = startProcessor(
    { ...variables, SQS_ENDPOINT_URL: way.endpoint, SQS_QUEUE_NAME: SOAK_QUEUE },
    folder,
  );
  teardown.add('the processor', async () => void (await processor.stop()));
  const watchers = Array.from({ length: WATCHERS }, (_, index) =>
    startWatcher(`watcher-${index + 1}`, variables, folder, ses),
  );
  for (const watcher of watchers) teardown.add(watcher.name, async () => void (await watcher.stop()));
  return { processor, watchers, postgres, databaseUrl, ses, sqs, client, urls, folder, heaps };
}

/** Makes each commit of new issues wait while somebody holds the lock, as with a standby that confirms late. */
async function letCommitsWait(databaseUrl: string): Promise<void> {
  await query(
    databaseUrl,
    `CREATE FUNCTION wait_to_commit() RETURNS trigger LANGUAGE plpgsql
       AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(${COMMIT_LOCK}); RETURN NULL; END'`,
  );
  await query(
    databaseUrl,
    `CREATE CONSTRAINT TRIGGER wait_to_commit AFTER INSERT ON issues
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_to_commit()`,
  );
}

/** None of the caller's other variables: a shell that is set up for the real AWS must not reach the daemons. */
function basics(compiled: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };
  // A read timeout that no slow answer reaches. The claim of a killed watcher ends soon after it.
  const timeouts = { AWS_CONNECT_TIMEOUT: '5', AWS_READ_TIMEOUT: '10' };
  return { PATH, HOME, NODE_NO_WARNINGS: '1', NODE_COMPILE_CACHE: compiled, ...AWS, ...noFiles, ...timeouts };
}

function startProcessor(variables: NodeJS.ProcessEnv, folder: string): Daemon {
  const env = { ...variables, PROCESSOR_PROCESS_COUNT: '2', PROCESSOR_SLEEP_DELAY: '1' };
  return new Daemon({
    name: 'processor',
    parameters: ['processor'],
    environment: async () => env,
    folder,
    ended: async () => undefined,
  });
}

function startWatcher(name: string, variables: NodeJS.ProcessEnv, folder: string, ses: Ses): Daemon {
  let server: SesServer | undefined;
  const watcher: Daemon = new Daemon({
    name,
    parameters: ['watcher', '--triggers', TRIGGERS],
    async environment(sender) {
      server = await ses.serve(sender, () => watcher.kill());
      return {
        ...variables,
        SES_ENDPOINT_URL: server.endpoint,
        SES_FROM_EMAIL: 'bec-alerts@example.com',
        SES_MAX_SEND_RATE: '1000',
        WATCHER_SLEEP_DELAY: '1',
        // Each alert has an email of its own, so that its emails can be counted.
        ALERT_MAX_PER_RUN: '1000000',
      };
    },
    folder,
    ended: async () => await server?.close(),
  });
  return watcher;
}
