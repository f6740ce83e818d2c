import type { BundledAlert, BundleMember, Pending } from '../../db/outbox.ts';
import { bundledAlerts, bundleMembers } from '../../db/outbox.ts';
import type { Db } from '../../db/pool.ts';
import { silencesDuring } from '../../db/silences.ts';
import type { Bundle } from '../../domain/alert.ts';
import type { DigestGroup, DigestRenderer, DigestView } from '../../mail/digest.ts';
import type { EmailSettings } from '../../mail/email-settings.ts';
import { issueLink } from '../../mail/link.ts';
import type { Email } from '../../mail/mailer.ts';
import { CodedError } from '../../runtime/errors.ts';

/** An email with the alerts that it delivers. */
export interface BuiltEmail {
  /** The alert that is due. If the email is shared, one of its alerts. */
  readonly alert: Pending;
  /** Ids of all alerts that the email delivers. */
  readonly ids: readonly string[];
  /** The alerts of a shared email; empty for an alert with an email of its own. */
  readonly members: readonly BundleMember[];
  /** The email, or the error of rendering it: `mail_refused`, because the template would fail each time. */
  readonly email: Email | CodedError;
}

export interface BuildSettings extends EmailSettings {
  /** `ALERT_MAX_PER_RUN`. */
  readonly maxPerRun: number;
  readonly renderDigest: DigestRenderer;
}

/** Alerts in one digest, about 2 MB; SES accepts 10 MB. Further alerts go into further emails. */
const MOST_IN_DIGEST = 1_000;
/** Alerts that a summary shows one by one. Of the others it gives only the number. */
const MOST_IN_SUMMARY = 200;
/** Silences that a digest shows. Of the others it gives only the number. */
const MOST_SILENCES = 10;

/** Builds the alert's email: its own, or the one that it shares with the other alerts of its bundle. */
export async function buildEmail(db: Db, alert: Pending, settings: BuildSettings): Promise<BuiltEmail> {
  const { bundle } = alert;
  if (bundle === null) return { alert, ids: [alert.id], members: [], email: ownEmail(alert) };
  const due = await bundleMembers(db, { ...alert, bundle });
  const members = bundle === 'digest' ? due.slice(0, MOST_IN_DIGEST) : due;
  const shown = await bundledAlerts(db, idsOf(bundle === 'digest' ? members : shownOf(members)));
  const remaining = due.length - members.length;
  const silences =
    bundle === 'digest' ? await silencesDuring(db, alert.ranAt, MOST_SILENCES) : { listed: [], more: 0 };
  return {
    alert,
    ids: idsOf(members),
    members,
    email: renderBundle(alert, { bundle, members, shown, remaining, silences }, settings),
  };
}

/** An email about an issue continues the thread of the earlier ones, with their subject. */
function ownEmail({ thread, trigger, groupId, ...alert }: Pending): Email {
  const own = { ...emailOf(alert), alert: { trigger, groupId } };
  return thread === null ? { ...own, thread: 'first' } : { ...own, subject: thread.subject, thread };
}

function emailOf({ to, messageId, subject, text, html }: Omit<Email, 'thread' | 'alert'>): Email {
  return { to, messageId, subject, text, html, thread: null, alert: null };
}

interface BundleContent {
  readonly bundle: Bundle;
  readonly members: readonly BundleMember[];
  readonly shown: readonly BundledAlert[];
  /** Alerts of the bundle that go into further emails. */
  readonly remaining: number;
  readonly silences: DigestView['silences'];
}

function renderBundle(alert: Pending, content: BundleContent, settings: BuildSettings): Email | CodedError {
  try {
    const rendered = settings.renderDigest({
      bundle: content.bundle,
      recipient: alert.to,
      runId: alert.runId,
      ranAt: alert.ranAt,
      groups: groupsOf(content, settings),
      remaining: content.remaining,
      silences: content.silences,
      mailedAlone: settings.maxPerRun,
      subjectPrefix: settings.subjectPrefix,
    });
    return emailOf({ ...alert, ...rendered });
  } catch (cause) {
    return new CodedError('mail_refused', 'rendering the email failed', { retryable: false, cause });
  }
}

function idsOf(alerts: readonly { readonly id: string }[]): string[] {
  return alerts.map(({ id }) => id);
}

function byTrigger(members: readonly BundleMember[]): Map<string, BundleMember[]> {
  return Map.groupBy(members, ({ trigger }) => trigger);
}

/** The first alerts of each trigger, so that a trigger with very many alerts doesn't hide the others. */
function shownOf(members: readonly BundleMember[]): BundleMember[] {
  const groups = byTrigger(members);
  const each = Math.max(1, Math.floor(MOST_IN_SUMMARY / groups.size));
  return [...groups.values()].flatMap((group) => group.slice(0, each));
}

function groupsOf({ members, shown }: BundleContent, { issueUrl }: EmailSettings): DigestGroup[] {
  const byId = new Map(shown.map((alert) => [alert.id, alert]));
  return [...byTrigger(members)].map(([trigger, group]) => {
    const entries = group
      .flatMap(({ id }) => byId.get(id) ?? [])
      .map((alert) => ({ ...alert, link: issueLink(issueUrl, alert.groupId) }));
    return { trigger, entries, more: group.length - entries.length };
  });
}
