import * as bec from 'bec-alerts';

/** Each address gets each of these alerts. */
const emails = ['oncall@example.com'];

/** All shipped triggers with their defaults. An earlier one is more urgent, and names the reason in the subject. */
export default [
  bec.healthCheck(emails),
  bec.regression(emails),
  bec.spike(emails),
  bec.newIssueHitsUsers(emails),
  bec.newInRelease(emails),
  bec.newTopIssue(emails),
  bec.userMilestones(emails),
];
