import type { Bundle } from '../../domain/alert.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { Notify } from './evaluate.ts';

/** How a run's alerts become emails. */
export interface Bundling {
  /** `ALERT_DIGEST=run`: one email for each recipient and run. */
  readonly digest: boolean;
  /** `ALERT_MAX_PER_RUN`: emails of single alerts that a recipient gets of one run; one more email sums up the others. */
  readonly maxPerRun: number;
}

/** A decision to notify, with the email that it goes into for each recipient. */
export interface BundledNotify extends Notify {
  readonly addressees: readonly Addressee[];
}

export interface Addressee {
  readonly recipient: Recipient;
  /** Null for an email of its own. */
  readonly bundle: Bundle | null;
}

/** Decides for one alert of a run after the other which email it goes into. */
export interface Bundler {
  bundle(notify: Notify): BundledNotify;
  /** The alerts could not be written: their places among the recipients' single emails are free again. */
  release(notify: BundledNotify): void;
}

export function createBundler({ digest, maxPerRun }: Bundling): Bundler {
  const singles = new Map<string, number>();

  const bundleFor = ({ id }: Recipient): Bundle | null => {
    if (digest) return 'digest';
    const before = singles.get(id) ?? 0;
    if (before >= maxPerRun) return 'summary';
    singles.set(id, before + 1);
    return null;
  };

  return {
    bundle(notify) {
      const addressees = notify.recipients.map((recipient) => ({ recipient, bundle: bundleFor(recipient) }));
      return { ...notify, addressees };
    },
    release({ addressees }) {
      for (const { recipient, bundle } of addressees) {
        if (bundle === null) singles.set(recipient.id, (singles.get(recipient.id) ?? 1) - 1);
      }
    },
  };
}
