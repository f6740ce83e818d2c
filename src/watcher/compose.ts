import type { BundledAlert, Pending } from '../db/outbox.ts';
import { bundledAlerts, bundleMembers } from '../db/outbox.ts';
import type { Db } from '../db/pool.ts';
import type { DigestEntry, DigestGroup, DigestRenderer } from '../mail/digest.ts';
import type { Email } from '../mail/mailer.ts';
import type { RenderSettings } from './render.ts';

/** An email that is ready to leave, and the alerts that it delivers. */
export interface ReadyEmail extends Email {
  readonly ids: readonly string[];
}

export interface ComposeSettings extends RenderSettings {
  /** `ALERT_MAX_PER_RUN`. */
  readonly maxPerRun: number;
  readonly renderDigest: DigestRenderer;
}

/** Alerts of one digest. A larger one is several emails: SES takes 10 MB, and this is about 1 MB. */
const MOST_IN_DIGEST = 1_000;
/** Alerts that a summary tells one by one; of the others it says how many they are. */
const MOST_IN_SUMMARY = 200;

/** The email that delivers the alert: its own, or the one that it shares with the others of its bundle. */
export async function compose(db: Db, alert: Pending, settings: ComposeSettings): Promise<ReadyEmail> {
  const { bundle } = alert;
  if (bundle === null) return { ...alert, ids: [alert.id] };
  const members = await bundleMembers(db, { ...alert, bundle });
  const mailed = bundle === 'digest' ? members.slice(0, MOST_IN_DIGEST) : members;
  const shown = bundle === 'digest' ? mailed : shownOf(mailed);
  const told = new Map(
    (
      await bundledAlerts(
        db,
        shown.map(({ id }) => id),
      )
    ).map((one) => [one.id, one]),
  );
  const { subject, text, html } = settings.renderDigest({
    bundle,
    recipient: alert.to,
    runId: alert.runId,
    ranAt: alert.ranAt,
    groups: groupsOf(mailed, told, settings),
    remaining: members.length - mailed.length,
    mailedAlone: settings.maxPerRun,
    subjectPrefix: settings.subjectPrefix,
  });
  return { to: alert.to, subject, text, html, ids: mailed.map(({ id }) => id) };
}

type Member = { readonly id: string; readonly trigger: string };

function byTrigger(members: readonly Member[]): Map<string, Member[]> {
  return Map.groupBy(members, ({ trigger }) => trigger);
}

/** Each trigger's first, so that one that floods doesn't hide the others. */
function shownOf(members: readonly Member[]): Member[] {
  const groups = byTrigger(members);
  const each = Math.max(1, Math.floor(MOST_IN_SUMMARY / groups.size));
  return [...groups.values()].flatMap((group) => group.slice(0, each));
}

function groupsOf(
  members: readonly Member[],
  told: ReadonlyMap<string, BundledAlert>,
  settings: RenderSettings,
): DigestGroup[] {
  return [...byTrigger(members)].map(([trigger, group]) => {
    const entries = group.flatMap(({ id }) => told.get(id) ?? []).map((one) => entryOf(one, settings));
    return { trigger, entries, more: group.length - entries.length };
  });
}

function entryOf(alert: BundledAlert, { issueUrl }: RenderSettings): DigestEntry {
  const link = issueUrl?.replaceAll('{groupId}', encodeURIComponent(alert.groupId)) ?? null;
  return { ...alert, link };
}
