import { issuesById } from '../../db/issues.ts';
import { covers } from '../../domain/silence.ts';
import { processPage } from './process-page.ts';
import type { RunState } from './run-state.ts';

/**
 * Evaluates the issues again whose silence is over, with the triggers that the silence covered. So recipients are
 * notified of an alert that still holds, and not only at the next event. It leaves out issues that changed, because all
 * triggers have evaluated them in this run.
 */
export async function reevaluateSilenced(state: RunState, pageSize: number): Promise<void> {
  const silences = [...state.silences.over];
  for (const trigger of state.triggers) {
    const { name } = trigger.named;
    const ids = silences
      .filter(([, ofIssue]) => ofIssue.some((silence) => covers(silence, name)))
      .map(([id]) => id);
    for (let start = 0; start < ids.length; start += pageSize) {
      state.signal.throwIfAborted();
      const issues = await issuesById(state.tx, ids.slice(start, start + pageSize));
      state.log.evaluating(issues, { trigger: name });
      await processPage(state, [trigger], { issues, why: 'silence ended' });
    }
  }
}
