import type { WatcherSettings } from '../../config/env.ts';
import type { HealthCheck } from '../../runtime/dockerflow.ts';
import type { Teardown } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { NamedTrigger } from '../../watcher/evaluator/evaluator.ts';
import type { IsolatedEvaluator } from '../../watcher/evaluator/isolated.ts';
import { isolatedEvaluator } from '../../watcher/evaluator/isolated.ts';
import type { WatchDependencies } from '../../watcher/watch.ts';

/** Loads the triggers. @param signal ends the process of the triggers while it loads them again @throws TriggerFileError naming every mistake */
export async function loadedEvaluator(
  settings: WatcherSettings,
  dependencies: WatchDependencies,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<IsolatedEvaluator> {
  const configured = { file: settings.TRIGGERS, alertEmails: settings.ALERT_EMAILS };
  const evaluator = await isolatedEvaluator(dependencies, { configured, environment: process.env }, signal);
  teardown.add('the process of the triggers', async () => evaluator.close());
  warnOfNoRecipients(dependencies.logger, evaluator.triggers);
  return evaluator;
}

/** Fails as long as a trigger is left out. */
export function leftOutCheck(evaluator: IsolatedEvaluator): HealthCheck {
  return async () => {
    const names = evaluator.leftOut.map(({ name }) => name).join(', ');
    return names === '' ? null : `left out until the next start, because they ended their process: ${names}`;
  };
}

function warnOfNoRecipients(logger: Logger, triggers: readonly NamedTrigger[]): void {
  if (triggers.length === 0) logger.warning('no trigger is enabled; no alert will be sent');
  for (const trigger of triggers) {
    if (trigger.emails.length === 0) {
      logger.warning(
        'a trigger has no recipients, so it sends no alerts; ALERT_EMAILS sets the recipients of the built-in triggers',
        { trigger: trigger.name },
      );
    }
  }
}
