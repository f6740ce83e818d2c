import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Eta, EtaRuntimeError } from 'eta';
import { oneLine } from '../domain/text.ts';
import { escapeHtml, Html } from './html.ts';

/** Where our own templates lie. */
export const OWN_TEMPLATES = join(import.meta.dirname, 'templates');

export type TemplateKind = 'text' | 'html';

/** A compiled template; what it is called with is `it` in it. */
export type Compiled = (it: object) => string;

const MAX_VALUE = 4_000;

/**
 * Compiles a template file, once for all that it will render, and tries it on a sample. `<%= %>` escapes by the
 * kind: HTML's special characters, and in text anything that would leave its line.
 * @throws Error naming the file and, where it can be told, the line
 */
export async function compileTemplate(file: string, kind: TemplateKind, sample: object): Promise<Compiled> {
  const source = await readFile(file, 'utf8');
  try {
    const compiled = compile(source, file, kind, false);
    compiled(sample);
    return compiled;
  } catch (error) {
    throw new Error(`template ${file}: ${whatIsWrong(source, file, kind, sample, error)}`, { cause: error });
  }
}

function compile(source: string, file: string, kind: TemplateKind, debug: boolean): Compiled {
  const eta = new Eta({
    autoEscape: true,
    autoTrim: false,
    useWith: false,
    escapeFunction: kind === 'html' ? printHtml : printText,
    // Where include('./part') looks.
    views: dirname(file),
    cache: true,
    debug,
  });
  const compiled = eta.compile(source, { filepath: file });
  return (it) => eta.render(compiled, it, { filepath: file });
}

/** Eta tells the line only where it keeps count, which costs; so the template that failed is tried once more. */
function whatIsWrong(
  source: string,
  file: string,
  kind: TemplateKind,
  sample: object,
  first: unknown,
): string {
  try {
    compile(source, file, kind, true)(sample);
  } catch (error) {
    // Of a template that can't be compiled, the debug code's error names what the template doesn't hold.
    if (error instanceof EtaRuntimeError) return summary(error);
  }
  return summary(first);
}

/** Eta's message without the generated code below the `====`. */
function summary(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [told = ''] = message.split(/\n={4,}/);
  return told
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

/** A misspelt property must not pass for an empty one. */
function printable(value: unknown): string {
  if (value === undefined) throw new TypeError('a value that it prints is undefined: is its name misspelt?');
  return value === null ? '' : String(value);
}
