import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { agentOf } from '../../config/dogstatsd.ts';
import { endpointOf } from '../../config/endpoints.ts';
import type { ProcessorSettings } from '../../config/env.ts';
import { processorSettings } from '../../config/env.ts';
import { proxiesOf } from '../../config/proxy.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { createReporter } from '../../runtime/report.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext, Register } from '../command.ts';
import { serveHealth } from '../health.ts';
import type { OptionVariables } from '../options.ts';
import { DAEMON_OPTIONS, LOCAL_SQS_OPTION } from '../options.ts';

const OPTIONS: readonly OptionVariables[] = [
  {
    flags: '--queue-name <name>',
    variable: 'SQS_QUEUE_NAME',
    about: 'name of the queue that Sentry forwards events to; created if missing',
  },
  {
    flags: '--queue-url <url>',
    variable: 'SQS_QUEUE_URL',
    about: 'URL of that queue; it is used as it is, neither looked up by its name nor created',
  },
  {
    flags: '--dead-letter-queue-name <name>',
    variable: 'SQS_DEAD_LETTER_QUEUE_NAME',
    about: 'name of the queue for messages that cannot be events; created if missing',
    otherwise: "default: the queue's name with _dead_letters",
  },
  LOCAL_SQS_OPTION,
  {
    flags: '--process-count <count>',
    variable: 'PROCESSOR_PROCESS_COUNT',
    about: 'number of worker processes',
    otherwise: 'default: one for each CPU',
  },
  {
    flags: '--worker-message-count <count>',
    variable: 'PROCESSOR_WORKER_MESSAGE_COUNT',
    about: 'number of messages after which a worker is replaced',
  },
  {
    flags: '--sleep-delay <seconds>',
    variable: 'PROCESSOR_SLEEP_DELAY',
    about: 'seconds that a poll of an empty queue waits for a message',
  },
  ...DAEMON_OPTIONS,
];

export function addProcessor(program: Command, register: Register): void {
  register(
    program
      .command('processor')
      .description('read events from the queue and count them in Postgres, with a pool of worker processes'),
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
  // Loaded here, because the SQS client takes a tenth of a second and 25 MB, and other commands don't need it.
  const { createCompileCache } = await import('../../processor/supervisor/compile-cache.ts');
  const { supervise } = await import('../../processor/supervisor/supervise.ts');
  const { queueDepth } = await import('../../queue/depth.ts');
  const { findOrCreateQueues } = await import('../../queue/provision.ts');
  const { createSqsClient } = await import('../../queue/sqs.ts');
  const logger = loggerOf('processor');
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version, proxiesOf(settings));
    teardown.add('error reports', () => reporter.close());
    const metrics = createMetrics(logger, agentOf(settings));
    teardown.add('metrics', () => metrics.close());

    const queueOptions = sqsOptions(settings);
    const client = createSqsClient(queueOptions);
    teardown.add('the queue client', async () => client.destroy());
    const urls = await findOrCreateQueues(client, queueNames(settings), signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (urls === null) {
      logger.info('stopped while waiting for the queue to answer');
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
        workers: async () => (workers > 0 ? null : 'no worker process is running'),
      }),
    );

    // By default a worker lives for only 200 messages, so compiling its code each time would cost too much.
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
        objectsEndpoint: endpointOf('S3', settings),
        sleepDelaySeconds: settings.PROCESSOR_SLEEP_DELAY,
        tags: settings.EVENT_TAGS,
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
