import { orDatabaseError } from '../../db/errors.ts';
import type { Pool } from '../../db/pool.ts';
import { transactionTime } from '../../db/runs.ts';
import type { UnsettledSilence } from '../../db/silences.ts';
import { holdingSilences } from '../../db/silences.ts';

export interface SilencesNow {
  /** The database's time. */
  readonly now: Date;
  readonly silences: readonly UnsettledSilence[];
}

/** The silences that hold. @throws CodedError if the database fails */
export async function silencesNow(pool: Pool): Promise<SilencesNow> {
  const read = async () => {
    const now = await transactionTime(pool);
    return { now, silences: await holdingSilences(pool, now) };
  };
  return await orDatabaseError('reading the silences', read());
}
