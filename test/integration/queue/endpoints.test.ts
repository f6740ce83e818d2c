import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { forwarded } from '../../support/events.ts';
import { drained, startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';
import { startSesStandIn } from '../../support/ses.ts';
import { startWatcher } from '../../support/watcher.ts';

const database = await createDatabase();
const NOWHERE = 'http://127.0.0.1:9';

describe('requests to SQS', () => {
  /** Lists an empty dead-letter queue at the endpoint that the variables name. */
  const list = async (variables: (endpoint: string) => Record<string, string>) => {
    const { env, endpoint } = await createQueue();
    const given = { ...env, SQS_ENDPOINT_URL: '', AWS_MAX_ATTEMPTS: '1', ...variables(endpoint) };
    return await runCommand(['dead_letters'], given);
  };

  it.each<[string, (endpoint: string) => Record<string, string>]>([
    ['SQS_ENDPOINT_URL', (SQS_ENDPOINT_URL) => ({ SQS_ENDPOINT_URL, AWS_ENDPOINT_URL_SQS: NOWHERE })],
    ['AWS_ENDPOINT_URL_SQS', (AWS_ENDPOINT_URL_SQS) => ({ AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL: NOWHERE })],
    ['AWS_ENDPOINT_URL', (AWS_ENDPOINT_URL) => ({ AWS_ENDPOINT_URL })],
  ])('go to %s before the variables after it', async (_, variables) => {
    const { code, stderr } = await list(variables);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('go to AWS where the SDK’s variables are to be ignored', async () => {
    const { code, stderr } = await list((endpoint) => ({
      AWS_ENDPOINT_URL: endpoint,
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
      // No name of this region exists.
      AWS_DEFAULT_REGION: 'xx-nowhere-1',
    }));
    expect(code).toBe(1);
    expect(stderr).toContain('sqs.xx-nowhere-1.amazonaws.com');
  });

  it('go to the endpoint of the SDK’s config file, and not to the host of the queue’s URL', async () => {
    const queue = await createQueue();
    const folder = await mkdtemp(join(tmpdir(), 'bec-alerts-endpoints-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'config');
    await writeFile(file, `[default]\nendpoint_url = ${queue.endpoint}\n`);
    await sendBodies(queue.client, queue.queueUrl, [JSON.stringify(forwarded())]);
    const { pathname } = new URL(queue.queueUrl);
    const processor = startProcessor(queue, database, {
      SQS_ENDPOINT_URL: '',
      SQS_QUEUE_URL: `https://sqs.us-east-1.amazonaws.com${pathname}`,
      AWS_CONFIG_FILE: file,
    });
    await drained(queue);
    processor.child.kill('SIGTERM');
    expect(await processor.finished).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('requests to SES', () => {
  it.each<[string, (endpoint: string) => Record<string, string>]>([
    ['SES_ENDPOINT_URL', (SES_ENDPOINT_URL) => ({ SES_ENDPOINT_URL, AWS_ENDPOINT_URL_SES: NOWHERE })],
    ['AWS_ENDPOINT_URL_SES', (AWS_ENDPOINT_URL_SES) => ({ AWS_ENDPOINT_URL_SES, AWS_ENDPOINT_URL: NOWHERE })],
    ['AWS_ENDPOINT_URL', (AWS_ENDPOINT_URL) => ({ AWS_ENDPOINT_URL })],
  ])('go to %s before the variables after it', async (_, variables) => {
    const ses = await startSesStandIn();
    const watcher = startWatcher(database, '', ['--once', '--verify-email'], variables(ses.endpoint));
    expect((await watcher.finished).code).toBe(0);
    expect(ses.requests.map(({ action }) => action)).toContain('VerifyEmailIdentity');
  });
});
