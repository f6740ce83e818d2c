import { isEmail } from '../../src/config/is-email.ts';
import { storeEvents } from '../../src/db/events.ts';
import type { Pool } from '../../src/db/pool.ts';
import type { ErrorEvent } from '../../src/domain/event.ts';
import { HOUR } from '../../src/domain/time.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { createReporter } from '../../src/runtime/report.ts';
import { evaluatorHere } from '../../src/watcher/evaluator/here.ts';
import { run } from '../../src/watcher/run/run.ts';
import type { RunDependencies } from '../../src/watcher/run/run-state.ts';
import { loadTriggers } from '../../src/watcher/triggers/load.ts';
import type { History, LabelledIssue } from './history.ts';
import type { Alert } from './score.ts';
import type { TruthEvent } from './stream.ts';
import { namesOf } from './stream.ts';

/** As the watcher runs by default. */
const SCORED_STEP = 5 * 60_000;
const CALM_STEP = HOUR;
const WARM_UP_STEP = 4 * HOUR;
const BATCH = 500;

/**
 * Stores the events when they arrive, and does the watcher's runs at simulated times. A run without a new event would
 * evaluate nothing, so it is left out.
 * @param progress is called with the share of the history that is replayed, from 0 to 1
 * @returns all alerts, in the order of the runs
 */
export async function replay(
  pool: Pool,
  history: History,
  events: readonly TruthEvent[],
  triggers: readonly unknown[],
  progress: (share: number) => void = () => undefined,
): Promise<Alert[]> {
  const dependencies = await dependenciesOf(triggers);
  const asStored = storedAs(history);
  const from = history.from.getTime();
  const until = from + history.hours * HOUR;
  const signal = new AbortController().signal;
  let next = 0;
  let again: readonly ErrorEvent[] = [];
  for (let now = firstStep(events, from); now <= until; now += stepAt(history, now)) {
    const begin = next;
    while ((events[next]?.arrives ?? Number.POSITIVE_INFINITY) <= now) next += 1;
    const arrived = events.slice(begin, next).map(asStored);
    await store(pool, [...again, ...arrived]);
    if (arrived.length > 0 || again.length > 0) await runAt(pool, dependencies, new Date(now), signal);
    if (now === from) await pool.query('ANALYZE');
    again = history.forwarded === 2 ? arrived : [];
    progress((next + 1) / events.length);
  }
  return await alertsOf(pool);
}

function stepAt({ from, calm = [] }: History, now: number): number {
  const hour = (now - from.getTime()) / HOUR;
  if (hour < 0) return WARM_UP_STEP;
  return calm.some(([begin, end]) => hour >= begin && hour < end) ? CALM_STEP : SCORED_STEP;
}

/** The first warm-up step that sees an event. The last one is at `from`. */
function firstStep(events: readonly TruthEvent[], from: number): number {
  const first = events[0]?.arrives ?? from;
  return Math.min(from, from - Math.floor((from - first) / WARM_UP_STEP) * WARM_UP_STEP);
}

async function dependenciesOf(triggers: readonly unknown[]): Promise<RunDependencies> {
  const logger = createLogger({
    format: 'compose',
    level: 'ERROR',
    name: 'truth',
    destination: { write: (line: string) => process.stderr.write(line) },
  });
  const loaded = await loadTriggers(triggers, 'the corpus', null, isEmail);
  return {
    evaluator: evaluatorHere(loaded.filter(({ enabled }) => enabled)),
    settings: { subjectPrefix: '[truth]', issueUrl: undefined },
    bundling: { digest: false, maxPerRun: 1_000 },
    sinceMilliseconds: 520 * 7 * 24 * HOUR,
    logger,
    reporter: await createReporter(logger, undefined, 'truth'),
  };
}

function storedAs(history: History): (event: TruthEvent) => ErrorEvent {
  const issues = new Map<string, LabelledIssue>(
    history.issues.flatMap((issue) => namesOf(issue).map((name) => [name, issue] as const)),
  );
  return ({ id, issue, at, user, release }) => {
    const module = issues.get(issue)?.module ?? 'resource:///modules/app.sys.mjs';
    return {
      eventId: id,
      groupId: issue,
      projectId: '7',
      message: issues.get(issue)?.message ?? `TypeError: ${issue}`,
      logMessage: '',
      module,
      stackFrames: issues.get(issue)?.stackFrames ?? [{ function: 'render', module, line: 20, column: 7 }],
      receivedAt: new Date(at),
      user,
      tags: { release, environment: 'production', browser: 'Firefox 140', os: 'Windows' },
    };
  };
}

async function store(pool: Pool, events: readonly ErrorEvent[]): Promise<void> {
  for (let index = 0; index < events.length; index += BATCH) {
    await storeEvents(pool, events.slice(index, index + BATCH));
  }
}

async function runAt(
  pool: Pool,
  dependencies: RunDependencies,
  at: Date,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await run(pool, dependencies, { dryRun: false, at }, signal);
  if (typeof outcome === 'string') throw new Error(`no run at ${at.toISOString()}: ${outcome}`);
  if (outcome.failures > 0) throw new Error(`${outcome.failures} evaluations failed at ${at.toISOString()}`);
}

async function alertsOf(pool: Pool): Promise<Alert[]> {
  const { rows } = await pool.query<Omit<Alert, 'at'> & { ran_at: Date }>(
    `SELECT issues.group_id AS issue, ran_at, alerts.trigger AS by, because
     FROM alerts JOIN trigger_runs ON trigger_runs.id = alerts.run_id JOIN issues ON issues.id = alerts.issue_id
     ORDER BY alerts.id`,
  );
  return rows.map(({ ran_at, ...alert }) => ({ ...alert, at: ran_at.getTime() }));
}
