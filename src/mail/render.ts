import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { Eta } from 'eta';
import type { AlertView } from '../domain/alert.ts';
import type { Counts, StackFrame } from '../domain/issue.ts';
import { oneLine } from '../domain/text.ts';

/** Longest subject, in UTF-16 units: what mail programs show at most, and short enough for every relay. */
export const MAX_SUBJECT = 200;
const MAX_LINE = 1_000;
const OWN_TEMPLATES = join(import.meta.dirname, 'templates');

/** Renders one kind of alert's body. */
export type Template = (alert: AlertView) => string;

/**
 * Loads a template: one of ours by its name, or a file beside the trigger file.
 * @param directory of the trigger file; null for the built-in triggers
 * @throws Error naming the template and where it was looked for
 */
export async function loadTemplate(name: string, directory: string | null): Promise<Template> {
  const file = templateFile(name, directory);
  if (file === null) {
    throw new Error(
      `template "${name}" is neither built in nor a file${directory === null ? '' : ` beside the trigger file in ${directory}`}`,
    );
  }
  const eta = new Eta({ autoEscape: false, autoTrim: false, useWith: false });
  const compiled = eta.compile(await readFile(file, 'utf8'));
  return (alert) => eta.render(compiled, { alert, text, counts, time, frame });
}

function templateFile(name: string, directory: string | null): string | null {
  if (/^[a-z0-9-]+$/.test(name)) {
    const own = join(OWN_TEMPLATES, `${name}.txt.eta`);
    if (existsSync(own)) return own;
  }
  if (directory === null) return null;
  const file = isAbsolute(name) ? name : resolve(directory, name);
  return existsSync(file) ? file : null;
}

/** The subject as it leaves: one line, no control characters, 200 at most. */
export function subjectLine(subject: string): string {
  return oneLine(subject, MAX_SUBJECT) || '(no subject)';
}

function text(value: string): string {
  return oneLine(value, MAX_LINE);
}

function counts({ events, users }: Counts): string {
  return `${number(events)} ${events === 1 ? 'event' : 'events'}, ${number(users)} affected ${users === 1 ? 'user' : 'users'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `at function(module:line:column)`, without what isn't known. */
function frame({ function: name, module, line, column }: StackFrame): string {
  if (module === null && line === null && name?.startsWith('…')) return text(name);
  const place = [module ?? '?', line, column].filter((part) => part !== null).join(':');
  return text(`at ${name ?? '?'}(${place})`);
}
