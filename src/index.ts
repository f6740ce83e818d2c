/**
 * The exports that the author of a trigger file imports from `bec-alerts`. A trigger file's default export is an array
 * of triggers; docs/triggers.md shows how to write one.
 *
 * Importing only types is enough. Node strips them, so the file needs no installed package next to it.
 *
 * ```ts
 * import type { Trigger } from 'bec-alerts';
 *
 * const crowd: Trigger = {
 *   name: 'Many users',
 *   emails: ['oncall@example.com'],
 *   async evaluate(issue, context) {
 *     const { users } = await context.counts(issue, { days: 7 });
 *     return users > 500
 *       ? { notify: true, because: `it affects ${users} users`, recipients: await context.neverNotified(issue) }
 *       : { notify: false };
 *   },
 * };
 *
 * export default [crowd];
 * ```
 *
 * @module
 */
export type { AlertFacts, AlertView, LastNotified, Novelty } from './domain/alert.ts';
export { estimate } from './domain/estimate.ts';
export type {
  BucketCounts,
  Counts,
  DayCounts,
  Issue,
  RankedIssue,
  StackFrame,
  TagCount,
} from './domain/issue.ts';
export type { Tag } from './domain/tags.ts';
export type { LastAlert, Recipient, Trigger, TriggerContext, Verdict } from './domain/trigger.ts';
export { defineTrigger } from './domain/trigger.ts';
export { healthCheck } from './triggers/health-check.ts';
export type { NewInReleaseOptions } from './triggers/new-in-release.ts';
export { newInRelease } from './triggers/new-in-release.ts';
export type { NewIssueHitsUsersOptions } from './triggers/new-issue-hits-users.ts';
export { newIssueHitsUsers } from './triggers/new-issue-hits-users.ts';
export type { NewTopIssueOptions } from './triggers/new-top-issue.ts';
export { newTopIssue } from './triggers/new-top-issue.ts';
export type { RegressionOptions } from './triggers/regression.ts';
export { regression } from './triggers/regression.ts';
export type { SpikeOptions } from './triggers/spike.ts';
export { spike } from './triggers/spike.ts';
export type { UserMilestonesOptions } from './triggers/user-milestones.ts';
export { userMilestones } from './triggers/user-milestones.ts';
