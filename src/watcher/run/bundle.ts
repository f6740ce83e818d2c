import type { Bundle } from '../../domain/alert.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { Notify } from '../evaluator/evaluate.ts';

/** Settings that decide how a run's alerts become emails. */
export interface Bundling {
  /** `ALERT_DIGEST=run`: each recipient gets one email for each run. */
  readonly digest: boolean;
  /**
   * `ALERT_MAX_PER_RUN`: number of single-alert emails for each recipient and run. One more email sums up the other
   * alerts.
   */
  readonly maxPerRun: number;
}

/** A decision to notify, with the kind of email that each recipient gets. */
export interface BundledNotify extends Notify {
  readonly addressees: readonly Addressee[];
}

export interface Addressee {
  readonly recipient: Recipient;
  /** Null for an email of its own. */
  readonly bundle: Bundle | null;
}

/** Decides for each alert of a run, one after the other, which email it becomes part of. */
export interface Bundler {
  bundle(notify: Notify): BundledNotify;
  /**
   * Call this if the alerts could not be written, so that they don't count towards the limit of single-alert emails.
   */
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
