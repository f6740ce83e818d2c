import { issuesById } from '../../db/issues.ts';
import { processPage } from './process-page.ts';
import type { RunState } from './run-state.ts';

/**
 * Evaluates the issues again whose silence is over, with the triggers that the silence covered. So recipients are
 * notified of an alert that still holds, and not only at the next event. It leaves out issues that the trigger has
 * evaluated in this run because they changed.
 */
export async function reevaluateSilenced(state: RunState, pageSize: number): Promise<void> {
  for (const trigger of state.triggers) {
    const ids = [...trigger.toReevaluate];
    for (let start = 0; start < ids.length; start += pageSize) {
      state.signal.throwIfAborted();
      const issues = await issuesById(state.tx, ids.slice(start, start + pageSize));
      state.log.evaluating(issues, { trigger: trigger.named.name });
      await processPage(state, [trigger], { issues, why: 'silence ended' });
    }
  }
}
