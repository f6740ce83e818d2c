import type { NewAlert } from '../../db/outbox.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { AlertView } from '../../domain/alert.ts';
import { oneLine } from '../../domain/text.ts';
import type { EmailSettings } from '../../mail/email-settings.ts';
import { shownIssue, subjectLine } from '../../mail/format.ts';
import { issueLink } from '../../mail/link.ts';
import { asError } from '../../runtime/errors.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import { alertFacts } from './alert-facts.ts';
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
  const viewOf = await viewsOf(tx, ready, decisions, ranAt, settings);
  for (const notify of decisions) {
    try {
      const view = viewOf(notify);
      alerts.push(...notify.addressees.map((addressee) => renderOne(ready, notify, addressee, view)));
    } catch (thrown) {
      failures.push({ notify, error: asError(thrown) });
    }
  }
  return { alerts, failures };
}

type CommonView = Omit<AlertView, 'recipient'>;

/**
 * Creates the part of the view that all recipients of a decision share. The facts of all decisions are read at once.
 */
async function viewsOf(
  tx: Transaction,
  { trigger }: ReadyTrigger,
  decisions: readonly BundledNotify[],
  ranAt: Date,
  { subjectPrefix, issueUrl }: EmailSettings,
): Promise<(notify: BundledNotify) => CommonView> {
  const factsOf = await alertFacts(
    tx,
    decisions.map(({ issue }) => issue),
    ranAt,
  );
  return ({ issue, because }) => ({
    trigger: trigger.name,
    issue: shownIssue(issue),
    because: oneLine(because, MAX_BECAUSE),
    ranAt: new Date(ranAt),
    ...factsOf(issue),
    link: issueLink(issueUrl, issue.groupId),
    subjectPrefix,
  });
}

function renderOne(
  { trigger, template }: ReadyTrigger,
  { issue }: BundledNotify,
  { recipient, bundle }: Addressee,
  common: CommonView,
): NewAlert {
  const view = { ...common, recipient: recipient.email };
  const alone = bundle === null;
  return {
    trigger: trigger.name,
    recipientId: recipient.id,
    issueId: issue.id,
    because: view.because,
    subject: subjectLine(
      alone && trigger.subject !== undefined ? trigger.subject(view) : defaultSubject(view),
    ),
    ...(alone ? template.render(view) : { text: '', html: null }),
    bundle,
    events: view.week.events,
    users: view.week.users,
  };
}

function defaultSubject({ subjectPrefix, trigger, issue }: AlertView): string {
  return `${subjectPrefix} ${trigger}: ${issue.message}`;
}
