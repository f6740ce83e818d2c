import type { Trigger } from '../domain/trigger.ts';
import { everyEvent, everyNewIssue } from './examples.ts';
import { healthCheck } from './health-check.ts';
import { newTopIssue } from './new-top-issue.ts';

/** The built-in triggers in the order in which they are evaluated. @param emails their recipients */
export function builtInTriggers(emails: readonly string[]): readonly Trigger[] {
  return [healthCheck(emails), newTopIssue(emails), everyEvent(emails), everyNewIssue(emails)];
}
