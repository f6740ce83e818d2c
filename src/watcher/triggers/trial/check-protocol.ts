import { messageGuard } from '../../../runtime/message-guard.ts';
import type { LoadedTrigger } from '../load.ts';

/** A trigger as the thread that checks its file can send it: functions can't leave their thread. */
export interface ListedTrigger {
  readonly name: string;
  readonly emails: readonly string[];
  readonly enabled: boolean;
  readonly templateName: string;
  /** Whether the template has HTML. */
  readonly html: boolean;
}

/** From the thread that checks a trigger file. */
export type CheckReport =
  /** It tries this trigger now. `place`: of its `evaluate`, as `file:line:column`. */
  | { readonly type: 'trying'; readonly label: string; readonly place: string | null }
  | { readonly type: 'mistakes'; readonly mistakes: readonly string[] }
  /** All is checked. */
  | { readonly type: 'done'; readonly triggers: readonly ListedTrigger[] };

export function listed({ trigger, enabled, templateName, template }: LoadedTrigger): ListedTrigger {
  return { name: trigger.name, emails: trigger.emails, enabled, templateName, html: template.html };
}

export const isCheckReport = messageGuard<CheckReport>(['trying', 'mistakes', 'done']);
