import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Trigger } from '../domain/trigger.ts';
import type { Template } from '../mail/render.ts';
import { loadTemplate } from '../mail/render.ts';
import { asError } from '../runtime/errors.ts';

/** A trigger that is ready to judge: enabled, checked, its template at hand. */
export interface ReadyTrigger {
  readonly trigger: Trigger;
  readonly template: Template;
}

export class TriggerFileError extends Error {
  constructor(file: string, mistakes: readonly string[]) {
    super(`wrong triggers in ${file}\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
    this.name = 'TriggerFileError';
  }
}

const DEFAULT_TEMPLATE = 'basic-alert';

/**
 * Loads a trigger file: a module whose default export is an array of triggers. Node strips TypeScript's types itself.
 * @throws TriggerFileError naming the file
 */
export async function importTriggers(file: string): Promise<readonly unknown[]> {
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
  } catch (error) {
    throw new TriggerFileError(file, [`can't be loaded: ${asError(error).message}`]);
  }
  if (!Array.isArray(module.default)) {
    throw new TriggerFileError(file, ['the default export must be an array of triggers']);
  }
  return module.default;
}

function triggerSchema(isEmail: (text: string) => boolean) {
  const aFunction = z.custom<(...args: never[]) => unknown>(
    (value) => typeof value === 'function',
    'must be a function',
  );
  return z.object({
    name: z.string('must be text').regex(/^[^\p{Cc}]{1,100}$/u, 'must be 1 to 100 characters on one line'),
    emails: z.array(
      z.string('must be text').refine(isEmail, 'must be an ASCII email address'),
      'must be an array of email addresses',
    ),
    enabled: z.boolean('must be true or false').optional(),
    subject: aFunction.optional(),
    template: z.string('must be text').optional(),
    evaluate: aFunction,
  });
}

/**
 * Checks triggers and loads their templates; disabled ones are checked too, and left out.
 * @param source what to name in errors: the trigger file
 * @param directory where templates may lie; null for the built-in triggers
 * @throws TriggerFileError naming every mistake
 */
export async function readyTriggers(
  candidates: readonly unknown[],
  source: string,
  directory: string | null,
  isEmail: (text: string) => boolean,
): Promise<ReadyTrigger[]> {
  const schema = triggerSchema(isEmail);
  const mistakes: string[] = [];
  const names = new Set<string>();
  const ready: ReadyTrigger[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const checked = schema.safeParse(candidate);
    if (!checked.success) {
      for (const issue of checked.error.issues) {
        mistakes.push(
          `trigger ${index + 1}: ${issue.path.length === 0 ? 'it' : issue.path.join('.')} ${issue.message}`,
        );
      }
      continue;
    }
    const trigger = candidate as Trigger;
    if (names.has(trigger.name)) mistakes.push(`trigger ${index + 1}: name "${trigger.name}" is not unique`);
    names.add(trigger.name);
    try {
      const template = await loadTemplate(trigger.template ?? DEFAULT_TEMPLATE, directory);
      if (trigger.enabled !== false) ready.push({ trigger, template });
    } catch (error) {
      mistakes.push(`trigger ${index + 1}: ${asError(error).message}`);
    }
  }
  if (mistakes.length > 0) throw new TriggerFileError(source, mistakes);
  return ready;
}

/** Where a trigger file's templates lie. */
export function templateDirectory(file: string): string {
  return dirname(resolve(file));
}
