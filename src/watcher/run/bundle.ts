import type { NewAlert, PlannedAlert } from '../../db/alerts.ts';

/** How a run's alerts become emails. */
export interface Bundling {
  /** `ALERT_DIGEST=run`: one email for each recipient and run. */
  readonly digest: boolean;
  /** `ALERT_MAX_PER_RUN`: what a recipient's alerts of a run are over it becomes one email. */
  readonly maxPerRun: number;
}

/** Decides for one alert of a run after the other which email it goes into. */
export function createPlan({ digest, maxPerRun }: Bundling): (alert: NewAlert) => PlannedAlert {
  const alone = new Map<string, number>();
  return (alert) => {
    if (digest) return { ...alert, bundle: 'digest' };
    const before = alone.get(alert.recipientId) ?? 0;
    if (before >= maxPerRun) return { ...alert, bundle: 'summary' };
    alone.set(alert.recipientId, before + 1);
    return { ...alert, bundle: null };
  };
}
