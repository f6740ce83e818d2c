import { isEmail } from '../../src/config/is-email.ts';
import type { Pool } from '../../src/db/pool.ts';
import type { Trigger } from '../../src/domain/trigger.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { createReporter } from '../../src/runtime/report.ts';
import { evaluatorHere } from '../../src/watcher/evaluator/here.ts';
import type { RunOptions, RunOutcome } from '../../src/watcher/run/run.ts';
import { run } from '../../src/watcher/run/run.ts';
import type { RunDependencies } from '../../src/watcher/run/run-state.ts';
import { loadTriggers } from '../../src/watcher/triggers/load.ts';

/** The recipient and subject of each alert of the last run. */
export async function decided(pool: Pool): Promise<{ to: string; subject: string; because: string }[]> {
  const { rows } = await pool.query<{ to: string; subject: string; because: string }>(
    `SELECT email AS "to", subject, because FROM alerts JOIN recipients ON recipients.id = recipient_id
     WHERE run_id = (SELECT max(id) FROM trigger_runs) ORDER BY alerts.id`,
  );
  return rows;
}

/** A trigger that evaluates every issue and notifies of none. */
export function declining(name: string): Trigger {
  return { name, emails: [], evaluate: () => ({ notify: false }) };
}

/** Does a run in this process, on its own connection, for tests that the command line would make too slow. */
export async function runHere(
  pool: Pool,
  triggers: readonly Trigger[],
  options: Partial<RunOptions & RunDependencies> & { signal?: AbortSignal } = {},
): Promise<RunOutcome> {
  const { dryRun = false, signal = new AbortController().signal, at, inspect, ...overrides } = options;
  const logger = createLogger({
    format: 'compose',
    level: 'ERROR',
    name: 'test',
    destination: { write: () => undefined },
  });
  const dependencies: RunDependencies = {
    evaluator: evaluatorHere(await loadTriggers(triggers, 'the test', null, isEmail)),
    settings: { subjectPrefix: '[test]', issueUrl: undefined },
    bundling: { digest: false, maxPerRun: 50 },
    sinceMilliseconds: 86_400_000,
    logger,
    reporter: await createReporter(logger, undefined, 'test'),
    ...overrides,
  };
  const settings = { dryRun, waitMilliseconds: 30_000, ...(at && { at }), ...(inspect && { inspect }) };
  const outcome = await run(pool, dependencies, settings, signal);
  if (typeof outcome === 'string') throw new Error('another run held the lock for 30 s');
  return outcome;
}
