import {
  healthCheck,
  newInRelease,
  newIssueHitsUsers,
  newTopIssue,
  regression,
  spike,
  userMilestones,
} from '../src/index.ts';

// All triggers that are shipped, with their defaults.
const emails = ['oncall@example.com'];

export default [
  healthCheck(emails),
  newIssueHitsUsers(emails),
  newTopIssue(emails),
  spike(emails),
  regression(emails),
  newInRelease(emails),
  userMilestones(emails),
];
