import type { Pool } from '../db/pool.ts';
import { createPool } from '../db/pool.ts';
import { checkDatabase } from '../db/readiness.ts';
import { lastRun } from '../db/status.ts';
import type { HealthCheck } from '../runtime/dockerflow.ts';
import { serveDockerflow } from '../runtime/dockerflow.ts';
import type { Teardown } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { versionInfo } from './version.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 4_000;

/**
 * Serves Dockerflow's pages if `PORT` is set. The checks have a connection of their own, because the others are busy.
 */
export async function serveHealth(
  { port, databaseUrl, name }: { port: number | undefined; databaseUrl: string; name: string },
  logger: Logger,
  teardown: Teardown,
  checks: (pool: Pool) => Readonly<Record<string, HealthCheck>>,
): Promise<void> {
  if (port === undefined) return;
  const pool = createPool({
    connectionString: databaseUrl,
    applicationName: `bec-alerts ${name} health`,
    max: 1,
    statementTimeoutMilliseconds: STATEMENT_TIMEOUT_MILLISECONDS,
    onIdleError: (error) => logger.debug('connection of the health checks lost; reconnecting', { error }),
  });
  teardown.add('the database connection of the health checks', () => pool.end());
  const server = await serveDockerflow({
    port,
    version: versionInfo(),
    logger,
    checks: { postgres: postgresCheck(pool), ...checks(pool) },
  });
  teardown.add('the health checks', () => server.close());
}

function postgresCheck(pool: Pool): HealthCheck {
  return async () => {
    await checkDatabase(pool);
    return null;
  };
}

/**
 * Seconds after which a run is overdue. A long run before it and a restart may delay a run by this much; if it is later
 * than that, a person should look.
 */
export function overdueSeconds(delaySeconds: number): number {
  return Math.max(3 * delaySeconds, delaySeconds + 300);
}

/**
 * Checks that the last run that any watcher finished is recent enough. A watcher that has just started gets the same
 * time, because perhaps no watcher was running before it.
 */
export function lastRunCheck(pool: Pool, delaySeconds: number, now: () => number = Date.now): HealthCheck {
  const started = now();
  const limit = overdueSeconds(delaySeconds);
  return async () => {
    const run = await lastRun(pool);
    const up = (now() - started) / 1_000;
    const age = Math.min(run?.ageSeconds ?? Number.POSITIVE_INFINITY, up);
    if (age <= limit) return null;
    return run === null
      ? `no run has finished since this watcher started ${Math.round(up)} s ago`
      : `the last finished run began ${Math.round(run.ageSeconds)} s ago; the limit is ${limit} s`;
  };
}
