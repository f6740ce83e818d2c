import type { ChildProcess } from 'node:child_process';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { LocalPostgres } from '../dev/postgres.ts';
import { startPostgres } from '../dev/postgres.ts';
import { findOrCreateQueues } from '../src/queue/provision.ts';
import { createSqsClient } from '../src/queue/sqs.ts';
import type { Drain } from './drain.ts';
import { drain } from './drain.ts';
import { fill } from './fill.ts';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const RAW_DRAIN = fileURLToPath(new URL('./raw-drain.ts', import.meta.url));
const QUEUE_SERVER = new URL('./queue-server.ts', import.meta.url);

export async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      count: { type: 'string', default: '10000' },
      issues: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      processes: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
    },
  });
  const say = (line: string) => console.error(line);
  process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'local';
  const postgres = await startPostgres({ say, durable: true });
  const server = fork(QUEUE_SERVER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [endpoint] = (await once(server, 'message')) as [string];
  const client = createSqsClient({
    region: 'us-east-1',
    endpoint,
    connectTimeoutSeconds: 5,
    readTimeoutSeconds: 30,
  });
  try {
    const bench: Bench = {
      postgres,
      client,
      endpoint,
      server,
      count: Number(values.count),
      issues: Number(values.issues),
      processes: Number(values.processes),
    };
    const results: Drain[] = [];
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const phase of (process.env.PHASES ?? 'abc')
        .split('')
        .map((p) => ({ a: rawDrain, b: processorWithout, c: processorWith })[p] ?? rawDrain)) {
        const result = await phase(bench, round);
        results.push(result);
        say(JSON.stringify(result));
      }
    }
  } finally {
    server.kill('SIGTERM');
    await postgres.close();
  }
}

interface Bench {
  readonly postgres: LocalPostgres;
  readonly client: SQSClient;
  readonly endpoint: string;
  readonly server: ChildProcess;
  readonly count: number;
  readonly issues: number;
  readonly processes: number;
}

async function filledQueue({ client, count, issues }: Bench, name: string, seed: number): Promise<string> {
  const { queueUrl } = await findOrCreateQueues(client, {
    queueName: name,
    queueUrl: undefined,
    deadLetterQueueName: undefined,
  });
  await fill(client, queueUrl, { count, issues, seed });
  return queueUrl;
}

async function rawDrain(bench: Bench, round: number): Promise<Drain> {
  const queueUrl = await filledQueue(bench, `raw_${round}`, round);
  const env = { ...process.env, QUEUE_URL: queueUrl, SQS_ENDPOINT_URL: bench.endpoint };
  const start = () =>
    Array.from({ length: bench.processes }, () =>
      spawn(process.execPath, [RAW_DRAIN], { env, stdio: ['ignore', 'ignore', 'pipe'] }),
    );
  return await drain({
    name: 'a',
    client: bench.client,
    queueUrl,
    count: bench.count,
    start,
    others: othersOf(bench),
  });
}

const processorWithout = (bench: Bench, round: number) => processor(bench, round, 'b', '100000000');
const processorWith = (bench: Bench, round: number) => processor(bench, round, 'c', '200');

async function processor(bench: Bench, round: number, name: string, messageCount: string): Promise<Drain> {
  const database = `bench_${name}_${round}`;
  const url = await bench.postgres.createDatabase(database);
  const queueName = `${name}_${round}`;
  const env = {
    ...process.env,
    DATABASE_URL: url,
    AWS_DEFAULT_REGION: 'us-east-1',
    SQS_ENDPOINT_URL: bench.endpoint,
    SQS_QUEUE_NAME: queueName,
    PROCESSOR_PROCESS_COUNT: String(bench.processes),
    PROCESSOR_WORKER_MESSAGE_COUNT: messageCount,
    ...(process.env.PROF ? { NODE_OPTIONS: process.env.PROF } : {}),
  };
  await once(spawn(process.execPath, [MAIN, 'migrate'], { env, stdio: 'ignore' }), 'exit');
  const queueUrl = await filledQueue(bench, queueName, round);
  const start = () => [
    spawn(process.execPath, [MAIN, 'processor'], { env, stdio: ['ignore', 'ignore', 'pipe'] }),
  ];
  return await drain({
    name,
    client: bench.client,
    queueUrl,
    count: bench.count,
    start,
    others: othersOf(bench),
  });
}

function othersOf({ server }: Bench): number[] {
  return server.pid === undefined ? [] : [server.pid];
}
