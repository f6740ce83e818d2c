import type { Db } from '../../db/pool.ts';
import { pause } from '../../runtime/loop.ts';
import type { Delivery } from './deliver.ts';

/** Less than the time limit of a step at the end of a process. */
const PATIENCE_MILLISECONDS = 4_000;
const PAUSE_MILLISECONDS = 250;

/**
 * Marks the emails that SES accepted before the process ends. Nobody else knows of them, so another process would send
 * them again. Postgres may be restarting just then.
 * @throws CodedError if they can't be marked in time
 */
export async function markAtEnd(
  delivery: Pick<Delivery, 'markAccepted'>,
  db: Db,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): Promise<void> {
  const enough = AbortSignal.timeout(patienceMilliseconds);
  while (true) {
    try {
      return await delivery.markAccepted(db);
    } catch (error) {
      if (enough.aborted) throw error;
    }
    await pause(PAUSE_MILLISECONDS, enough);
  }
}
