import { regression } from 'bec-alerts';

/** Notifies of an old issue that came back after at least 30 days without an event, from its first new event on. */
const backAfterQuiet = regression(['oncall@example.com'], {
  name: 'Back after a quiet month',
  quietDays: 30,
  events: 1,
  users: 1,
});

export default [backAfterQuiet];
