import { canaryState } from '../db/canaries.ts';
import type { DatabaseConnection } from '../db/client.ts';
import type { Pool } from '../db/pool.ts';
import { createPool } from '../db/pool.ts';
import type { OwnTriggers } from '../db/progress.ts';
import { oldestRunSeconds } from '../db/progress.ts';
import { checkDatabase } from '../db/readiness.ts';
import type { HealthCheck } from '../runtime/dockerflow.ts';
import type { Teardown } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Prometheus } from '../runtime/prometheus.ts';
import { canaryHealth } from './canary-text.ts';
import { versionInfo } from './version.ts';

const STATEMENT_TIMEOUT_MILLISECONDS = 4_000;

/**
 * Serves Dockerflow's pages and `/metrics` if `PORT` is set. The checks have a connection of their own, because the
 * others are busy.
 */
export async function serveHealth(
  { port, database, name }: { port: number | undefined; database: DatabaseConnection; name: string },
  logger: Logger,
  teardown: Teardown,
  checks: (pool: Pool) => Readonly<Record<string, HealthCheck>>,
  prometheus: Prometheus | null,
): Promise<void> {
  if (port === undefined) return;
  // Loaded here, because importing node:http also loads Node's WebSocket client, which takes 40 ms of CPU.
  const { serveDockerflow } = await import('../runtime/dockerflow.ts');
  const pool = createPool({
    ...database,
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
    pages: prometheus === null ? {} : { '/metrics': () => prometheus.page() },
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

/** Fails if a canary is overdue, or SES did not accept its email. */
export function canaryCheck(pool: Pool): HealthCheck {
  return async () => canaryHealth(await canaryState(pool));
}

/**
 * Checks that the last run with each of the watcher's triggers is recent enough, whichever watcher ran it. A watcher
 * that has just started gets the same time, because perhaps no watcher was running before it.
 * @param own the triggers now, without those that are left out
 */
export function lastRunCheck(
  pool: Pool,
  delaySeconds: number,
  own: () => OwnTriggers,
  now: () => number = Date.now,
): HealthCheck {
  const started = now();
  const limit = overdueSeconds(delaySeconds);
  return async () => {
    const last = await oldestRunSeconds(pool, own());
    const up = (now() - started) / 1_000;
    const age = Math.min(last ?? Number.POSITIVE_INFINITY, up);
    if (age <= limit) return null;
    return last === null
      ? `no run with each of the triggers has finished since this watcher started ${Math.round(up)} s ago`
      : `the last finished run with each of the triggers began ${Math.round(last)} s ago; the limit is ${limit} s`;
  };
}
