import { issuesToRetry } from '../../db/evaluations.ts';
import { issuesById } from '../../db/issues.ts';
import { processPage } from './process-page.ts';
import type { RunState, RunTrigger } from './run-state.ts';

/**
 * Retries evaluations that failed in earlier runs, unless the issue has changed and was evaluated in this run already.
 */
export async function retryFailed(state: RunState, pageSize: number): Promise<void> {
  for (const trigger of state.triggers)
    if (trigger.failedBefore) await retryTrigger(state, trigger, pageSize);
}

async function retryTrigger(state: RunState, trigger: RunTrigger, pageSize: number): Promise<void> {
  const { name } = trigger.named;
  let after = '0';
  while (true) {
    state.signal.throwIfAborted();
    const ids = await issuesToRetry(state.tx, name, after, pageSize);
    const again = ids.filter((id) => !trigger.failedNow.has(id));
    if (again.length > 0) {
      const issues = await issuesById(state.tx, again);
      state.log.evaluating(issues, { trigger: name });
      await processPage(state, [trigger], { issues, why: 'retry' });
    }
    after = ids.at(-1) ?? after;
    if (ids.length < pageSize) return;
  }
}
