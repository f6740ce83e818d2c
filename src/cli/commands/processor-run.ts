import { rm } from 'node:fs/promises';
import { endpointOf } from '../../config/endpoints.ts';
import type { ProcessorSettings } from '../../config/env.ts';
import { proxiesOf } from '../../config/proxy.ts';
import { createCompileCache } from '../../processor/supervisor/compile-cache.ts';
import { supervise } from '../../processor/supervisor/supervise.ts';
import { stopGrace } from '../../processor/timeouts.ts';
import { visibilitySeconds } from '../../queue/attributes.ts';
import { queueDepth } from '../../queue/depth.ts';
import { findOrCreateQueues } from '../../queue/provision.ts';
import type { QueueUrls } from '../../queue/sqs.ts';
import { createSqsClient } from '../../queue/sqs.ts';
import { Teardown } from '../../runtime/lifecycle.ts';
import type { Prometheus } from '../../runtime/prometheus.ts';
import { createReporter } from '../../runtime/report.ts';
import { queueNames, sqsOptions } from '../aws-settings.ts';
import type { CommandContext } from '../command.ts';
import { databaseConnection } from '../database-settings.ts';
import { serveHealth } from '../health.ts';
import { daemonMetrics } from '../metrics.ts';

/** Supervises the worker processes until a signal. */
export async function runProcessor(
  settings: ProcessorSettings,
  { log, logger: loggerOf, stopSignal, version }: CommandContext,
): Promise<void> {
  const signal = stopSignal();
  const logger = loggerOf('processor');
  const teardown = new Teardown(logger);
  try {
    const reporter = await createReporter(logger, settings.SENTRY_DSN, version, proxiesOf(settings));
    teardown.add('error reports', () => reporter.close());
    const served = settings.PORT !== undefined;
    const daemon = await daemonMetrics('processor', settings, served, version, logger, teardown);
    const { metrics, prometheus } = daemon;

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

    if (prometheus !== null) showQueues(prometheus, client, urls);

    const database = databaseConnection(settings);
    let workers = 0;
    await serveHealth(
      { port: settings.PORT, database, name: 'processor' },
      logger,
      teardown,
      () => ({
        queue: async (signal) => {
          await queueDepth(client, urls.queueUrl, signal);
          return null;
        },
        workers: async () => (workers > 0 ? null : 'no worker process is running'),
      }),
      prometheus,
    );

    // By default a worker lives for only 200 messages, so compiling its code each time would cost too much.
    const compileCache = process.env.NODE_COMPILE_CACHE ?? (await createCompileCache(logger));
    if (process.env.NODE_COMPILE_CACHE === undefined) {
      teardown.add('the compile cache', () => rm(compileCache, { recursive: true, force: true }));
    }
    const options = {
      processCount: settings.PROCESSOR_PROCESS_COUNT,
      graceMilliseconds: stopGrace(queueOptions),
      visibilitySeconds: await visibilitySeconds(client, urls.queueUrl, signal, (error, assumed) =>
        logger.warning(`the processor assumes a visibility timeout of ${assumed} s`, { error }),
      ),
      workerEnvironment: { ...process.env, NODE_COMPILE_CACHE: compileCache },
      worker: {
        log,
        database,
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

/** Shows the depth of both queues, which is counted when the metrics are read. */
function showQueues(
  prometheus: Prometheus,
  client: ReturnType<typeof createSqsClient>,
  urls: QueueUrls,
): void {
  prometheus.show('bec_alerts_processor_queue_messages', async (signal) => {
    const { waiting, inFlight, delayed } = await queueDepth(client, urls.queueUrl, signal);
    return { waiting, in_flight: inFlight, delayed };
  });
  prometheus.show('bec_alerts_processor_dead_letters', async (signal) => {
    const { waiting, inFlight, delayed } = await queueDepth(client, urls.deadLetterQueueUrl, signal);
    return { '': waiting + inFlight + delayed };
  });
}
