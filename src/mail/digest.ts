import { join } from 'node:path';
import type { Bundle } from '../domain/alert.ts';
import type { StackFrame } from '../domain/issue.ts';
import { plainLines, plural } from '../domain/text.ts';
import { compileTemplate, OWN_TEMPLATES } from './compile-template.ts';
import * as format from './format.ts';
import { strangersHtml } from './html.ts';
import { SAMPLE_ALERT } from './sample-alert.ts';

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
  /** Null where it would make the email larger than SES takes. */
  readonly html: string | null;
}

export type DigestRenderer = (view: DigestView) => RenderedDigest;

const MAX_TITLE = 200;
/** Both bodies, in UTF-8: SES takes 10 MB of an email as it is sent, which base64 makes a third larger. */
const MAX_BYTES = 7_000_000;

/** Reads and compiles the templates of emails that tell of several alerts. */
export async function loadDigest(): Promise<DigestRenderer> {
  const sample = shown(SAMPLE_DIGEST);
  const text = await compileTemplate(join(OWN_TEMPLATES, 'digest.txt.eta'), 'text', sample);
  const html = await compileTemplate(join(OWN_TEMPLATES, 'digest.html.eta'), 'html', sample);
  return (digest) => {
    const it = shown(digest);
    const told = text(it);
    return { subject: subject(digest), text: told, html: boundedHtml(html(it), Buffer.byteLength(told)) };
  };
}

/** HTML without unseen characters. A stranger's text becomes up to twenty times as long in it; the text is sent alone then. */
function boundedHtml(html: string, textBytes: number): string | null {
  return textBytes + Buffer.byteLength(html) > MAX_BYTES ? null : plainLines(html, MAX_BYTES);
}

function shown(digest: DigestView): object {
  return {
    ...format,
    digest,
    stranger: strangersHtml,
    title: ({ message }: DigestEntry) => format.cut(message, MAX_TITLE),
    alerts,
    count,
    headline: headline(digest),
    note: format.bandNote(...digest.groups.flatMap(({ entries }) => entries)),
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
  const what = alerts(total(view), more);
  const triggers = view.groups.map(({ trigger }) => trigger).join(', ');
  return format.subjectLine(`${view.subjectPrefix} ${what}: ${triggers}`);
}

function headline(view: DigestView): string {
  const all = alerts(total(view));
  if (view.bundle === 'digest') return `${all} of one run`;
  return `${all} beyond the ${alerts(view.mailedAlone)} of the same run that were mailed one by one`;
}

function alerts(value: number, which = ''): string {
  return plural(value, `${which}alert`, format.number(value));
}

/** Tries every part of the templates. */
const SAMPLE_DIGEST: DigestView = {
  bundle: 'summary',
  recipient: SAMPLE_ALERT.recipient,
  runId: '1',
  ranAt: SAMPLE_ALERT.ranAt,
  groups: [
    {
      trigger: SAMPLE_ALERT.trigger,
      entries: [
        {
          ...SAMPLE_ALERT.issue,
          ...SAMPLE_ALERT.week,
          because: SAMPLE_ALERT.because,
          link: SAMPLE_ALERT.link,
          crashSite: SAMPLE_ALERT.issue.stackFrames[0] ?? null,
        },
      ],
      more: 1,
    },
  ],
  remaining: 1,
  mailedAlone: 50,
  subjectPrefix: SAMPLE_ALERT.subjectPrefix,
};
