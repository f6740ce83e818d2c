import { dirname, resolve } from 'node:path';
import { oneLine } from '../../domain/text.ts';
import type { Trigger } from '../../domain/trigger.ts';
import type { Template } from '../../mail/alert-template.ts';
import { loadTemplate } from '../../mail/alert-template.ts';
import { SAMPLE_ALERT } from '../../mail/sample-alert.ts';
import { asError } from '../../runtime/errors.ts';
import { TriggerFileError } from './file.ts';
import { MAX_NAME, shapeMistakes, unknownKeyMistakes } from './shape.ts';

/** A trigger that is ready to evaluate issues: enabled and checked, with its template loaded. */
export interface ReadyTrigger {
  readonly trigger: Trigger;
  readonly template: Template;
}

/** A checked trigger, whether it is enabled or not. */
export interface LoadedTrigger extends ReadyTrigger {
  readonly enabled: boolean;
  /** As the trigger names it, or the default's name. */
  readonly templateName: string;
}

const DEFAULT_TEMPLATE = 'basic-alert';

/**
 * Checks triggers and loads their templates, those of disabled triggers too.
 * @param source what to name in errors: the trigger file
 * @param directory where templates may be; null for the built-in triggers
 * @throws TriggerFileError naming every mistake
 */
export async function loadTriggers(
  candidates: readonly unknown[],
  source: string,
  directory: string | null,
  isEmail: (text: string) => boolean,
): Promise<LoadedTrigger[]> {
  const mistakes: string[] = [];
  const loaded: LoadedTrigger[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const found = [...candidateMistakes(candidate, isEmail), ...nameMistakes(candidates, index)];
    const template = await templateOf(candidate, directory, found);
    if (template !== null && found.length === 0) {
      const trigger = candidate as Trigger;
      const templateName = trigger.template ?? DEFAULT_TEMPLATE;
      loaded.push({ trigger, template, templateName, enabled: trigger.enabled !== false });
    }
    mistakes.push(...found.map((mistake) => `${labelOf(candidate, index)}: ${mistake}`));
  }
  if (mistakes.length > 0) throw new TriggerFileError(source, mistakes);
  return loaded;
}

/** The folder of a trigger file's templates. */
export function templateDirectory(file: string): string {
  return dirname(resolve(file));
}

function candidateMistakes(candidate: unknown, isEmail: (text: string) => boolean): string[] {
  const mistakes = shapeMistakes(candidate, isEmail);
  const ofSubject = mistakes.length === 0 ? subjectMistakes(candidate) : [];
  return [...mistakes, ...unknownKeyMistakes(candidate), ...ofSubject];
}

function subjectMistakes(candidate: unknown): string[] {
  const { subject } = candidate as Trigger;
  if (subject === undefined) return [];
  try {
    const text: unknown = subject.call(candidate, SAMPLE_ALERT);
    return typeof text === 'string' ? [] : [`subject must return text, and returned ${typeof text}`];
  } catch (error) {
    return [`subject failed on a sample alert: ${asError(error).message}`];
  }
}

function nameMistakes(candidates: readonly unknown[], index: number): string[] {
  const name = nameOf(candidates[index]);
  if (name === null) return [];
  const first = candidates.findIndex((candidate) => nameOf(candidate) === name);
  return first === index ? [] : [`the name is taken: trigger ${first + 1} has it`];
}

async function templateOf(
  candidate: unknown,
  directory: string | null,
  mistakes: string[],
): Promise<Template | null> {
  const named = property(candidate, 'template') ?? DEFAULT_TEMPLATE;
  if (typeof named !== 'string') return null;
  try {
    // Without a name it is the built-in template, even if a file of its name is next to the trigger file.
    return await loadTemplate(named, property(candidate, 'template') === undefined ? null : directory);
  } catch (error) {
    mistakes.push(asError(error).message);
    return null;
  }
}

/** `trigger 2 (Many users)`, as mistakes begin. */
export function labelOf(candidate: unknown, index: number): string {
  const name = nameOf(candidate);
  return name === null ? `trigger ${index + 1}` : `trigger ${index + 1} (${oneLine(name, MAX_NAME)})`;
}

function nameOf(candidate: unknown): string | null {
  const name = property(candidate, 'name');
  return typeof name === 'string' && name !== '' ? name : null;
}

function property(candidate: unknown, key: keyof Trigger): unknown {
  return typeof candidate === 'object' && candidate !== null && key in candidate
    ? (candidate as Partial<Trigger>)[key]
    : undefined;
}
