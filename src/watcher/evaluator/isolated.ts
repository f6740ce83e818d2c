import { CodedError, fromWire, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Reporter } from '../../runtime/report.ts';
import type { Evaluator, NamedTrigger, Rendering } from './evaluator.ts';
import { EvaluatorFault } from './evaluator-process.ts';
import type { KeptProcessOptions, RunPage } from './kept-process.ts';
import { keepProcess } from './kept-process.ts';
import type { Patience } from './page-evaluation.ts';
import { evaluatePage } from './page-evaluation.ts';
import { createStrikes } from './strikes.ts';

export interface IsolatedDependencies {
  readonly logger: Logger;
  readonly reporter: Reporter;
  readonly metrics: Metrics;
}

export interface IsolatedOptions extends Omit<KeptProcessOptions, 'loadingMilliseconds'> {
  readonly patience?: Patience;
}

/** An evaluator with a process of its own. */
export interface IsolatedEvaluator extends Evaluator {
  close(): void;
}

const PATIENCE: Patience = { loading: 20_000, page: 20_000, issue: 5_000 };
const NEXT = {
  again: 'its issues are evaluated again, one by one, in a new process',
  failed: 'its evaluation of this issue failed, and a new process continues',
} as const;

/**
 * Runs the code of triggers in a process of its own, which can be ended. So the others go on, whatever one of them
 * does. A loop that never ends, an early exit and an error in a timer cost only the evaluations at fault.
 * @throws TriggerFileError naming every mistake
 */
export async function isolatedEvaluator(
  dependencies: IsolatedDependencies,
  { patience = PATIENCE, ...options }: IsolatedOptions,
  signal: AbortSignal,
): Promise<IsolatedEvaluator> {
  const kept = await keepProcess(dependencies, { ...options, loadingMilliseconds: patience.loading }, signal);
  const { triggers } = kept;
  const strikes = createStrikes(triggers);
  let run = 0;
  let current: RunPage | undefined;
  const faultOf = (trigger: NamedTrigger) => (fault: EvaluatorFault, next: keyof typeof NEXT) =>
    reportFault(trigger, fault, NEXT[next], dependencies);

  return {
    get triggers() {
      return triggers.filter((trigger) => !strikes.isOut(trigger));
    },
    get leftOut() {
      return triggers.filter((trigger) => strikes.isOut(trigger));
    },
    openPage(page) {
      current = { run, page };
      const process = () => kept.ready(current);
      return {
        evaluate: async (trigger, recipients, milliseconds, stop) => {
          const evaluation = { page, trigger, recipients, milliseconds, patience, strikes, process };
          return await evaluatePage({ ...evaluation, onFault: faultOf(trigger) }, stop);
        },
        close() {
          current = undefined;
          kept.closePage();
        },
      };
    },
    async render(trigger, alerts, stop) {
      if (alerts.length === 0) return [];
      try {
        const command = { type: 'render', trigger: trigger.name, alerts } as const;
        const request = { command, until: 'rendered', silentMilliseconds: patience.page } as const;
        const report = await (await kept.ready(current)).request(request, stop);
        if (report.type !== 'rendered') throw new Error('the process of the triggers sent another report');
        return report.renderings.map(
          (rendering): Rendering => ('error' in rendering ? { error: fromWire(rendering.error) } : rendering),
        );
      } catch (error) {
        if (!(error instanceof EvaluatorFault)) throw error;
        strikes.strike(trigger);
        faultOf(trigger)(error, 'failed');
        return alerts.map(() => ({ error }));
      }
    },
    runEnded() {
      run += 1;
      for (const trigger of strikes.runEnded()) reportLeftOut(trigger, dependencies);
    },
    close: () => kept.close(),
  };
}

function reportFault(
  { name }: NamedTrigger,
  fault: EvaluatorFault,
  next: string,
  { reporter, metrics }: IsolatedDependencies,
): void {
  metrics.increment('bec-alerts.watcher.errors', 1, { what: 'trigger' });
  reporter.warn(`a trigger ended the process of the triggers; ${next}`, {
    trigger: name,
    reason: messageOf(fault),
  });
}

function reportLeftOut({ name }: NamedTrigger, { reporter, metrics }: IsolatedDependencies): void {
  metrics.increment('bec-alerts.watcher.errors', 1, { what: 'trigger_left_out' });
  reporter.report(
    new CodedError('trigger_failed', `trigger "${name}" is left out until the watcher is started again`, {
      retryable: false,
    }),
    'the trigger ended its process in three runs in a row: fix it, try it with `bec-alerts triggers`, and restart the watcher',
    { trigger: name },
  );
}
