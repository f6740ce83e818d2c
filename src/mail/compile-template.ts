import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Eta, EtaRuntimeError } from 'eta';
import { oneLine } from '../domain/text.ts';
import { escapeHtml, Html } from './html.ts';

/** The folder of our own templates. */
export const OWN_TEMPLATES = join(import.meta.dirname, 'templates');

export type TemplateKind = 'text' | 'html';

/** A compiled template. Inside the template its argument is called `it`. */
export type Compiled = (it: object) => string;

const MAX_VALUE = 4_000;

/**
 * Compiles a template file once, and tries it on a sample. `<%= %>` escapes values by the template's kind: special
 * characters in HTML, line breaks and control characters in text.
 * @throws Error with the file and, if known, the line
 */
export async function compileTemplate(file: string, kind: TemplateKind, sample: object): Promise<Compiled> {
  const source = await readFile(file, 'utf8');
  try {
    const compiled = compile(source, file, kind, false);
    compiled(sample);
    return compiled;
  } catch (error) {
    throw new Error(`template ${file}: ${describeError(source, file, kind, sample, error)}`, {
      cause: error,
    });
  }
}

function compile(source: string, file: string, kind: TemplateKind, debug: boolean): Compiled {
  const eta = new Eta({
    autoEscape: true,
    autoTrim: false,
    useWith: false,
    escapeFunction: kind === 'html' ? printHtml : printText,
    // The folder in which include('./part') looks for files.
    views: dirname(file),
    cache: true,
    debug,
  });
  const compiled = eta.compile(source, { filepath: file });
  return (it) => eta.render(compiled, it, { filepath: file });
}

/**
 * Eta reports the line only in debug mode, which is slower. So a template that failed is tried once more in debug mode.
 */
function describeError(
  source: string,
  file: string,
  kind: TemplateKind,
  sample: object,
  first: unknown,
): string {
  try {
    compile(source, file, kind, true)(sample);
  } catch (error) {
    // If the template can't be compiled, the debug mode's error quotes code that isn't in the template.
    if (error instanceof EtaRuntimeError) return summary(error);
  }
  return summary(first);
}

/** Eta's message without the generated code below the `====`. */
function summary(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [text = ''] = message.split(/\n={4,}/);
  return text
    .trim()
    .replace(/\n\s*\n/g, '\n')
    .replaceAll('\n', '\n    ');
}

function printHtml(value: unknown): string {
  return value instanceof Html ? value.source : escapeHtml(printable(value));
}

function printText(value: unknown): string {
  return oneLine(printable(value), MAX_VALUE);
}

/** A misspelt property must not be printed as an empty value. */
function printable(value: unknown): string {
  if (value === undefined) throw new TypeError('it prints a value that is undefined: is the name misspelt?');
  return value === null ? '' : String(value);
}
