import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { distinctEmails } from '../../domain/email.ts';
import { oneLine } from '../../domain/text.ts';
import type { Trigger } from '../../domain/trigger.ts';
import type { Template } from '../../mail/alert-template.ts';
import { loadTemplate } from '../../mail/alert-template.ts';
import { SAMPLE_ALERT } from '../../mail/sample-alert.ts';
import { asError } from '../../runtime/errors.ts';
import { TriggerFileError } from './file.ts';
import { closest } from './spelling.ts';

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
const MAX_NAME = 100;

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
  const schema = triggerSchema(isEmail);
  const mistakes: string[] = [];
  const loaded: LoadedTrigger[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const found = [...shapeMistakes(schema, candidate), ...nameMistakes(candidates, index)];
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

type TriggerSchema = ReturnType<typeof triggerSchema>;

function triggerSchema(isEmail: (text: string) => boolean) {
  const must =
    (problem: string) =>
    ({ input }: { input?: unknown }) =>
      input === undefined ? 'is missing' : `must be ${problem}`;
  const aFunction = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', {
    error: must('a function'),
  });
  const email = z.string({ error: must('text') }).refine(isEmail, {
    error: ({ input }) => `must be an ASCII email address, not ${JSON.stringify(oneLine(String(input), 80))}`,
  });
  return z.object(
    {
      name: z
        .string({ error: must('text') })
        .refine((name) => name !== '' && oneLine(name, MAX_NAME) === name, {
          error: `must be 1 to ${MAX_NAME} characters on one line, without space at its ends or double space`,
        }),
      emails: z
        .array(email, { error: must('an array of email addresses') })
        .refine((emails) => distinctEmails(emails).length === emails.length, {
          error: 'must name each address once',
        }),
      enabled: z.boolean({ error: must('true or false') }).optional(),
      subject: aFunction.optional(),
      template: z.string({ error: must('text') }).optional(),
      evaluate: aFunction,
    },
    { error: must('an object: a trigger') },
  );
}

function shapeMistakes(schema: TriggerSchema, candidate: unknown): string[] {
  const checked = schema.safeParse(candidate);
  const mistakes = (checked.error?.issues ?? []).map(({ path, message }) =>
    [...path.map((part) => (typeof part === 'number' ? `[${part}]` : String(part))), ` ${message}`]
      .join('')
      .trim(),
  );
  return [
    ...mistakes,
    ...unknownKeys(schema, candidate),
    ...(checked.success ? subjectMistakes(candidate) : []),
  ];
}

/** A key that no trigger has is a slip of the pen: `enable: false` would leave the trigger enabled. */
function unknownKeys(schema: TriggerSchema, candidate: unknown): string[] {
  // Instances of a class may have any further property.
  if (typeof candidate !== 'object' || candidate === null) return [];
  if (Object.getPrototypeOf(candidate) !== Object.prototype) return [];
  const known = Object.keys(schema.shape);
  return Object.keys(candidate)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = closest(key, known);
      const shown = JSON.stringify(oneLine(key, 80));
      return meant === null
        ? `unknown key ${shown}; a trigger has ${known.join(', ')}`
        : `unknown key ${shown}: is ${meant} meant?`;
    });
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
