import { toSent } from '../../db/issue-row.ts';
import { asError, CodedError, fromWire, messageOf, toWire } from '../../runtime/errors.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { ConfiguredTriggers } from '../triggers/configured.ts';
import { TriggerFileError } from '../triggers/file.ts';
import { answerQuestion } from './answer-questions.ts';
import type { EvaluatedPage, NamedTrigger } from './evaluator.ts';
import { EvaluatorFault, EvaluatorProcess, OutsideFault } from './evaluator-process.ts';
import type { EvaluatorReport } from './protocol.ts';

export interface KeptProcessOptions {
  readonly configured: ConfiguredTriggers;
  /** Environment of the process. */
  readonly environment: NodeJS.ProcessEnv;
  /** How long it may report nothing while it loads the trigger file. */
  readonly loadingMilliseconds: number;
}

/** A page of a run. Another number means another run. */
export interface RunPage {
  readonly run: number;
  readonly page: EvaluatedPage;
}

/** Keeps a process that runs the code of triggers, and starts another one when it has ended. */
export interface KeptProcess {
  readonly triggers: readonly NamedTrigger[];
  /** A living process that has the page. @throws TriggerFileError if the file can't be loaded any more */
  ready(current: RunPage | undefined): Promise<EvaluatorProcess>;
  /** Called when the page is evaluated. */
  closePage(): void;
  close(): void;
}

/** How often a process is started before its file is given up, if somebody kills it each time while it loads the file. */
const MOST_STARTS = 3;

/** The running process, and the page that it has. */
interface Running {
  readonly process: EvaluatorProcess;
  current: RunPage | undefined;
}

interface Started {
  readonly live: Running;
  readonly loaded: readonly NamedTrigger[];
}

/**
 * @throws TriggerFileError naming every mistake of the trigger file
 * @throws CodedError `startup_failed` if the process is killed each time before it has loaded the file
 */
export async function keepProcess(
  { reporter }: { readonly reporter: Reporter },
  options: KeptProcessOptions,
  signal: AbortSignal,
): Promise<KeptProcess> {
  let running: Running | undefined;
  /** The last one that was started; it may not have loaded the file yet. */
  let starting: EvaluatorProcess | undefined;

  const startOnce = async (): Promise<Started> => {
    const process: EvaluatorProcess = new EvaluatorProcess(options.environment, {
      report: (report) => onReport(process, report, running?.current?.page, reporter),
      ended: (fault) =>
        reporter.report(
          fault,
          'the process of the triggers ended between two evaluations; the next run starts it again',
        ),
    });
    const live: Running = { process, current: undefined };
    starting = process;
    return { live, loaded: await load(process, options, signal) };
  };
  const start = async (): Promise<Started> => {
    for (let count = 1; ; count += 1) {
      try {
        return await startOnce();
      } catch (error) {
        if (!(error instanceof OutsideFault)) throw error;
        if (count === MOST_STARTS) throw killedTooOften(options, error);
        const message = 'the process of the triggers was killed while it loaded them; it is started again';
        reporter.warn(message, { reason: messageOf(error) });
      }
    }
  };
  const restarted = async (): Promise<Running> => {
    const { live, loaded } = await start();
    if (!sameTriggers(triggers, loaded)) {
      live.process.kill(new EvaluatorFault('the trigger file was changed'));
      throw new Error('the trigger file was changed since the watcher started: restart the watcher');
    }
    running = live;
    return live;
  };
  const { live: first, loaded: triggers } = await start();
  running = first;
  return {
    triggers,
    async ready(current) {
      const alive =
        running !== undefined && running.process.fault === undefined ? running : await restarted();
      if (current !== undefined && alive.current !== current) {
        alive.current = current;
        const { run, page } = current;
        alive.process.send({ type: 'page', run, now: page.now, issues: toSent(page.issues) });
      }
      return alive.process;
    },
    closePage() {
      if (running !== undefined) running.current = undefined;
      running?.process.send({ type: 'close' });
    },
    close: () => starting?.kill(new EvaluatorFault('the watcher stops')),
  };
}

function onReport(
  process: EvaluatorProcess,
  report: EvaluatorReport,
  page: EvaluatedPage | undefined,
  reporter: Reporter,
): void {
  if (report.type === 'rejection') {
    const message = 'a rejected promise was not awaited, probably by a trigger; the watcher continues';
    reporter.report(fromWire(report.error), message);
  }
  // A question that comes after its page needs no answer: the process refuses it by itself.
  if (report.type !== 'ask' || page === undefined) return;
  const { id, question } = report;
  answerQuestion(page.answers, question).then(
    (answer) => process.send({ type: 'answer', id, answer }),
    (error: unknown) => process.send({ type: 'no-answer', id, error: toWire(error) }),
  );
}

async function load(
  process: EvaluatorProcess,
  { configured, loadingMilliseconds: silentMilliseconds }: KeptProcessOptions,
  signal: AbortSignal,
): Promise<readonly NamedTrigger[]> {
  const mistakes: string[] = [];
  // Silence isn't enough: a file that only waits leaves the process alive.
  const deadline = AbortSignal.timeout(3 * silentMilliseconds);
  const onReport = (report: EvaluatorReport) => {
    if (report.type === 'mistakes') {
      mistakes.push(...(report.mistakes.length > 0 ? report.mistakes : [report.message]));
      process.kill(new EvaluatorFault(report.message));
    }
  };
  try {
    const command = { type: 'load', configured } as const;
    const request = { command, until: 'loaded', silentMilliseconds, onReport } as const;
    const report = await process.request(request, AbortSignal.any([signal, deadline]));
    if (report.type === 'loaded') return report.triggers;
    throw new Error('the process of the triggers sent another report');
  } catch (error) {
    const isLate = deadline.aborted && !signal.aborted;
    if (isLate) mistakes.push(`it did not load within ${(3 * silentMilliseconds) / 1_000} s`);
    else if (error instanceof OutsideFault || !(error instanceof EvaluatorFault)) throw error;
    throw new TriggerFileError(
      sourceOf(configured),
      mistakes.length > 0 ? mistakes : [`it can't be loaded: ${messageOf(asError(error))}`],
    );
  }
}

/** The file may be right, so this error is another one than TriggerFileError. */
function killedTooOften({ configured }: KeptProcessOptions, cause: OutsideFault): CodedError {
  return new CodedError(
    'startup_failed',
    `the process of the triggers was killed ${MOST_STARTS} times while it loaded ${sourceOf(configured)}: ${cause.message}; give it more memory, if the kernel killed it, and try again`,
    { retryable: true, cause },
  );
}

function sourceOf({ file }: ConfiguredTriggers): string {
  return file ?? 'the built-in triggers';
}

/** The file may have changed since the start. A run with other triggers than the watcher knows would mix them up. */
function sameTriggers(known: readonly NamedTrigger[], loaded: readonly NamedTrigger[]): boolean {
  return JSON.stringify(known) === JSON.stringify(loaded);
}
