import type { WatcherSettings } from '../../config/env.ts';
import { longestPoll } from '../../runtime/aws.ts';
import { CodedError } from '../../runtime/errors.ts';
import type { Teardown } from '../../runtime/lifecycle.ts';
import type { BounceDependencies, BounceReader } from '../../watcher/bounces/read-bounces.ts';
import { sesEventsOptions } from '../aws-settings.ts';

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
  const options = sesEventsOptions(settings);
  const client = createSqsClient(options);
  teardown.add("the client of SES's events", async () => client.destroy());
  return createBounceReader({
    ...dependencies,
    maxWaitSeconds: longestPoll(options),
    openQueue: async (signal) => {
      const url = await queueUrlOf(client, name, signal);
      if (url !== null) return createReadableQueue(client, url);
      const problem = `there is no queue ${name}: create it, or correct SES_EVENTS_QUEUE_NAME`;
      throw new CodedError('queue_refused', problem, { retryable: false });
    },
  });
}
