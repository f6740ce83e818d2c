import type { NewAlert } from '../../db/alerts.ts';
import { recentCounts } from '../../db/daily-counts.ts';
import type { Transaction } from '../../db/transaction.ts';
import type { AlertView } from '../../domain/alert.ts';
import { oneLine } from '../../domain/text.ts';
import { shownIssue, subjectLine } from '../../mail/format.ts';
import { issueLink } from '../../mail/link.ts';
import type { ReadyTrigger } from '../triggers/load.ts';
import type { Decision } from './evaluate.ts';
import { firstDay } from './trigger-context.ts';

export interface RenderSettings {
  readonly subjectPrefix: string;
  /** With `{groupId}` in it; undefined for no link. */
  readonly issueUrl: string | undefined;
}

/** Characters of a verdict's reason. */
export const MAX_BECAUSE = 1_000;
const WEEK = 7;
const DAYS_SHOWN = 14;

/** Turns decisions into alerts with subject and body. A subject or template that throws fails its alert's issue. */
export async function render(
  tx: Transaction,
  ready: ReadyTrigger,
  decisions: readonly Decision[],
  ranAt: Date,
  settings: RenderSettings,
): Promise<{ alerts: NewAlert[]; failures: { decision: Decision; error: unknown }[] }> {
  const alerts: NewAlert[] = [];
  const failures: { decision: Decision; error: unknown }[] = [];
  for (const { decision, views } of await viewsOf(tx, ready, decisions, ranAt, settings)) {
    try {
      // All of an issue's alerts or none: one that failed is judged again as a whole.
      alerts.push(...views.map((view) => renderOne(ready, decision, view)));
    } catch (error) {
      failures.push({ decision, error });
    }
  }
  return { alerts, failures };
}

interface RecipientView {
  readonly recipientId: string;
  readonly view: AlertView;
}

/** What each decision's recipients are shown; the counts of all of them in one query. */
async function viewsOf(
  tx: Transaction,
  { trigger }: ReadyTrigger,
  decisions: readonly Decision[],
  ranAt: Date,
  { subjectPrefix, issueUrl }: RenderSettings,
): Promise<{ decision: Decision; views: RecipientView[] }[]> {
  if (decisions.length === 0) return [];
  const recent = await recentCounts(
    tx,
    decisions.map(({ issue }) => issue.id),
    { today: firstDay(ranAt, 0), weekSince: firstDay(ranAt, WEEK), days: DAYS_SHOWN },
  );
  return decisions.map((decision) => {
    const common = {
      trigger: trigger.name,
      issue: shownIssue(decision.issue),
      because: oneLine(decision.because, MAX_BECAUSE),
      ranAt: new Date(ranAt),
      ...recent(decision.issue.id),
      link: issueLink(issueUrl, decision.issue.groupId),
      subjectPrefix,
    };
    const views = decision.recipients.map(({ id, email }) => ({
      recipientId: id,
      view: { ...common, recipient: email },
    }));
    return { decision, views };
  });
}

function renderOne(
  { trigger, template }: ReadyTrigger,
  { issue }: Decision,
  { recipientId, view }: RecipientView,
): NewAlert {
  return {
    trigger: trigger.name,
    recipientId,
    issueId: issue.id,
    because: view.because,
    subject: subjectLine((trigger.subject ?? defaultSubject)(view)),
    ...template.render(view),
    events: view.week.events,
    users: view.week.users,
  };
}

function defaultSubject({ subjectPrefix, trigger, issue }: AlertView): string {
  return `${subjectPrefix} ${trigger}: ${issue.message}`;
}
