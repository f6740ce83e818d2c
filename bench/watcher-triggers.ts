import { builtInTriggers } from '../src/triggers/index.ts';

// The built-in triggers, and one that asks for each issue's counts.
const emails = ['oncall@example.com'];

export default [
  ...builtInTriggers(emails),
  {
    name: 'Affects many',
    emails,
    async evaluate(issue: { id: string }, context: { counts: CallableFunction }) {
      const { users } = await context.counts(issue, { days: 7 });
      return users > 1_000_000 ? { notify: true, because: `it affects ${users}` } : { notify: false };
    },
  },
];
