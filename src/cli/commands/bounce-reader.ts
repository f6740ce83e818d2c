import type { WatcherSettings } from '../../config/env.ts';
import { CodedError } from '../../runtime/errors.ts';
import type { Teardown } from '../../runtime/lifecycle.ts';
import type { BounceDependencies, BounceReader } from '../../watcher/bounces/read-bounces.ts';
import { sqsOptions } from '../aws-settings.ts';

/** Null without `SES_EVENTS_QUEUE_NAME`. The queue is found when it is read first, so it may be created later. */
export async function bounceReader(
  settings: WatcherSettings,
  dependencies: Omit<BounceDependencies, 'openQueue' | 'maxWaitSeconds'>,
  teardown: Teardown,
): Promise<BounceReader | null> {
  const name = settings.SES_EVENTS_QUEUE_NAME;
  if (name === undefined) return null;
  // Loaded here, because a watcher without this queue needs no SQS.
  const { createReadableQueue, createSqsClient } = await import('../../queue/sqs.ts');
  const { queueUrlOf } = await import('../../queue/provision.ts');
  const { createBounceReader } = await import('../../watcher/bounces/read-bounces.ts');
  const client = createSqsClient(sqsOptions(settings));
  teardown.add("the client of SES's events", async () => client.destroy());
  return createBounceReader({
    ...dependencies,
    maxWaitSeconds: longestPoll(settings.AWS_READ_TIMEOUT),
    openQueue: async (signal) => {
      const url = await queueUrlOf(client, name, signal);
      if (url !== null) return createReadableQueue(client, url);
      const problem = `there is no queue ${name}: create it, or correct SES_EVENTS_QUEUE_NAME`;
      throw new CodedError('queue_refused', problem, { retryable: false });
    },
  });
}

/** The answer to an empty poll arrives at its end, and must arrive before the read timeout. */
function longestPoll(readTimeoutSeconds: number): number {
  return Math.max(0, Math.min(20, Math.floor(readTimeoutSeconds - 2)));
}
