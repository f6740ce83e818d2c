export type { AlertView } from './domain/alert.ts';
export type { Counts, Issue, RankedIssue, StackFrame } from './domain/issue.ts';
export type { Recipient, Trigger, TriggerContext, Verdict } from './domain/trigger.ts';
export { defineTrigger } from './domain/trigger.ts';
