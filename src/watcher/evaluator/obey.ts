import { fromSent } from '../../db/issue-row.ts';
import type { Issue } from '../../domain/issue.ts';
import type { TriggerContext } from '../../domain/trigger.ts';
import { asError, fromWire, toWire } from '../../runtime/errors.ts';
import { loadConfigured } from '../triggers/configured.ts';
import { TriggerFileError } from '../triggers/file.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { evaluate } from './evaluate.ts';
import { findByName, rendered } from './here.ts';
import { outcomesOf, packed } from './outcomes.ts';
import type { EvaluatorCommand, EvaluatorReport, SentRendering } from './protocol.ts';
import type { RemoteAnswers } from './remote-answers.ts';
import { remoteAnswers } from './remote-answers.ts';
import type { PageQuestions, RankingCache } from './trigger-context.ts';
import { createContext, openPage } from './trigger-context.ts';

/** @param sent called when the report is written: the process may be busy for long after that */
type Report = (report: EvaluatorReport, sent?: () => void) => void;
type Evaluate = Extract<EvaluatorCommand, { type: 'evaluate' }>;

interface Page {
  readonly issues: readonly Issue[];
  readonly now: Date;
  readonly questions: PageQuestions;
}

/** The part of the triggers' process that obeys the watcher's commands, one after the other. */
export function obey(report: Report): (command: EvaluatorCommand) => void {
  const answers: RemoteAnswers = remoteAnswers((id, question) => report({ type: 'ask', id, question }));
  let readyOf = findByName([]);
  let rankings: { readonly run: number; readonly cache: RankingCache } = { run: -1, cache: new Map() };
  let page: Page | undefined;

  const openedPage = (): Page => {
    if (page === undefined) throw new Error('no page is open');
    return page;
  };
  const load = async ({ configured }: Extract<EvaluatorCommand, { type: 'load' }>) => {
    try {
      const loaded = (await loadConfigured(configured)).filter(({ enabled }) => enabled);
      readyOf = findByName(loaded);
      const named = loaded.map(({ trigger: { name, emails } }) => ({ name, emails }));
      report({ type: 'loaded', triggers: named });
    } catch (error) {
      const mistakes = error instanceof TriggerFileError ? error.mistakes : [];
      report({ type: 'mistakes', message: asError(error).message, mistakes });
    }
  };

  return (command) => {
    switch (command.type) {
      case 'load':
        return void load(command);
      case 'page': {
        if (command.run !== rankings.run) rankings = { run: command.run, cache: new Map() };
        const questions = openPage(answers, rankings.cache);
        page = { issues: fromSent(command.issues), now: command.now, questions };
        return;
      }
      case 'evaluate':
        return void evaluatePage(readyOf(command.trigger), openedPage(), command, report);
      case 'render': {
        const ready = readyOf(command.trigger);
        const renderings = command.alerts.map((alert): SentRendering => {
          const rendering = rendered(ready, alert);
          return 'error' in rendering ? { error: toWire(rendering.error) } : rendering;
        });
        return report({ type: 'rendered', renderings });
      }
      case 'answer':
        return answers.answered(command.id, command.answer);
      case 'no-answer':
        return answers.failed(command.id, fromWire(command.error));
      case 'close':
        page?.questions.close();
        page = undefined;
    }
  };
}

async function evaluatePage(
  { trigger }: ReadyTrigger,
  { issues, now, questions }: Page,
  { recipients, milliseconds, from, eachMilliseconds }: Evaluate,
  report: Report,
): Promise<void> {
  const context: TriggerContext = createContext(questions, now, { name: trigger.name, recipients });
  if (eachMilliseconds === null) {
    const evaluations = await evaluate(trigger, issues.slice(from), context, milliseconds);
    report({ type: 'evaluated', outcomes: packed(outcomesOf(evaluations, issues)), late: evaluations.late });
    return;
  }
  const deadline = performance.now() + milliseconds;
  for (const issue of issues.slice(from)) {
    const patience = Math.min(eachMilliseconds, Math.max(1, deadline - performance.now()));
    const evaluations = await evaluate(trigger, [issue], context, patience);
    for (const outcome of outcomesOf(evaluations, [issue]))
      await new Promise<void>((written) => report({ type: 'outcome', outcome }, written));
  }
  report({ type: 'evaluated', outcomes: packed([]), late: false });
}
