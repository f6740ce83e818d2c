import { pendingOfRun } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import type { Email } from '../../mail/mailer.ts';
import type { BuildSettings } from './build-email.ts';
import { buildEmail } from './build-email.ts';

const PAGE = 100;

/** Shows the emails that would be sent for a run. Must be called inside the run's transaction. */
export async function preview(
  db: Db,
  runId: string,
  settings: BuildSettings,
  show: (email: Email) => Promise<void>,
): Promise<void> {
  const shown = new Set<string>();
  let after = '0';
  while (true) {
    const alerts = await pendingOfRun(db, runId, after, PAGE);
    for (const alert of alerts) {
      const bundle = alert.bundle === null ? null : `${alert.bundle} ${alert.recipientId}`;
      if (bundle !== null && shown.has(bundle)) continue;
      if (bundle !== null) shown.add(bundle);
      const { email } = await buildEmail(db, alert, settings);
      if (email instanceof Error) throw email;
      await show(email);
    }
    after = alerts.at(-1)?.id ?? after;
    if (alerts.length < PAGE) return;
  }
}
