import { describe, expect, it } from 'vitest';
import { isEmail } from '../../../../src/config/is-email.ts';
import { builtInTriggers } from '../../../../src/triggers/index.ts';
import { TriggerFileError } from '../../../../src/watcher/triggers/file.ts';
import { loadTriggers } from '../../../../src/watcher/triggers/load.ts';
import { closest } from '../../../../src/watcher/triggers/spelling.ts';

const fine = { name: 'Fine', emails: ['a@example.com'], evaluate: () => ({ notify: false }) };

const load = (candidates: readonly unknown[]) => loadTriggers(candidates, 'triggers.ts', '/', isEmail);

/** The lines that name the mistakes. */
async function mistakes(candidates: readonly unknown[]): Promise<string[]> {
  const error = await load(candidates).then(
    () => {
      throw new Error('nothing was refused');
    },
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TriggerFileError);
  const [first, ...lines] = (error as Error).message.split('\n');
  expect(first).toBe('wrong triggers in triggers.ts');
  return lines.map((line) => line.trim());
}

describe('triggers that are right', () => {
  it('come with their templates, in their order, the disabled ones too', async () => {
    const loaded = await load([
      { ...fine, enabled: false },
      { ...fine, name: 'Second', subject: () => 'x' },
    ]);
    expect(loaded.map(({ trigger, enabled, templateName }) => [trigger.name, enabled, templateName])).toEqual(
      [
        ['Fine', false, 'basic-alert'],
        ['Second', true, 'basic-alert'],
      ],
    );
    expect(loaded.map(({ template }) => template.html)).toEqual([true, true]);
  });

  it('are the built-in ones, with addresses or without', async () => {
    for (const emails of [[], ['a@example.com', 'b@example.com']]) {
      const loaded = await loadTriggers(builtInTriggers(emails), 'the built-in triggers', null, isEmail);
      expect(loaded.map(({ trigger, enabled }) => [trigger.name, enabled])).toEqual([
        ['Healthcheck', true],
        ['New top crasher', true],
        ['Every event', false],
        ['Every new issue', false],
      ]);
    }
  });

  it('may be instances of a class, with any further properties', async () => {
    class Own {
      name = 'Own';
      emails = [];
      threshold = 3;
      evaluate() {
        return { notify: false };
      }
    }
    expect(await load([new Own()])).toHaveLength(1);
  });
});

describe('a wrong trigger', () => {
  it.each<[unknown, string]>([
    [null, 'must be an object: a trigger'],
    ['text', 'must be an object: a trigger'],
    [() => fine, 'must be an object: a trigger'],
  ])('that is not a trigger at all is named: %s', async (candidate, expected) => {
    expect(await mistakes([candidate])).toEqual([`trigger 1: ${expected}`]);
  });

  it.each<[object, string]>([
    [{ name: undefined }, 'trigger 1: name is missing'],
    [{ name: 3 }, 'trigger 1: name must be text'],
    [{ name: '' }, 'trigger 1: name must be 1 to 100 characters on one line'],
    [{ name: 'a\nb' }, 'name must be 1 to 100 characters on one line'],
    [{ name: 'a\u202eb' }, 'name must be 1 to 100 characters on one line'],
    [{ name: 'x'.repeat(101) }, 'name must be 1 to 100 characters on one line'],
    [{ emails: undefined }, 'emails is missing'],
    [{ emails: 'a@example.com' }, 'emails must be an array of email addresses'],
    [{ emails: ['a@example.com', 3] }, 'emails[1] must be text'],
    [{ emails: ['nobody'] }, 'emails[0] must be an ASCII email address, not "nobody"'],
    [{ emails: ['a@example.com\r\nBcc: b@example.com'] }, 'emails[0] must be an ASCII email address'],
    [{ emails: ['a@example.com', 'a@example.com'] }, 'emails must name each address once'],
    [{ emails: ['a@example.com', 'A@Example.com'] }, 'emails must name each address once'],
    ...['a@-x.com', '(c)a@x.com', '.a..b@x.com', 'mailto:a@x.com', 'a,b@x.com', 'ä@x.com'].map(
      (email): [object, string] => [
        { emails: [email] },
        `trigger 1 (Fine): emails[0] must be an ASCII email address, not "${email}"`,
      ],
    ),
    [{ enabled: 'yes' }, 'enabled must be true or false'],
    [{ subject: 'text' }, 'subject must be a function'],
    [{ subject: () => 3 }, 'subject must return text, and returned number'],
    [
      { subject: (alert: { nope: string[] }) => alert.nope[0] },
      'subject failed on a sample alert: Cannot read',
    ],
    [{ template: 3 }, 'template must be text'],
    [{ template: 'absent' }, 'template "absent" is neither built in (basic-alert) nor a file'],
    [{ evaluate: undefined }, 'evaluate is missing'],
    [{ evaluate: 'no' }, 'evaluate must be a function'],
    [{ enable: false }, 'unknown key "enable": is enabled meant?'],
    [{ evalaute: () => 1 }, 'unknown key "evalaute": is evaluate meant?'],
    [{ Template: 'x' }, 'unknown key "Template": is template meant?'],
    [
      { colour: 'red' },
      'unknown key "colour"; a trigger has name, emails, enabled, subject, template, evaluate',
    ],
  ])('has its mistake reported: %j', async (part, expected) => {
    const [line, ...more] = await mistakes([{ ...fine, ...part }]);
    expect(line).toContain(expected);
    expect(more).toEqual([]);
  });

  it('may not take the name of another', async () => {
    expect(await mistakes([fine, { ...fine, name: 'Other' }, { ...fine }])).toEqual([
      'trigger 3 (Fine): the name is taken: trigger 1 has it',
    ]);
  });

  it('has all mistakes of all triggers reported at once', async () => {
    const lines = await mistakes([
      { ...fine, emails: ['nobody'], enable: false },
      fine,
      { name: 'Third', template: 'absent' },
    ]);
    expect(lines.map((line) => line.split(':', 2).join(':').slice(0, 60))).toEqual(
      [
        'trigger 1 (Fine): emails[0] must be an ASCII email address, n',
        'trigger 1 (Fine): unknown key "enable"',
        'trigger 2 (Fine): the name is taken',
        'trigger 3 (Third): emails is missing',
        'trigger 3 (Third): evaluate is missing',
        'trigger 3 (Third): template "absent" is neither built in (bas',
      ].map((line) => line.slice(0, 60)),
    );
  });

  it('is refused where it is disabled, too', async () => {
    expect(await mistakes([{ ...fine, enabled: false, template: 'absent' }])).toHaveLength(1);
  });
});

describe('the word that is probably meant', () => {
  it.each([
    ['enable', 'enabled'],
    ['email', 'emails'],
    ['evalute', 'evaluate'],
    ['SUBJECT', 'subject'],
    ['recipients', null],
    ['', null],
  ])('for %j is %j', (word, expected) => {
    expect(closest(word, ['name', 'emails', 'enabled', 'subject', 'template', 'evaluate'])).toBe(expected);
  });
});
