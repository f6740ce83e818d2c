import type { Random } from '../../dev/browser-errors/random.ts';
import { poll } from '../../dev/poll.ts';
import type { LocalPostgres } from '../../dev/postgres/local-postgres.ts';
import { query } from '../../dev/postgres/server.ts';
import { childrenOf } from '../../dev/process-tree.ts';
import { messageOf } from '../../src/runtime/errors.ts';
import { pause } from '../../src/runtime/loop.ts';
import type { Daemon } from './daemon.ts';
import type { Ses, SesState, Sqs, SqsState } from './services.ts';

/** Everything that a fault can hit. */
export interface Targets {
  readonly processor: Daemon;
  readonly watchers: readonly Daemon[];
  readonly postgres: LocalPostgres;
  readonly databaseUrl: string;
  readonly ses: Ses;
  readonly sqs: Sqs;
}

interface Draw {
  /** A number from 0 up to but not 1 that chooses the victim. */
  readonly choice: number;
  /** How long a service fails. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
  /** Keeps the end of a fault that the next faults don't wait for. */
  readonly later: (end: Promise<void>) => void;
}

type Fault = (targets: Targets, draw: Draw) => Promise<void>;

/** Faults that end a process which otherwise lives long. */
const KILLS = {
  'the supervisor was killed': ({ processor }, { signal }) => kill(processor, signal),
  'a watcher was killed': ({ watchers }, { choice, signal }) => kill(chosen(watchers, choice), signal),
  'a watcher was killed after SES accepted its email': killAfterAcceptance,
  'the process of the triggers was killed': ({ watchers }, draw) =>
    killChild(chosen(watchers, draw.choice), draw),
} satisfies Record<string, Fault>;

const OTHERS = {
  'a worker was killed': ({ processor }, draw) => killChild(processor, draw),
  'a database connection was terminated': terminateBackend,
  'commits waited': holdCommits,
  'Postgres was restarted': (targets, draw) => restart(targets, 'fast', draw),
  'Postgres crashed': (targets, draw) => restart(targets, 'immediate', draw),
  'SES failed': (targets, draw) => disturbSes(targets, 'fails', draw),
  'SES hung up': (targets, draw) => disturbSes(targets, 'hangs up', draw),
  'SES throttled': (targets, draw) => disturbSes(targets, 'throttles', draw),
  'SES was slow': (targets, draw) => disturbSes(targets, 'is slow', draw),
  'SQS failed': (targets, draw) => disturbSqs(targets, 'fails', draw),
  'the dead-letter queue failed': (targets, draw) => disturbSqs(targets, 'refuses dead letters', draw),
  'SQS was slow': (targets, draw) => disturbSqs(targets, 'is slow', draw),
} satisfies Record<string, Fault>;

const FAULTS: Readonly<Record<string, Fault>> = { ...KILLS, ...OTHERS };
export const FAULT_KINDS: readonly string[] = Object.keys(FAULTS);

/** The advisory lock for which commits of new issues wait. */
export const COMMIT_LOCK = 20_260_506;
/** Shorter than a worker waits for a lock. */
const HELD_MILLISECONDS = 4_000;

const SHORTEST_GAP_MILLISECONDS = 300;
const LONGEST_GAP_MILLISECONDS = 2_500;
const SHORTEST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 4_000;
/** How long to wait for a victim, such as a worker that is still starting on a busy machine. */
const VICTIM_SECONDS = 120;

export interface FaultsDone {
  /** How often each kind was done. */
  readonly counts: Map<string, number>;
  /**
   * Faults that could not be done, by kind, with the last reason. A slow machine can't always reach Postgres between two
   * crashes.
   */
  readonly failures: Map<string, string>;
  last: string;
}

/**
 * Begins one fault after the other, in an order that `random` decides, until the time is over or the signal fires. Each
 * kind is done at least once. In the second half of the time the daemons live on, so that a growing process shows.
 */
export async function doFaults(
  targets: Targets,
  random: Random,
  seconds: number,
  done: FaultsDone,
  signal: AbortSignal,
): Promise<void> {
  const ends: Promise<void>[] = [];
  const later = (end: Promise<void>) => ends.push(end);
  const started = performance.now();
  const share = () => (performance.now() - started) / 1_000 / seconds;
  for (const [kinds, until] of [
    [FAULT_KINDS, 0.5],
    [Object.keys(OTHERS), 1],
  ] as const) {
    do {
      for (const kind of shuffled(kinds, random)) {
        const draw = {
          choice: random(),
          milliseconds: between(SHORTEST_MILLISECONDS, LONGEST_MILLISECONDS, random()),
          signal,
          later,
        };
        const gap = between(SHORTEST_GAP_MILLISECONDS, LONGEST_GAP_MILLISECONDS, random());
        // The first round is never cut short, so that each kind is done even on a slow machine.
        const complete = FAULT_KINDS.every((each) => done.counts.has(each));
        if (signal.aborted || (complete && share() >= until)) break;
        await pause(gap, signal);
        await doFault(kind, targets, draw, done);
      }
    } while (!signal.aborted && share() < until);
  }
  await Promise.all(ends);
}

async function doFault(kind: string, targets: Targets, draw: Draw, done: FaultsDone): Promise<void> {
  try {
    await FAULTS[kind]?.(targets, draw);
    done.counts.set(kind, (done.counts.get(kind) ?? 0) + 1);
    done.last = kind;
  } catch (error) {
    if (!draw.signal.aborted) done.failures.set(kind, messageOf(error));
  }
}

/** Fisher and Yates's shuffle. */
function shuffled(kinds: readonly string[], random: Random): string[] {
  const left = [...kinds];
  return kinds.map(() => left.splice(Math.floor(random() * left.length), 1)[0] ?? '');
}

function between(low: number, high: number, share: number): number {
  return low + (high - low) * share;
}

function chosen<T>(from: readonly T[], choice: number): T {
  const one = from[Math.floor(choice * from.length)];
  if (one === undefined) throw new Error('there is nothing to choose from');
  return one;
}

async function kill(daemon: Daemon, signal: AbortSignal): Promise<void> {
  const ask = async () => daemon.kill() || undefined;
  await poll(`${daemon.name} to run`, ask, { seconds: VICTIM_SECONDS, signal });
}

async function killChild(daemon: Daemon, { choice, signal }: Draw): Promise<void> {
  const ask = async () => {
    const children = childrenOf(daemon.pid ?? 0);
    return children.length === 0 ? undefined : process.kill(chosen(children, choice), 'SIGKILL');
  };
  await poll(`a child of ${daemon.name}`, ask, { seconds: VICTIM_SECONDS, signal });
}

async function killAfterAcceptance({ ses }: Targets, { signal }: Draw): Promise<void> {
  let killed = false;
  ses.killNextSender(() => {
    killed = true;
  });
  const ask = async () => killed || undefined;
  await poll('an email', ask, { seconds: VICTIM_SECONDS, signal }).finally(() => ses.spareSenders());
}

async function terminateBackend({ databaseUrl }: Targets, { choice, signal }: Draw): Promise<void> {
  const ask = async () => {
    const ours = await query<{ pid: number }>(
      databaseUrl,
      `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'bec-alerts %' ORDER BY pid`,
    );
    if (ours.length === 0) return undefined;
    await query(databaseUrl, 'SELECT pg_terminate_backend($1)', [chosen(ours, choice).pid]);
    return true;
  };
  await poll('a database connection', ask, { seconds: VICTIM_SECONDS, signal });
}

/** Several runs begin while a worker's transaction is open, and must not count its events as seen. */
async function holdCommits({ databaseUrl }: Targets, { signal }: Draw): Promise<void> {
  const ask = async () => {
    const held = query(databaseUrl, 'SELECT pg_sleep($1) FROM pg_advisory_lock($2)', [
      HELD_MILLISECONDS / 1_000,
      COMMIT_LOCK,
    ]);
    const waiting = pause(HELD_MILLISECONDS - 1_000, signal).then(() =>
      query(databaseUrl, `SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'`),
    );
    const [, workers] = await Promise.all([held, waiting]);
    return workers.length > 0 || undefined;
  };
  await poll('a commit that waits', ask, { seconds: VICTIM_SECONDS, signal });
}

async function restart(
  { postgres }: Targets,
  mode: 'fast' | 'immediate',
  { milliseconds, signal }: Draw,
): Promise<void> {
  await postgres.stop(mode);
  await pause(milliseconds, signal);
  await postgres.start();
}

/** The service is disturbed while the next faults begin, so that faults meet each other. */
async function disturbSes(
  { ses }: Targets,
  state: SesState,
  { milliseconds, signal, later }: Draw,
): Promise<void> {
  const over = ses.disturb(state);
  later(pause(milliseconds, signal).then(over));
}

async function disturbSqs(
  { sqs }: Targets,
  state: SqsState,
  { milliseconds, signal, later }: Draw,
): Promise<void> {
  const over = sqs.disturb(state);
  later(pause(milliseconds, signal).then(over));
}
