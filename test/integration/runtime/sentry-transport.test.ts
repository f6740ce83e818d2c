import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { poll } from '../../../dev/poll.ts';
import { packageVersion } from '../../../src/cli/version.ts';
import { runCommand } from '../../support/command.ts';
import { createDatabase } from '../../support/database.ts';
import { startOldSentry } from '../../support/old-sentry.ts';
import { startProcessor } from '../../support/processor.ts';
import { createQueue, sendBodies } from '../../support/queue.ts';

const simulate = (dsn: string, ...more: string[]) =>
  runCommand(['simulate_error', '--message', 'a marked error', '--dsn', dsn, ...more], {});

describe('simulate_error and a Sentry that knows no envelopes', () => {
  // 302 and 403 is what Sentry 9 itself answers: it takes the address for one of its pages.
  it.each([302, 403, 404, 405])('falls back to the store endpoint at %i', async (other) => {
    const sentry = await startOldSentry({ other, store: 200 });
    const { code, stderr } = await simulate(sentry.dsn());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(sentry.requests.map(({ path }) => path.replace(/\?.*/, ''))).toEqual([
      '/api/2/envelope/',
      '/api/2/store/',
    ]);
    const [event] = sentry.events();
    expect(event).toMatchObject({ event_id: expect.stringMatching(/^[0-9a-f]{32}$/), platform: 'node' });
    expect(event?.exception).toMatchObject({
      values: [
        { type: 'SimulatedError', value: 'a marked error', stacktrace: { frames: expect.anything() } },
      ],
    });
  });

  it('names itself and its key in X-Sentry-Auth', async () => {
    const sentry = await startOldSentry({ other: 404, store: 200 });
    await simulate(sentry.dsn());
    const version = packageVersion();
    expect(sentry.requests.at(-1)?.auth).toBe(
      `Sentry sentry_version=7, sentry_client=bec-alerts/${version}, sentry_key=publickey`,
    );
  });

  it('finds the store endpoint below a path', async () => {
    const sentry = await startOldSentry({ other: 404, store: 200 });
    expect((await simulate(sentry.dsn('/errors/17'))).code).toBe(0);
    expect(sentry.requests.at(-1)?.path).toBe('/errors/api/17/store/');
  });

  it('sends a message without an exception too', async () => {
    const sentry = await startOldSentry({ other: 404, store: 200 });
    expect((await simulate(sentry.dsn(), '--no-traceback')).code).toBe(0);
    expect(sentry.events()[0]).toMatchObject({ message: 'a marked error', level: 'error' });
  });

  it.each([
    [403, /it answered 403; does the key in the DSN belong to this project\?/],
    [500, /it answered 500/],
  ])('exits 1 and says so where the store endpoint answers %i', async (store, problem) => {
    const sentry = await startOldSentry({ other: 404, store });
    const { code, stderr } = await simulate(sentry.dsn());
    expect(code).toBe(1);
    expect(stderr).toMatch(problem);
  });

  it('doesn’t fall back where the server knows envelopes and fails', async () => {
    const sentry = await startOldSentry({ other: 500, store: 200 });
    const { code, stderr } = await simulate(sentry.dsn());
    expect(code).toBe(1);
    expect(stderr).toContain('it answered 500');
    expect(sentry.events()).toEqual([]);
  });

  it('doesn’t send twice where the server accepts envelopes', async () => {
    const sentry = await startOldSentry({ other: 200, store: 200 });
    expect((await simulate(sentry.dsn())).code).toBe(0);
    expect(sentry.requests.filter(({ body }) => body.includes('a marked error'))).toHaveLength(1);
    expect(sentry.events()).toEqual([]);
  });
});

describe('our own errors and a Sentry that knows no envelopes', () => {
  it('arrive at the store endpoint, which is remembered, and the last one before the exit', async () => {
    const database = await createDatabase();
    const queue = await createQueue();
    const sentry = await startOldSentry({ other: 302, store: 200 });
    const processor = startProcessor(queue, database, { SENTRY_DSN: sentry.dsn() });
    const arrived = (count: number) =>
      poll(`event ${count} at the old Sentry`, async () =>
        sentry.events().length >= count ? true : undefined,
      );
    await sendBodies(queue.client, queue.queueUrl, ['no event']);
    await arrived(1);
    // Another error: the SDK leaves out one that is the same as the last.
    const [worker] = readFileSync(`/proc/${processor.pid}/task/${processor.pid}/children`, 'utf8').split(' ');
    process.kill(Number(worker), 'SIGKILL');
    await processor.printed(/a worker died and is replaced/);
    processor.child.kill('SIGTERM');
    expect((await processor.finished).code).toBe(0);
    expect(sentry.events()).toMatchObject([
      { message: 'a message went to the dead-letter queue', level: 'warning' },
      {
        exception: {
          values: [{ value: expect.stringMatching(/^worker-\d ended unexpectedly \(SIGKILL\)$/) }],
        },
      },
    ]);
    const envelopes = sentry.requests.filter(
      ({ path, body }) => path.includes('/envelope/') && body.includes('"event"'),
    );
    expect(envelopes).toHaveLength(1);
  });
});
