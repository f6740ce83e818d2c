import { topIssues } from '../../src/db/counts.ts';
import { createPool } from '../../src/db/pool.ts';
import { oneLine, plural } from '../../src/domain/text.ts';
import { utcDay } from '../../src/domain/time.ts';
import type { StoredEmail } from '../services.ts';
import { storedEmails } from '../services.ts';
import type { Stack } from '../stack.ts';
import type { Terminal } from './terminal.ts';
import { number } from './terminal.ts';

const DAYS = 7;
const SHOWN_ISSUES = 10;
const LONGEST_LINE = 160;

/** The issues with the most events, as the triggers see them. */
export async function showTopIssues({ databaseUrl }: Stack, terminal: Terminal): Promise<void> {
  const pool = createPool({
    connectionString: databaseUrl,
    applicationName: 'bec-alerts demo',
    max: 1,
    statementTimeoutMilliseconds: 30_000,
    onIdleError: () => undefined,
  });
  try {
    const since = utcDay(new Date(Date.now() - DAYS * 86_400_000));
    const top = await topIssues(pool, { since, limit: SHOWN_ISSUES, by: 'events', excludeModules: [] });
    const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM issues');
    terminal.heading(`Top ${top.length} of ${number(Number(rows[0]?.count))} issues, last ${DAYS} days`);
    terminal.table(
      ['issue', 'events', 'users'],
      top.map(({ issue, events, users }) => [issue.message, number(events), number(users)]),
    );
    terminal.aside('\nAbove 150, counts are estimates with a standard error of 2.3 %.');
  } finally {
    await pool.end();
  }
}

/** Prints every email that arrived, and the one that contains `holding` in full. */
export async function showEmails(stack: Stack, holding: string, terminal: Terminal): Promise<void> {
  const emails = await storedEmails(stack.ses.endpoint);
  terminal.heading(`${plural(emails.length, 'email', number(emails.length))} arrived`);
  const full = emails.find(({ text }) => text.includes(holding));
  if (full === undefined) {
    throw new Error(
      `no email notifies of the simulated error "${holding}"; the watcher should have sent one`,
    );
  }
  for (const email of emails.filter((each) => each !== full)) envelope(email, terminal);
  envelope(full, terminal);
  for (const line of full.text.trimEnd().split('\n')) {
    terminal.line(`    ${printable(line)}`.trimEnd());
  }
}

function envelope({ to, subject }: StoredEmail, terminal: Terminal): void {
  terminal.item('To', to.join(', '));
  terminal.item('Subject', oneLine(subject, LONGEST_LINE));
  terminal.line();
}

/** The line with its columns, but without control characters, which could move the cursor. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, '\u{FFFD}').slice(0, LONGEST_LINE);
}
