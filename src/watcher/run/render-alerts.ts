import { recentCounts } from '../../db/daily-counts.ts';
import type { NewAlert } from '../../db/outbox.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { AlertView } from '../../domain/alert.ts';
import { oneLine } from '../../domain/text.ts';
import { firstDay } from '../../domain/time.ts';
import type { EmailSettings } from '../../mail/email-settings.ts';
import { shownIssue, subjectLine } from '../../mail/format.ts';
import { issueLink } from '../../mail/link.ts';
import { asError } from '../../runtime/errors.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import type { Addressee, BundledNotify } from './bundle.ts';

/** Longest reason of a verdict, in UTF-16 units. */
export const MAX_BECAUSE = 1_000;
const WEEK = 7;
const DAYS_SHOWN = 14;

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
 * Creates the part of the view that all recipients of a decision share. One query reads the counts of all decisions.
 */
async function viewsOf(
  tx: Transaction,
  { trigger }: ReadyTrigger,
  decisions: readonly BundledNotify[],
  ranAt: Date,
  { subjectPrefix, issueUrl }: EmailSettings,
): Promise<(notify: BundledNotify) => CommonView> {
  const window = { today: firstDay(ranAt, 0), weekSince: firstDay(ranAt, WEEK), days: DAYS_SHOWN };
  const issueIds = decisions.map(({ issue }) => issue.id);
  const recent = await recentCounts(tx, issueIds, window);
  return ({ issue, because }) => ({
    trigger: trigger.name,
    issue: shownIssue(issue),
    because: oneLine(because, MAX_BECAUSE),
    ranAt: new Date(ranAt),
    ...recent(issue.id),
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
