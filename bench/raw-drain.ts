import { setTimeout as pause } from 'node:timers/promises';
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { createSqsClient } from '../src/queue/sqs.ts';
import { NO_PROXIES } from '../src/runtime/proxy.ts';

// The floor to compare with: receive, delete, repeat, as fast as one loop of the same SDK can, and nothing else.
const { QUEUE_URL: QueueUrl = '', SQS_ENDPOINT_URL: endpoint = '' } = process.env;
const client = createSqsClient({
  region: 'us-east-1',
  endpoint,
  connectTimeoutSeconds: 5,
  readTimeoutSeconds: 30,
  proxies: NO_PROXIES,
});
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});
while (!stopping) {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 0,
      MessageSystemAttributeNames: ['SentTimestamp'],
    }),
  );
  if (Messages.length === 0) {
    await pause(20);
    continue;
  }
  const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
}
