import { existsSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import type { AlertView } from '../domain/alert.ts';
import { plainLines } from '../domain/text.ts';
import { compileTemplate, OWN_TEMPLATES } from './compile-template.ts';
import * as format from './format.ts';
import { strangersHtml } from './html.ts';
import { SAMPLE_ALERT } from './sample-alert.ts';

/** An email's two bodies. */
export interface Body {
  readonly text: string;
  /** Null where the template is of text alone. */
  readonly html: string | null;
}

/** Renders one kind of alert. */
export interface Template {
  /** The file of the text. */
  readonly file: string;
  /** Whether there is HTML beside it. */
  readonly html: boolean;
  render(alert: AlertView): Body;
}

/** The templates that a trigger may name without having a file of its own. */
export const BUILT_IN_TEMPLATES = ['basic-alert'] as const;

/** Longest body, in UTF-16 units. SES takes 10 MB; nobody reads a hundredth of it. */
const MAX_BODY = 200_000;

/**
 * Loads a template and tries it on a made-up alert. `name` is a file beside the trigger file, with or without its
 * `.txt.eta` or `.eta`, or one of ours; an `.html.eta` of the same name is its HTML.
 * @param directory of the trigger file; null for the built-in triggers
 * @throws Error naming the template and where it was looked for, or what is wrong in it
 */
export async function loadTemplate(name: string, directory: string | null): Promise<Template> {
  if (name.endsWith('.html.eta')) {
    throw new Error(
      `template "${name}" is the HTML of a template: name its text, and the .html.eta beside it is found`,
    );
  }
  const file = templateFile(name, directory);
  if (file === null) {
    throw new Error(
      `template "${name}" is neither built in (${BUILT_IN_TEMPLATES.join(', ')}) nor a file${directory === null ? '' : ` beside the trigger file: ${candidates(name, directory).join(', ')}`}`,
    );
  }
  const twin = file.replace(/(\.txt)?\.eta$/, '.html.eta');
  const sample = shown(SAMPLE_ALERT);
  const text = await compileTemplate(file, 'text', sample);
  const html = twin !== file && existsSync(twin) ? await compileTemplate(twin, 'html', sample) : null;
  return {
    file,
    html: html !== null,
    render: (alert) => ({
      text: plainLines(text(shown(alert)), MAX_BODY),
      html: html === null ? null : boundedHtml(html(shown(alert))),
    }),
  };
}

/** The trigger file's own first: whoever puts a `basic-alert.txt.eta` there wants it. */
function templateFile(name: string, directory: string | null): string | null {
  const own = (BUILT_IN_TEMPLATES as readonly string[]).includes(name)
    ? [join(OWN_TEMPLATES, `${name}.txt.eta`)]
    : [];
  return [...candidates(name, directory), ...own].find((file) => existsSync(file)) ?? null;
}

function candidates(name: string, directory: string | null): string[] {
  if (directory === null) return [];
  const file = resolve(directory, name);
  return extname(name) === '.eta' ? [file] : [`${file}.txt.eta`, `${file}.eta`];
}

/** What a template has at hand, as `it`. Public: trigger authors' templates use it (docs/triggers.md). */
function shown(alert: AlertView): object {
  return {
    ...format,
    alert,
    stranger: strangersHtml,
    before: (date: Date) => format.before(date, alert.ranAt),
  };
}

/** HTML that is cut off somewhere is no HTML; the text alone is sent then. */
function boundedHtml(html: string): string | null {
  return html.length > MAX_BODY ? null : plainLines(html, MAX_BODY);
}
