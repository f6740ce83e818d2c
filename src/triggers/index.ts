import type { Trigger } from '../domain/trigger.ts';
import { everyEvent, everyNewIssue } from './examples.ts';
import { healthCheck } from './health-check.ts';
import { newTopIssue } from './new-top-issue.ts';

/** The built-in triggers in the order in which they judge. @param emails whom they tell */
export function builtInTriggers(emails: readonly string[]): readonly Trigger[] {
  return [healthCheck(emails), newTopIssue(emails), everyEvent(emails), everyNewIssue(emails)];
}
