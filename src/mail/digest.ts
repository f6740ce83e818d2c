import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { Bundle } from '../domain/alert.ts';
import type { StackFrame } from '../domain/issue.ts';
import { oneLine } from '../domain/text.ts';

const TEMPLATES = join(import.meta.dirname, 'templates');
const MAX_SUBJECT = 200;
const MAX_LINE = 300;

/** One alert as an email of several shows it. */
export interface DigestEntry {
  readonly message: string;
  readonly because: string;
  /** Empty if Sentry doesn't say. */
  readonly module: string;
  /** Null where there is no stack. */
  readonly crashSite: StackFrame | null;
  /** Over seven days, when it was decided. */
  readonly events: number;
  readonly users: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly link: string | null;
}

/** A trigger's alerts: the most affected users first, and how many follow that aren't shown one by one. */
export interface DigestGroup {
  readonly trigger: string;
  readonly entries: readonly DigestEntry[];
  readonly more: number;
}

/** One email of several alerts. */
export interface DigestView {
  readonly bundle: Bundle;
  readonly recipient: string;
  readonly runId: string;
  readonly ranAt: Date;
  readonly groups: readonly DigestGroup[];
  /** Alerts of the same kind that follow in further emails. */
  readonly remaining: number;
  /** For a summary: how many alerts of the run got an email of their own. */
  readonly mailedAlone: number;
  readonly subjectPrefix: string;
}

export interface RenderedDigest {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export type DigestRenderer = (view: DigestView) => RenderedDigest;

/** Reads and compiles the templates of emails that tell of several alerts. */
export async function loadDigest(): Promise<DigestRenderer> {
  const plain = new Eta({ autoEscape: false, autoTrim: false, useWith: false });
  const escaped = new Eta({ autoEscape: true, autoTrim: false, useWith: false });
  const text = plain.compile(await readFile(join(TEMPLATES, 'digest.txt.eta'), 'utf8'));
  const html = escaped.compile(await readFile(join(TEMPLATES, 'digest.html.eta'), 'utf8'));
  return (digest) => {
    const shown = { digest, line, number, plural, counts, time, frame, count, headline: headline(digest) };
    return {
      subject: subject(digest),
      text: plain.render(text, shown),
      html: escaped.render(html, shown),
    };
  };
}

/** How many alerts a group holds, shown or not. */
function count({ entries, more }: DigestGroup): number {
  return entries.length + more;
}

function total({ groups }: DigestView): number {
  return groups.reduce((sum, group) => sum + count(group), 0);
}

function subject(view: DigestView): string {
  const more = view.bundle === 'summary' ? 'more ' : '';
  const what = `${number(total(view))} ${more}${total(view) === 1 ? 'alert' : 'alerts'}`;
  const triggers = view.groups.map(({ trigger }) => trigger).join(', ');
  return oneLine(`${view.subjectPrefix} ${what}: ${triggers}`, MAX_SUBJECT);
}

function headline(view: DigestView): string {
  const all = plural(total(view), 'alert');
  if (view.bundle === 'digest') return `${all} of one run`;
  return `${all} beyond the ${plural(view.mailedAlone, 'alert')} of the same run that were mailed one by one`;
}

/** A stranger's text: one line, without what could rearrange it. */
function line(value: string): string {
  return oneLine(value, MAX_LINE);
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function plural(value: number, one: string): string {
  return `${number(value)} ${one}${value === 1 ? '' : 's'}`;
}

function counts({ events, users }: DigestEntry): string {
  return `${plural(events, 'event')}, ${plural(users, 'affected user')} over 7 days`;
}

function time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function frame({ function: name, module, line: row, column }: StackFrame): string {
  const place = [module ?? '?', row, column].filter((part) => part !== null).join(':');
  return line(`at ${name ?? '?'}(${place})`);
}
