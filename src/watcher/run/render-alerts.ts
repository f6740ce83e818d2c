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
import type { Evaluator, NamedTrigger, Rendering } from '../evaluator/evaluator.ts';
import { alertFacts, weekCounts } from './alert-facts.ts';
import type { BundledNotify } from './bundle.ts';

/** Longest reason of a verdict, in UTF-16 units. */
export const MAX_BECAUSE = 1_000;

export interface RenderedAlerts {
  readonly alerts: readonly NewAlert[];
  /** Decisions whose subject or template threw. None of their alerts is written. */
  readonly failures: readonly { readonly notify: BundledNotify; readonly error: Error }[];
}

/** The parts of a run that rendering needs. */
export interface RenderDependencies {
  readonly tx: Transaction;
  readonly evaluator: Evaluator;
  readonly opened: { readonly ranAt: Date };
  readonly settings: EmailSettings;
  readonly signal: AbortSignal;
}

/**
 * Turns decisions into alerts. An alert with an email of its own uses the trigger's subject and template. A bundled
 * alert needs neither, so they can't make it fail. The alerts of one issue are written together or not at all: if one
 * fails, the whole issue is evaluated again.
 */
export async function renderAlerts(
  { tx, evaluator, opened: { ranAt }, settings, signal }: RenderDependencies,
  trigger: NamedTrigger,
  decisions: readonly BundledNotify[],
): Promise<RenderedAlerts> {
  const alerts: NewAlert[] = [];
  const failures: { notify: BundledNotify; error: Error }[] = [];
  if (decisions.length === 0) return { alerts, failures };
  const contentOf = await contentsOf(tx, trigger, decisions, ranAt, settings);
  const drafts = decisions.map((notify) => ({
    notify,
    drafts: draftsOf(trigger, notify, contentOf(notify)),
  }));
  const views = drafts.flatMap((one) => one.drafts.flatMap(({ view }) => view ?? []));
  const renderings = await evaluator.render(trigger, views, signal);
  const renderingOf = new Map(views.map((view, index) => [view, renderings[index]]));
  for (const { notify, drafts: ofIssue } of drafts) {
    try {
      alerts.push(...ofIssue.map((draft) => finished(draft, renderingOf)));
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
  trigger: NamedTrigger,
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

/** An alert before its trigger's code has rendered it. */
interface Draft {
  readonly alert: Omit<NewAlert, 'text' | 'html'>;
  /** Null for an alert in a shared email, which has a body of its own. */
  readonly view: AlertView | null;
}

function draftsOf(
  { name }: NamedTrigger,
  { issue, addressees }: BundledNotify,
  { because, defaultSubject, week, view, lastNotified }: Content,
): Draft[] {
  return addressees.map(({ recipient, bundle }) => ({
    alert: {
      trigger: name,
      recipientId: recipient.id,
      issueId: issue.id,
      because,
      subject: subjectLine(defaultSubject),
      bundle,
      events: week.events,
      users: week.users,
    },
    view:
      bundle === null && view !== null
        ? {
            ...view,
            recipient: recipient.email,
            otherRecipients: addressees
              .map((other) => other.recipient.email)
              .filter((email) => email !== recipient.email),
            lastNotified: lastNotified(recipient),
          }
        : null,
  }));
}

/** @throws the error of the trigger's subject or template */
function finished(
  { alert, view }: Draft,
  renderingOf: ReadonlyMap<AlertView, Rendering | undefined>,
): NewAlert {
  if (view === null) return { ...alert, text: '', html: null };
  const rendering = renderingOf.get(view);
  if (rendering === undefined) throw new Error('the alert was not rendered');
  if ('error' in rendering) throw rendering.error;
  const { subject, text, html } = rendering;
  return { ...alert, text, html, subject: subject === undefined ? alert.subject : subjectLine(subject) };
}
