import { newTopIssue, userMilestones } from 'bec-alerts';

const emails = ['oncall@example.com'];

export default [newTopIssue(emails), userMilestones(emails)];
