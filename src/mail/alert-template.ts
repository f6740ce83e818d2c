import { existsSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import type { AlertView } from '../domain/alert.ts';
import { silenceCommand } from '../domain/shell.ts';
import { plainLines } from '../domain/text.ts';
import * as parts from './alert-parts.ts';
import { compileTemplate, OWN_TEMPLATES } from './compile-template.ts';
import * as format from './format.ts';
import { untrustedHtml } from './html.ts';
import { SAMPLE_ALERT } from './sample-alert.ts';

/** An email's two bodies. */
export interface Body {
  readonly text: string;
  /** Null if the template has only text. */
  readonly html: string | null;
}

/** Renders one kind of alert. */
export interface Template {
  /** The text's template file. */
  readonly file: string;
  /** Whether the template has HTML too. */
  readonly html: boolean;
  render(alert: AlertView): Body;
}

/** Templates that a trigger may name without a file of its own. */
export const BUILT_IN_TEMPLATES = ['basic-alert'] as const;

/** Longest body, in UTF-16 units. SES accepts 10 MB, but nobody reads a hundredth of that. */
const MAX_BODY = 200_000;

/**
 * Loads a template and tries it on a sample alert. An `.html.eta` file of the same name is the template's HTML.
 * @param name a built-in template, or a file next to the trigger file, with or without its ending `.txt.eta` or `.eta`
 * @param directory the trigger file's folder; null for the built-in triggers
 * @throws Error with the template and the places where it was looked for, or with the mistake in it
 */
export async function loadTemplate(name: string, directory: string | null): Promise<Template> {
  if (name.endsWith('.html.eta')) {
    throw new Error(
      `template "${name}" is only the HTML of a template: name the text file, and the .html.eta next to it is found`,
    );
  }
  const file = templateFile(name, directory);
  if (file === null) {
    throw new Error(
      `template "${name}" is neither built in (${BUILT_IN_TEMPLATES.join(', ')}) nor a file${directory === null ? '' : ` next to the trigger file: ${candidates(name, directory).join(', ')}`}`,
    );
  }
  const htmlFile = file.replace(/(\.txt)?\.eta$/, '.html.eta');
  const sample = shown(SAMPLE_ALERT);
  const text = await compileTemplate(file, 'text', sample);
  const html =
    htmlFile !== file && existsSync(htmlFile) ? await compileTemplate(htmlFile, 'html', sample) : null;
  return {
    file,
    html: html !== null,
    render: (alert) => ({
      text: plainLines(text(shown(alert)), MAX_BODY),
      html: html === null ? null : boundedHtml(html(shown(alert))),
    }),
  };
}

/** Files next to the trigger file come first, so that a `basic-alert.txt.eta` there replaces the built-in template. */
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

/** The properties of `it` in a template. They are public: templates of trigger authors use them (docs/triggers.md). */
function shown(alert: AlertView): object {
  return {
    ...format,
    ...parts,
    alert,
    untrusted: untrustedHtml,
    silenceCommand: () => silenceCommand(alert.issue.groupId, "--for 8h --because '…'"),
    before: (date: Date) => format.before(date, alert.ranAt),
    ago: (date: Date) => format.ago(date, alert.ranAt),
  };
}

/** HTML that is too long can't be cut without breaking it. Then only the text is sent. */
function boundedHtml(html: string): string | null {
  return html.length > MAX_BODY ? null : plainLines(html, MAX_BODY);
}
