import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Eta } from 'eta';
import { oneLine } from '../domain/text.ts';
import { escapeHtml, Html } from './html.ts';

/** Where our own templates lie. */
export const OWN_TEMPLATES = join(import.meta.dirname, 'templates');

export type TemplateKind = 'text' | 'html';

/** A compiled template; what it is called with is `it` in it. */
export type Compiled = (it: object) => string;

const MAX_VALUE = 4_000;

/**
 * Compiles a template file, once for all that it will render. `<%= %>` escapes by the kind: HTML's special
 * characters, and in text anything that would leave its line.
 * @throws with the template's line where it isn't a template
 */
export async function compileTemplate(file: string, kind: TemplateKind): Promise<Compiled> {
  const source = await readFile(file, 'utf8');
  const config = {
    autoEscape: true,
    autoTrim: false as const,
    useWith: false,
    escapeFunction: kind === 'html' ? printHtml : printText,
    // Where include('./part') looks.
    views: dirname(file),
    cache: true,
  };
  const eta = new Eta(config);
  const compiled = eta.compile(source);
  return (it) => eta.render(compiled, it);
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
