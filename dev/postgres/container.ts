import { randomBytes } from 'node:crypto';
import { guard } from '../guard.ts';
import { lastLines, output, run } from '../output.ts';
import { freePort } from '../ports.ts';
import type { ClusterOptions, PostgresServer } from './server.ts';
import { serverSettings, untilReady } from './server.ts';

const VERSION = 16;
const IMAGE = `bec-alerts-postgres:${VERSION}-hll`;
const DOCKERFILE = `FROM postgres:${VERSION}
RUN apt-get update \\
 && apt-get install -y --no-install-recommends postgresql-${VERSION}-hll \\
 && rm -rf /var/lib/apt/lists/*
`;
const MINUTES_10 = 600;

/** Whether a Docker engine answers; the command alone says nothing. */
export async function dockerAnswers(): Promise<boolean> {
  return (await output('docker', ['version', '--format', '{{.Server.Version}}'])) !== null;
}

/** Postgres with hll in a container, on 127.0.0.1 alone, with a random password. */
export async function startContainer(
  options: ClusterOptions,
  say: (line: string) => void,
): Promise<PostgresServer> {
  say(`building the image ${IMAGE} (kept for the next time)`);
  await docker(['build', '-q', '-t', IMAGE, '-'], { input: DOCKERFILE, seconds: MINUTES_10 });
  const password = randomBytes(18).toString('hex');
  const port = await freePort(options.port);
  const name = `bec-alerts-postgres-${randomBytes(6).toString('hex')}`;
  const adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  // A fixed port: Docker would give the container another one at each start.
  const parameters = ['--detach', '--name', name, '--publish', `127.0.0.1:${port}:5432`];
  const env = {
    ...process.env,
    POSTGRES_PASSWORD: password,
    POSTGRES_INITDB_ARGS: '--locale=C --encoding=UTF8',
  };
  parameters.push('--env', 'POSTGRES_PASSWORD', '--env', 'POSTGRES_INITDB_ARGS');
  const guarded = guard('docker rm --force --volumes "$1"', [name]);
  const close = async () => {
    await docker(['rm', '--force', '--volumes', name]);
    guarded.release();
  };
  try {
    await docker(['run', ...parameters, IMAGE, ...serverSettings(options.durable)], { env });
    await untilReady(adminUrl, 60, () => undefined);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    description: `Postgres ${VERSION} in the container ${name} on 127.0.0.1:${port}`,
    adminUrl,
    binDir: undefined,
    owned: true,
    close,
    async stop(mode) {
      await docker(['kill', '--signal', mode === 'fast' ? 'SIGINT' : 'SIGQUIT', name]);
      await docker(['wait', name]);
    },
    async start() {
      await docker(['start', name]);
      await untilReady(adminUrl, 60, () => undefined);
    },
  };
}

async function docker(
  parameters: readonly string[],
  options: { input?: string; seconds?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const { ok, text } = await run('docker', parameters, options);
  if (!ok) throw new Error(`docker ${parameters[0]} failed:\n${lastLines(text)}`);
}
