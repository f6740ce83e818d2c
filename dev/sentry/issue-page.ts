import { plainLines, plural } from '../../src/domain/text.ts';
import { time } from '../../src/domain/time.ts';
import { escapeHtml } from '../../src/mail/html.ts';
import type { KeptEvent, KeptException, KeptIssue } from './kept-issues.ts';

/** A page, and the HTTP status that it is answered with. */
export interface Page {
  readonly status: 200 | 404;
  readonly html: string;
}

const MAX_TEXT = 10_000;
const PATH = /^\/issues\/([^/]+)\/?$/;

/** The pattern of an issue's page, for `SENTRY_ISSUE_URL`. */
export function issueUrlPattern(origin: string): string {
  return `${origin}/issues/{groupId}/`;
}

/** The issue that a path asks for; null for another path. */
export function askedIssue(path: string): string | null {
  const [, encoded] = PATH.exec(path) ?? [];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** An issue with its last events. Everything that is printed came with an event, so all of it is escaped. */
export function issuePage(issue: KeptIssue): Page {
  const { groupId, projectId, title, count, events } = issue;
  const below = events.length < count ? `, the last ${events.length} below` : '';
  return page(
    200,
    title,
    `<dl>
<dt>Issue</dt><dd>${shown(groupId)}</dd>
<dt>Project</dt><dd>${shown(projectId)}</dd>
<dt>Forwarded</dt><dd>${plural(count, 'event')} since the stand-in started${below}</dd>
</dl>
${events.map(eventPart).join('\n')}`,
  );
}

/** Where nothing is known of the issue: why that may be, and how to get one that is. */
export function unknownIssuePage(groupId: string): Page {
  return page(
    404,
    'Not an issue of this stand-in',
    `<p>The stand-in for Sentry has forwarded no event of issue <strong>${shown(groupId)}</strong> since it started, or many
other issues had events after it.</p>
<p>The made-up browser errors of <code>npm run dev</code> and <code>npm run demo</code> never pass through it: they are put on the
queue as Sentry forwards them. A real Sentry has a page for each of them.</p>
<p>To see a page with events, run <code>npx bec-alerts simulate_error --message bec-alerts-healthcheck</code>, then
<code>npx bec-alerts watcher --once</code>, and open the link of its email.</p>`,
  );
}

function eventPart({ id, receivedAt, message, exceptions }: KeptEvent): string {
  const parts = exceptions.map(exceptionPart);
  if (message !== '') parts.unshift(`<p class="message">${shown(message)}</p>`);
  if (exceptions.length === 0) parts.push('<p>No stack: it is a message without an exception.</p>');
  return `<section>
<h2>${time(receivedAt)}</h2>
<p class="id">Event ${shown(id)}</p>
${parts.join('\n')}
</section>`;
}

function exceptionPart({ title, stack }: KeptException, index: number): string {
  const calls = stack.map((call) => `<li>${shown(call)}</li>`).join('\n');
  const list = stack.length === 0 ? '<p>It came without a stack.</p>' : `<ol>\n${calls}\n</ol>`;
  return `<h3>${index === 0 ? '' : 'Caused by '}${shown(title)}</h3>\n${list}`;
}

const STYLE = `:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
.stand-in, .id { opacity: 0.75; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin-bottom: 0; } h3 { font-size: 1rem; }
.id { margin-top: 0; } section { border-top: 1px solid #8886; margin-top: 1.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dt { font-weight: bold; } dd { margin: 0; }
ol { list-style: none; padding: 0; font: 0.9rem/1.6 ui-monospace, monospace; } .message { white-space: pre-wrap; }
code { font-family: ui-monospace, monospace; }`;

function page(status: Page['status'], title: string, body: string): Page {
  return {
    status,
    html: `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${shown(title)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<p class="stand-in">A stand-in for Sentry, on this machine alone</p>
<h1>${shown(title)}</h1>
${body}
</body>
</html>
`,
  };
}

/** Text of an event for a page: escaped, without invisible characters that change how the text looks. */
function shown(text: string): string {
  return escapeHtml(plainLines(text, MAX_TEXT));
}
