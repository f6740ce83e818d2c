import { join } from 'node:path';
import type { Bundle } from '../domain/alert.ts';
import type { StackFrame } from '../domain/issue.ts';
import type { Silence } from '../domain/silence.ts';
import { authorAndReason, scopeOf, untilWhen } from '../domain/silence.ts';
import { plainLines, plural } from '../domain/text.ts';
import { seen } from './alert-parts.ts';
import { compileTemplate, OWN_TEMPLATES } from './compile-template.ts';
import * as format from './format.ts';
import { untrustedHtml } from './html.ts';
import { SAMPLE_ALERT } from './sample-alert.ts';
import { digestSubject } from './subject.ts';

/** One alert in an email with several. */
export interface DigestEntry {
  readonly message: string;
  readonly because: string;
  /** Empty if the event names no module. */
  readonly module: string;
  /** Null if the event has no stack. */
  readonly crashSite: StackFrame | null;
  /** Events over seven days, at the time of the run. */
  readonly events: number;
  /** Affected users over seven days, at the time of the run. */
  readonly users: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** The release of the first event; null if it names no release. */
  readonly firstRelease: string | null;
  readonly link: string | null;
}

/** A trigger's alerts. */
export interface DigestGroup {
  readonly trigger: string;
  /** The alerts shown one by one, the most affected users first. */
  readonly entries: readonly DigestEntry[];
  /** The number of alerts that aren't shown one by one. */
  readonly more: number;
}

/** A silence that held during the run, so that no alert of its issue is in the email. */
export interface DigestSilence extends Silence {
  /** Sentry's id of the issue. */
  readonly groupId: string;
}

/** The content of one email with several alerts. */
export interface DigestView {
  readonly bundle: Bundle;
  readonly recipient: string;
  readonly runId: string;
  readonly ranAt: Date;
  readonly groups: readonly DigestGroup[];
  /** Number of alerts of the same bundle that follow in further emails. */
  readonly remaining: number;
  /** For a summary: number of the run's alerts that have an email of their own. */
  readonly mailedAlone: number;
  readonly subjectPrefix: string;
  readonly silences: {
    readonly listed: readonly DigestSilence[];
    /** Number of further silences. */
    readonly more: number;
  };
}

export interface RenderedDigest {
  readonly subject: string;
  readonly text: string;
  /** Null if it would make the email larger than SES accepts. */
  readonly html: string | null;
}

export type DigestRenderer = (view: DigestView) => RenderedDigest;

const MAX_TITLE = 200;
const MAX_ID = 100;
/** An issue's id, a trigger, a person and a reason of 500 characters fit. */
const MAX_SILENCE = 900;
/**
 * Limit for both bodies together, in UTF-8. SES accepts emails of 10 MB, and base64 makes the bodies a third larger.
 */
const MAX_BYTES = 7_000_000;

/** Reads and compiles the templates of emails with several alerts. */
export async function loadDigest(): Promise<DigestRenderer> {
  const sample = shown(SAMPLE_DIGEST);
  const text = await compileTemplate(join(OWN_TEMPLATES, 'digest.txt.eta'), 'text', sample);
  const html = await compileTemplate(join(OWN_TEMPLATES, 'digest.html.eta'), 'html', sample);
  return (digest) => {
    const it = shown(digest);
    const body = text(it);
    return { subject: subject(digest), text: body, html: boundedHtml(html(it), Buffer.byteLength(body)) };
  };
}

/**
 * HTML without invisible characters. Untrusted text can become twenty times longer in it. If the email would then be
 * too large, only the text is sent.
 */
function boundedHtml(html: string, textBytes: number): string | null {
  return textBytes + Buffer.byteLength(html) > MAX_BYTES ? null : plainLines(html, MAX_BYTES);
}

function shown(digest: DigestView): object {
  return {
    ...format,
    digest,
    untrusted: untrustedHtml,
    seen: (entry: DigestEntry) => seen(entry, digest.ranAt),
    title: ({ message }: DigestEntry) => format.cut(message, MAX_TITLE),
    silenced,
    alerts,
    count,
    headline: headline(digest),
    note: format.bandNote(...digest.groups.flatMap(({ entries }) => entries)),
  };
}

/** `4200001 until 2026-05-06 20:00:00 UTC, by ann: the fix is on its way` */
function silenced(silence: DigestSilence): string {
  const which = silence.trigger === null ? '' : ` for ${scopeOf(silence)}`;
  const id = format.cut(silence.groupId, MAX_ID);
  return format.cut(`${id}${which} ${untilWhen(silence)}, ${authorAndReason(silence)}`, MAX_SILENCE);
}

/** The number of a group's alerts, shown or not. */
function count({ entries, more }: DigestGroup): number {
  return entries.length + more;
}

function total({ groups }: DigestView): number {
  return groups.reduce((sum, group) => sum + count(group), 0);
}

function subject(view: DigestView): string {
  const more = view.bundle === 'summary' ? 'more ' : '';
  const what = alerts(total(view), more);
  const triggers = view.groups.map(({ trigger }) => trigger);
  return digestSubject(what, triggers, view.subjectPrefix);
}

function headline(view: DigestView): string {
  const all = alerts(total(view));
  if (view.bundle === 'digest') return `${all} of one run`;
  return `${all} of one run, in addition to the ${alerts(view.mailedAlone)} that were sent one by one`;
}

function alerts(value: number, which = ''): string {
  return plural(value, `${which}alert`, format.number(value));
}

/** A sample that tries every part of the templates. */
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
  silences: {
    listed: [
      {
        id: '1',
        groupId: SAMPLE_ALERT.issue.groupId,
        trigger: SAMPLE_ALERT.trigger,
        end: { until: SAMPLE_ALERT.ranAt },
        because: SAMPLE_ALERT.because,
        by: 'sample',
        createdAt: SAMPLE_ALERT.ranAt,
        endedAt: null,
      },
    ],
    more: 1,
  },
};
