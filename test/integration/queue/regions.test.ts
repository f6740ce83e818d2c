import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';

const { url } = await createDatabase();

/** A server that refuses every request, and keeps the region and the service for which each was signed. */
async function startSigned(): Promise<{ endpoint: string; scopes: Set<string> }> {
  const scopes = new Set<string>();
  const server = createServer((request, response) => {
    const [, scope = 'unsigned'] =
      /Credential=[^/]+\/\d+\/([^/]+\/[^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
    scopes.add(scope);
    response.writeHead(403, { 'content-type': 'application/x-amz-json-1.0' });
    response.end('{"__type":"AccessDenied","message":"no"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, scopes };
}

/** The regions and services for which the requests of a command are signed. */
async function signedBy(parameters: string[], variables: Record<string, string>): Promise<string[]> {
  const { endpoint, scopes } = await startSigned();
  await runCommand(parameters, {
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: endpoint,
    DATABASE_URL: url,
    ...variables,
  });
  return [...scopes].sort();
}

const QUEUE_URL = { SQS_QUEUE_URL: 'https://sqs.ap-south-1.amazonaws.com/123456789012/errors' };

describe.each(['processor', 'status', 'dead_letters'])('%s signs for SQS in', (command) => {
  it.each([
    ['the region AWS_DEFAULT_REGION', 'us-east-1', {}],
    ['the region of the queue’s URL', 'ap-south-1', QUEUE_URL],
    ['the region SQS_REGION', 'eu-west-1', { SQS_REGION: 'eu-west-1', SES_REGION: 'us-west-2' }],
  ])('%s', async (_, region, variables) => {
    expect(await signedBy([command], variables)).toEqual([`${region}/sqs`]);
  });
});

describe('the watcher signs for SES, and for the queue of its events, in', () => {
  it.each([
    ['the region AWS_DEFAULT_REGION', 'us-east-1', { SQS_REGION: 'eu-west-1' }],
    ['the region SES_REGION', 'us-west-2', { SES_REGION: 'us-west-2', SQS_REGION: 'eu-west-1' }],
  ])('%s', async (_, region, variables) => {
    const events = { SES_EVENTS_QUEUE_NAME: 'ses_events', ...variables };
    const scopes = await signedBy(['watcher', '--once'], events);
    const verified = await signedBy(['watcher', '--once', '--verify-email'], events);
    expect([...new Set([...scopes, ...verified])].sort()).toEqual([`${region}/ses`, `${region}/sqs`]);
  });
});
