import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ProcessorSettings } from '../../config/env.ts';
import { processorSettings } from '../../config/env.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { createReporter } from '../../runtime/report.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import { serveHealth } from '../health.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--queue-name <name>',
    variable: 'SQS_QUEUE_NAME',
    about: 'queue that Sentry forwards to; made if missing',
  },
  { flags: '--queue-url <url>', variable: 'SQS_QUEUE_URL', about: 'use this queue as it is' },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'for messages that are no events',
  },
  { flags: '--endpoint-url <url>', variable: 'SQS_ENDPOINT_URL', about: 'of a local SQS' },
  { flags: '--process-count <count>', variable: 'PROCESSOR_PROCESS_COUNT', about: 'worker processes' },
  {
    flags: '--worker-message-count <count>',
    variable: 'PROCESSOR_WORKER_MESSAGE_COUNT',
    about: 'messages after which a worker is replaced',
  },
  {
    flags: '--sleep-delay <seconds>',
    variable: 'PROCESSOR_SLEEP_DELAY',
    about: 'how long a poll of an empty queue waits',
  },
  ...DAEMON_OPTIONS,
];

export function addProcessor(program: Command, register: Register): void {
  register(
    program
      .command('processor')
      .description('read events from the queue and aggregate them, in a pool of processes'),
    processorSettings,
    OPTIONS,
    runProcessor,
  );
}

async function runProcessor(
  settings: ProcessorSettings,
  { log, logger: loggerOf, stopSignal, version }: CommandContext,
): Promise<void> {
  const signal = stopSignal();
  // Here and not above: the other commands need no SQS, which takes a tenth of a second and 25 MB to load.
  const { createCompileCache } = await import('../../processor/supervisor/compile-cache.ts');
  const { supervise } = await import('../../processor/supervisor/supervise.ts');
  const { queueDepth } = await import('../../queue/depth.ts');
  const { findOrCreateQueues } = await import('../../queue/provision.ts');
  const { createSqsClient } = await import('../../queue/sqs.ts');
  const logger = loggerOf('processor');
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version);
    teardown.add('error reports', () => reporter.close());
    const metrics = createMetrics(logger);
    teardown.add('metrics', () => metrics.close());

    const queueOptions = sqsOptions(settings);
    const client = createSqsClient(queueOptions);
    teardown.add('the queue client', async () => client.destroy());
    const urls = await findOrCreateQueues(client, queueNames(settings), signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (urls === null) {
      logger.info('stopped before the queue answered');
      return;
    }

    let workers = 0;
    await serveHealth(
      { port: settings.PORT, databaseUrl: settings.DATABASE_URL, name: 'processor' },
      logger,
      teardown,
      () => ({
        queue: async (signal) => {
          await queueDepth(client, urls.queueUrl, signal);
          return null;
        },
        workers: async () => (workers > 0 ? null : 'no worker runs'),
      }),
    );

    // Workers live for 200 messages by default, so their code must be found compiled.
    const compileCache = process.env.NODE_COMPILE_CACHE ?? (await createCompileCache(logger));
    if (process.env.NODE_COMPILE_CACHE === undefined) {
      teardown.add('the compile cache', () => rm(compileCache, { recursive: true, force: true }));
    }
    const options = {
      processCount: settings.PROCESSOR_PROCESS_COUNT,
      graceMilliseconds: settings.AWS_READ_TIMEOUT * 1_000,
      workerEnvironment: { ...process.env, NODE_COMPILE_CACHE: compileCache },
      worker: {
        log,
        databaseUrl: settings.DATABASE_URL,
        queue: { ...queueOptions, ...urls },
        objectsEndpoint: settings.AWS_ENDPOINT_URL_S3,
        sleepDelaySeconds: settings.PROCESSOR_SLEEP_DELAY,
        messageCount: settings.PROCESSOR_WORKER_MESSAGE_COUNT,
      },
    };
    const onWorkers = (count: number) => {
      workers = count;
    };
    await supervise({ logger, reporter, metrics, onWorkers }, options, signal);
  } finally {
    await teardown.run();
  }
}
