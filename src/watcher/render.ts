import type { NewAlert } from '../db/alerts.ts';
import { countsOf } from '../db/counts.ts';
import type { Transaction } from '../db/transaction.ts';
import type { AlertView } from '../domain/alert.ts';
import type { Counts } from '../domain/issue.ts';
import { storable } from '../domain/text.ts';
import { subjectLine } from '../mail/render.ts';
import { firstDay } from './context.ts';
import type { Decision } from './evaluate.ts';
import type { ReadyTrigger } from './load-triggers.ts';

export interface RenderSettings {
  readonly subjectPrefix: string;
  /** With `{groupId}` in it; undefined for no link. */
  readonly issueUrl: string | undefined;
}

const NOTHING: Counts = { events: 0, users: 0 };
const MAX_BECAUSE = 1_000;

/** Turns decisions into alerts with subject and body. A subject or template that throws fails its alert's issue. */
export async function render(
  tx: Transaction,
  { trigger, template }: ReadyTrigger,
  decisions: readonly Decision[],
  ranAt: Date,
  settings: RenderSettings,
): Promise<{ alerts: NewAlert[]; failures: { decision: Decision; error: unknown }[] }> {
  if (decisions.length === 0) return { alerts: [], failures: [] };
  const ids = decisions.map(({ issue }) => issue.id);
  const today = await countsOf(tx, ids, firstDay(ranAt, 0));
  const week = await countsOf(tx, ids, firstDay(ranAt, 7));
  const alerts: NewAlert[] = [];
  const failures: { decision: Decision; error: unknown }[] = [];
  for (const decision of decisions) {
    const { issue } = decision;
    const because = storable(decision.because, MAX_BECAUSE);
    const link = settings.issueUrl?.replaceAll('{groupId}', encodeURIComponent(issue.groupId)) ?? null;
    const views = decision.recipients.map((recipient): { recipientId: string; view: AlertView } => ({
      recipientId: recipient.id,
      view: {
        trigger: trigger.name,
        recipient: recipient.email,
        issue,
        because,
        ranAt,
        today: today.get(issue.id) ?? NOTHING,
        week: week.get(issue.id) ?? NOTHING,
        link,
        subjectPrefix: settings.subjectPrefix,
      },
    }));
    try {
      alerts.push(
        ...views.map(({ recipientId, view }) => ({
          trigger: trigger.name,
          recipientId,
          issueId: issue.id,
          because,
          subject: subjectLine((trigger.subject ?? defaultSubject)(view)),
          text: template(view),
          html: null,
          events: view.week.events,
          users: view.week.users,
        })),
      );
    } catch (error) {
      failures.push({ decision, error });
    }
  }
  return { alerts, failures };
}

function defaultSubject({ subjectPrefix, trigger, issue }: AlertView): string {
  return `${subjectPrefix} ${trigger}: ${issue.message}`;
}
