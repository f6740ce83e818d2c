import { rm } from 'node:fs/promises';
import { seededRandom } from '../../dev/browser-errors/random.ts';
import { poll } from '../../dev/poll.ts';
import { query } from '../../dev/postgres/server.ts';
import { runningInGroup } from '../../dev/process-tree.ts';
import { messageOf } from '../../src/runtime/errors.ts';
import { Teardown } from '../../src/runtime/lifecycle.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { depth } from '../support/messages.ts';
import { compare } from './compare.ts';
import type { FaultsDone } from './faults.ts';
import { doFaults } from './faults.ts';
import { leaks, measure } from './growth.ts';
import { Messages } from './messages.ts';
import { reportProgress } from './progress.ts';
import type { SoakResult } from './result.ts';
import type { ProcessSample } from './samples.ts';
import { takeSamples } from './samples.ts';
import { MESSAGES_A_SECOND, send } from './send.ts';
import { Ses, Sqs } from './services.ts';
import type { Stand } from './stand.ts';
import { startStand } from './stand.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** Default: 100. */
  readonly messagesASecond?: number;
  /** The same seed draws the same messages, and the same faults in the same order. */
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Ends the load and the faults early. The results are still compared. */
  readonly early?: AbortSignal;
  /** Ends everything, without results. */
  readonly abandoned?: AbortSignal;
}

const STEP_MILLISECONDS = 180_000;
/** A killed worker's messages come back within seconds. Alerts that SES refused several times wait for minutes. */
const STUCK_SECONDS = 600;
/** Watchers finish this many runs after the last event, so that all of it is evaluated. */
const LAST_RUNS = 3;

/** Runs the daemons under load and faults, and compares the results with the load. Leaves no process and no file. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { say, abandoned = new AbortController().signal } = options;
  const destination = { write: (line: string) => say(line.trimEnd()) };
  const logger = createLogger({ format: 'compose', level: 'WARNING', name: 'soak', destination });
  const teardown = new Teardown(logger, STEP_MILLISECONDS);
  const ses = new Ses(seededRandom(options.seed + 1));
  const sqs = new Sqs(seededRandom(options.seed + 2));
  try {
    const stand = await startStand(ses, sqs, logger, say, teardown);
    const result = await soakOn(stand, options, abandoned);
    if (result.differences.length === 0)
      await rm(stand.folder, { recursive: true, force: true, maxRetries: 3 });
    else say(`the logs of the daemons are in ${stand.folder}`);
    return result;
  } finally {
    await teardown.run();
  }
}

async function soakOn(stand: Stand, options: SoakOptions, abandoned: AbortSignal): Promise<SoakResult> {
  const { seconds, messagesASecond = MESSAGES_A_SECOND, seed, say } = options;
  const { early = new AbortController().signal } = options;
  const messages = new Messages(seededRandom(seed + 3));
  const { sent } = messages;
  const faults: FaultsDone = { counts: new Map(), failures: new Map(), last: 'none yet' };
  const samples: ProcessSample[] = [];
  const over = new AbortController();
  const untilOver = AbortSignal.any([over.signal, abandoned]);
  const faultsOver = new AbortController();
  const untilFaultsOver = AbortSignal.any([faultsOver.signal, over.signal, abandoned]);
  const looking = [
    // Draining is another kind of load, and the step from one to the other would look like growth.
    takeSamples(stand, samples, untilFaultsOver),
    reportProgress(stand, sent, faults, say, untilOver),
  ];
  // They are awaited at the end. Until then a failure must not count as an unhandled rejection.
  for (const one of looking) one.catch(() => {});
  try {
    const failed = new AbortController();
    const sending = send(stand, messages, messagesASecond, untilFaultsOver);
    sending.catch(() => failed.abort());
    const untilEnd = AbortSignal.any([early, abandoned, failed.signal]);
    await doFaults(stand, seededRandom(seed), seconds, faults, untilEnd);
    faultsOver.abort();
    await sending;
    abandoned.throwIfAborted();
    say('the faults are over; the queue and the outbox are drained now');
    const undrained = await drain(stand, abandoned);
    over.abort();
    await Promise.all(looking);
    const comparison = await compare(stand, sent);
    const measured = measure(samples);
    const daemons = [stand.processor, ...stand.watchers];
    const stopped = await stopAll(stand);
    return {
      differences: [
        ...neverDone(faults),
        ...undrained,
        ...comparison.differences,
        ...leaks(measured),
        ...stopped,
      ],
      sent,
      faults,
      comparison,
      measured,
      ownEnds: daemons.flatMap(({ lives }) => lives.slice(0, -1)).flatMap(({ ownEnd }) => ownEnd ?? []),
    };
  } finally {
    over.abort();
    await Promise.allSettled(looking);
  }
}

/** Kinds of faults that failed each time. The run then proves nothing about them. */
function neverDone({ counts, failures }: FaultsDone): string[] {
  const never = [...failures].filter(([kind]) => !counts.has(kind));
  return never.map(([kind, reason]) => `never done: ${kind}: ${reason}`);
}

/** @returns the reason why something isn't finished, or nothing */
async function drain({ client, urls, databaseUrl }: Stand, signal: AbortSignal): Promise<string[]> {
  const messages = async () => {
    const { visible, inFlight } = await depth(client, urls.queueUrl);
    return visible + inFlight;
  };
  const sql = `SELECT (SELECT coalesce(max(id), 0) FROM trigger_runs WHERE finished_at IS NOT NULL)::int AS "lastRun",
                      (SELECT count(*) FROM alerts WHERE status = 'pending')::int AS pending,
                      (SELECT count(*) FROM failed_evaluations)::int AS failed`;
  const state = async () => {
    const [row] = await query<{ lastRun: number; pending: number; failed: number }>(databaseUrl, sql);
    return row ?? { lastRun: 0, pending: 1, failed: 1 };
  };
  try {
    await untilNone('messages in the queue', messages, signal);
    const { lastRun } = await state();
    const unfinished = async () => {
      const now = await state();
      return Math.max(0, lastRun + LAST_RUNS - now.lastRun) + now.pending + now.failed;
    };
    await untilNone('runs, evaluations and alerts', unfinished, signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`not drained: ${messageOf(error)}`];
  }
}

/** Waits as long as the number changes. @throws if it stays the same for too long */
async function untilNone(what: string, count: () => Promise<number>, signal: AbortSignal): Promise<void> {
  for (let left = await count(); left > 0; ) {
    const changed = async () => {
      const now = await count();
      return now === left ? undefined : now;
    };
    const options = { seconds: STUCK_SECONDS, everyMilliseconds: 500, signal };
    left = await poll(`${left} ${what} to become fewer`, changed, options);
  }
}

/** Ends the daemons. @returns daemons that didn't end as they must, and processes that they left behind */
async function stopAll({ processor, watchers }: Stand): Promise<string[]> {
  const stopped = [processor, ...watchers].map(async (daemon) => {
    const code = await daemon.stop();
    const groups = daemon.lives.map(({ pid }) => pid);
    const ended = async () => (groups.flatMap(runningInGroup).length === 0 ? true : undefined);
    const left = await poll('its processes to end', ended).catch(() => undefined);
    return [
      ...(code === 0 ? [] : [`${daemon.name}: ended with exit code ${code} after SIGTERM`]),
      ...(left === true ? [] : [`${daemon.name}: left processes behind: ${groups.flatMap(runningInGroup)}`]),
    ];
  });
  return (await Promise.all(stopped)).flat();
}
