import type { AlertView } from '../../domain/alert.ts';
import { asError } from '../../runtime/errors.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { evaluate } from './evaluate.ts';
import type { Evaluator, Rendering } from './evaluator.ts';
import { createContext, openPage } from './trigger-context.ts';

/** Runs the code of triggers in this process. A loop that never ends stops the whole process. */
export function evaluatorHere(triggers: readonly ReadyTrigger[]): Evaluator {
  const readyOf = findByName(triggers);
  return {
    triggers: triggers.map(({ trigger: { name, emails } }) => ({ name, emails })),
    leftOut: [],
    openPage({ issues, now, answers, rankings }) {
      const questions = openPage(answers, rankings);
      return {
        async evaluate(named, recipients, milliseconds, signal) {
          const context = createContext(questions, now, { name: named.name, recipients });
          return await evaluate(readyOf(named.name).trigger, issues, context, milliseconds, signal);
        },
        close: () => questions.close(),
      };
    },
    render: async (named, alerts) => alerts.map((alert) => rendered(readyOf(named.name), alert)),
    runEnded() {},
  };
}

/** Returns a function that finds a loaded trigger. @throws Error if no trigger has the name */
export function findByName(triggers: readonly ReadyTrigger[]): (name: string) => ReadyTrigger {
  const byName = new Map(triggers.map((ready) => [ready.trigger.name, ready]));
  return (name) => {
    const ready = byName.get(name);
    if (ready === undefined) throw new Error(`there is no trigger "${name}"`);
    return ready;
  };
}

/** An alert's own subject and bodies, or the error of the trigger's code. */
export function rendered({ trigger, template }: ReadyTrigger, alert: AlertView): Rendering {
  try {
    const subject: unknown = trigger.subject?.(alert);
    if (subject !== undefined && typeof subject !== 'string')
      throw new TypeError(`subject must return text, and returned ${typeof subject}`);
    return { subject, ...template.render(alert) };
  } catch (thrown) {
    return { error: asError(thrown) };
  }
}
