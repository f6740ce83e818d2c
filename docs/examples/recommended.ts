import * as bec from 'bec-alerts';

/** Each address gets each of these alerts. */
const emails = ['oncall@example.com'];

/**
 * All shipped triggers. An earlier one names the reason in the subject. Ten users can wait, so milestones begin at 100.
 */
export default [
  bec.healthCheck(emails),
  bec.regression(emails),
  bec.spike(emails),
  bec.newIssueHitsUsers(emails),
  bec.newInRelease(emails),
  bec.newTopIssue(emails, { users: 5, againAfterDays: 7 }),
  bec.userMilestones(emails, { milestones: [100, 1_000, 10_000, 100_000, 1_000_000] }),
];
