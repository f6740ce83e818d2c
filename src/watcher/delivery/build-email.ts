import type { BundledAlert, BundleMember, Pending } from '../../db/outbox.ts';
import { bundledAlerts, bundleMembers } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import type { Bundle } from '../../domain/alert.ts';
import type { DigestEntry, DigestGroup, DigestRenderer } from '../../mail/digest.ts';
import { issueLink } from '../../mail/link.ts';
import type { Email } from '../../mail/mailer.ts';
import type { RenderSettings } from '../run/render-alerts.ts';

/** The alerts that one email delivers, and what it tells of them. */
export interface Collected {
  readonly alert: Pending;
  readonly ids: readonly string[];
  /** Null for an alert that has an email of its own. */
  readonly bundle: CollectedBundle | null;
}

interface CollectedBundle {
  readonly kind: Bundle;
  readonly members: readonly BundleMember[];
  readonly told: readonly BundledAlert[];
  /** Alerts of the bundle that go into further emails. */
  readonly remaining: number;
}

export interface ComposeSettings extends RenderSettings {
  /** `ALERT_MAX_PER_RUN`. */
  readonly maxPerRun: number;
  readonly renderDigest: DigestRenderer;
}

/** Alerts of one digest. A larger one is several emails: SES takes 10 MB, and this is about 2 MB. */
const MOST_IN_DIGEST = 1_000;
/** Alerts that a summary tells one by one; of the others it says how many they are. */
const MOST_IN_SUMMARY = 200;

/** Finds the alerts of the email that the alert goes into. */
export async function collect(db: Db, alert: Pending): Promise<Collected> {
  if (alert.bundle === null) return { alert, ids: [alert.id], bundle: null };
  const kind = alert.bundle;
  const due = await bundleMembers(db, { ...alert, bundle: kind });
  const members = kind === 'digest' ? due.slice(0, MOST_IN_DIGEST) : due;
  const shown = kind === 'digest' ? members : shownOf(members);
  const told = await bundledAlerts(db, idsOf(shown));
  return {
    alert,
    ids: idsOf(members),
    bundle: { kind, members, told, remaining: due.length - members.length },
  };
}

/** Writes the email. */
export function compose({ alert, bundle }: Collected, settings: ComposeSettings): Email {
  if (bundle === null) return alert;
  const rendered = settings.renderDigest({
    bundle: bundle.kind,
    recipient: alert.to,
    runId: alert.runId,
    ranAt: alert.ranAt,
    groups: groupsOf(bundle, settings),
    remaining: bundle.remaining,
    mailedAlone: settings.maxPerRun,
    subjectPrefix: settings.subjectPrefix,
  });
  return { to: alert.to, ...rendered };
}

function idsOf(alerts: readonly { readonly id: string }[]): string[] {
  return alerts.map(({ id }) => id);
}

function byTrigger(members: readonly BundleMember[]): Map<string, BundleMember[]> {
  return Map.groupBy(members, ({ trigger }) => trigger);
}

/** Each trigger's first, so that one that floods doesn't hide the others. */
function shownOf(members: readonly BundleMember[]): BundleMember[] {
  const groups = byTrigger(members);
  const each = Math.max(1, Math.floor(MOST_IN_SUMMARY / groups.size));
  return [...groups.values()].flatMap((group) => group.slice(0, each));
}

function groupsOf({ members, told }: CollectedBundle, settings: RenderSettings): DigestGroup[] {
  const byId = new Map(told.map((alert) => [alert.id, alert]));
  return [...byTrigger(members)].map(([trigger, group]) => {
    const entries = group.flatMap(({ id }) => byId.get(id) ?? []).map((alert) => entryOf(alert, settings));
    return { trigger, entries, more: group.length - entries.length };
  });
}

function entryOf(alert: BundledAlert, { issueUrl }: RenderSettings): DigestEntry {
  return { ...alert, link: issueLink(issueUrl, alert.groupId) };
}
