import { lastNotifications } from '../../db/notification-history.ts';
import type { NewAlert } from '../../db/outbox.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { AlertView, LastNotified } from '../../domain/alert.ts';
import type { Counts, Issue } from '../../domain/issue.ts';
import { oneLine } from '../../domain/text.ts';
import type { Recipient } from '../../domain/trigger.ts';
import type { EmailSettings } from '../../mail/email-settings.ts';
import { shownIssue } from '../../mail/format.ts';
import { issueLink } from '../../mail/link.ts';
import { alertSubject, subjectLine } from '../../mail/subject.ts';
import { asError } from '../../runtime/errors.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { alertFacts, weekCounts } from './alert-facts.ts';
import type { Addressee, BundledNotify } from './bundle.ts';

/** Longest reason of a verdict, in UTF-16 units. */
export const MAX_BECAUSE = 1_000;

export interface RenderedAlerts {
  readonly alerts: readonly NewAlert[];
  /** Decisions whose subject or template threw. None of their alerts is written. */
  readonly failures: readonly { readonly notify: BundledNotify; readonly error: Error }[];
}

/**
 * Turns decisions into alerts. An alert with an email of its own uses the trigger's subject and template. A bundled
 * alert needs neither, so they can't make it fail. The alerts of one issue are written together or not at all: if one
 * fails, the whole issue is evaluated again.
 */
export async function renderAlerts(
  tx: Transaction,
  ready: ReadyTrigger,
  decisions: readonly BundledNotify[],
  ranAt: Date,
  settings: EmailSettings,
): Promise<RenderedAlerts> {
  const alerts: NewAlert[] = [];
  const failures: { notify: BundledNotify; error: Error }[] = [];
  if (decisions.length === 0) return { alerts, failures };
  const contentOf = await contentsOf(tx, ready, decisions, ranAt, settings);
  for (const notify of decisions) {
    try {
      const content = contentOf(notify);
      alerts.push(...notify.addressees.map((addressee) => renderOne(ready, notify, addressee, content)));
    } catch (thrown) {
      failures.push({ notify, error: asError(thrown) });
    }
  }
  return { alerts, failures };
}

/** The part of an alert that all recipients of a decision share. */
interface Content {
  readonly because: string;
  readonly defaultSubject: string;
  readonly week: Counts;
  /** Null if every recipient gets the alert in a shared email, which shows less. */
  readonly view: Omit<AlertView, 'recipient' | 'otherRecipients' | 'lastNotified'> | null;
  readonly lastNotified: (recipient: Recipient) => LastNotified | null;
}

/** Reads what the alerts of all decisions show, and no more: a shared email has no hours, tags or days. */
async function contentsOf(
  tx: Transaction,
  { trigger }: ReadyTrigger,
  decisions: readonly BundledNotify[],
  ranAt: Date,
  { subjectPrefix, issueUrl }: EmailSettings,
): Promise<(notify: BundledNotify) => Content> {
  const [own, shared] = [decisions.filter(hasOwnEmail), decisions.filter((notify) => !hasOwnEmail(notify))];
  const factsOf = await alertFacts(tx, own.map(issueOf), ranAt);
  const lastOf = await lastNotifiedOf(tx, own);
  const weeks = await weekCounts(tx, shared.map(issueOf), ranAt);
  return (notify) => {
    const issue = shownIssue(notify.issue);
    const because = oneLine(notify.because, MAX_BECAUSE);
    const defaultSubject = alertSubject(issue.message, trigger.name, subjectPrefix);
    if (!hasOwnEmail(notify)) {
      const week = weeks.get(issue.id) ?? NO_EVENTS;
      return { because, defaultSubject, week, view: null, lastNotified: () => null };
    }
    const facts = factsOf(notify.issue);
    const link = issueLink(issueUrl, issue.groupId);
    const view = {
      trigger: trigger.name,
      issue,
      because,
      ranAt: new Date(ranAt),
      ...facts,
      link,
      subjectPrefix,
    };
    return {
      because,
      defaultSubject,
      week: facts.week,
      view,
      lastNotified: (recipient) => lastOf(notify, recipient),
    };
  };
}

/** Reads when each recipient of an email of its own was last notified of the issue. */
async function lastNotifiedOf(
  tx: Transaction,
  decisions: readonly BundledNotify[],
): Promise<(notify: BundledNotify, recipient: Recipient) => LastNotified | null> {
  const pairs = decisions.flatMap(({ issue, addressees }) =>
    addressees
      .filter(({ bundle }) => bundle === null)
      .map(({ recipient }) => ({ recipientId: recipient.id, issueId: issue.id })),
  );
  const found = await lastNotifications(tx, pairs);
  const keyOf = (recipientId: string, issueId: string) => `${recipientId} ${issueId}`;
  const byPair = new Map(
    pairs.map(({ recipientId, issueId }, index) => [keyOf(recipientId, issueId), found[index] ?? null]),
  );
  return ({ issue }, recipient) => byPair.get(keyOf(recipient.id, issue.id)) ?? null;
}

const NO_EVENTS: Counts = { events: 0, users: 0 };

function hasOwnEmail({ addressees }: BundledNotify): boolean {
  return addressees.some(({ bundle }) => bundle === null);
}

function issueOf({ issue }: BundledNotify): Issue {
  return issue;
}

function renderOne(
  { trigger, template }: ReadyTrigger,
  { issue, addressees }: BundledNotify,
  { recipient, bundle }: Addressee,
  { because, defaultSubject, week, view, lastNotified }: Content,
): NewAlert {
  const own: AlertView | null =
    bundle === null && view !== null
      ? {
          ...view,
          recipient: recipient.email,
          otherRecipients: addressees
            .map((other) => other.recipient.email)
            .filter((email) => email !== recipient.email),
          lastNotified: lastNotified(recipient),
        }
      : null;
  const subject = own === null ? undefined : trigger.subject?.(own);
  return {
    trigger: trigger.name,
    recipientId: recipient.id,
    issueId: issue.id,
    because,
    subject: subjectLine(subject ?? defaultSubject),
    ...(own === null ? { text: '', html: null } : template.render(own)),
    bundle,
    events: week.events,
    users: week.users,
  };
}
